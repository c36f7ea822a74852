#include "nn/conv_norm.h"

#include "nn/layer_log.h"

namespace sil {
namespace {

Var add_relu(const Var& x, const Var& skip, bool with_relu) {
  const Var y = skip.defined() ? add(x, skip) : x;
  return with_relu ? relu(y) : y;
}

// Weights [O, kH, kW, I] times scale [O], in their own dtype.
Var scale_outputs(const Var& w, const Tensor& scale) { return mul(w, scale.view({-1, 1, 1, 1})); }

// The norm as a constant scale and shift, where it is one.
std::optional<Affine> constant_affine(const Norm& norm, Mode mode) {
  if (auto* frozen = std::get_if<FrozenBatchNorm>(&norm)) return frozen->affine();
  if (auto* batch = std::get_if<BatchNorm>(&norm); batch && mode == Mode::test) return batch->affine();
  return std::nullopt;
}

}  // namespace

Norm make_norm(NormKind kind, int64_t channels, float eps) {
  switch (kind) {
    case NormKind::frozen_bn:
      return FrozenBatchNorm(channels, eps);
    case NormKind::batch_norm:
      return BatchNorm(channels, eps);
    case NormKind::group_norm:
      return GroupNorm(channels, eps);
  }
  return std::monostate{};
}

Var ConvNorm::operator()(const Var& x, Mode mode, const Var& skip) {
  if (auto affine = constant_affine(norm, mode))
    return logged(conv.weight, x, [&, t = x.value().dtype()] {
      const Var w = scale_outputs(conv.weight.var, affine->scale);
      return conv2d(x, cast(w, t), conv.geom, ops::cast(affine->shift, t), skip, relu);
    });
  if (auto* batch = std::get_if<BatchNorm>(&norm)) return add_relu((*batch)(conv(x)), skip, relu);
  if (auto* group = std::get_if<GroupNorm>(&norm)) return add_relu((*group)(conv(x)), skip, relu);
  return logged(conv.weight, x, [&, t = x.value().dtype()] {
    return conv2d(x, conv.weight.in(t), conv.geom, conv.bias.in(t), skip, relu);
  });
}

void ConvNorm::fold() {
  auto affine = constant_affine(norm, Mode::test);
  if (!affine) return;
  conv.weight.set(scale_outputs(conv.weight.value(), affine->scale).value());
  conv.bias = Parameter(affine->shift);
  norm = std::monostate{};
}

void ConvNorm::visit(Visitor& v, std::string_view conv_name, std::string_view norm_name) {
  v(conv_name, conv);
  if (auto* frozen = std::get_if<FrozenBatchNorm>(&norm)) v(norm_name, *frozen);
  if (auto* batch = std::get_if<BatchNorm>(&norm)) v(norm_name, *batch);
  if (auto* group = std::get_if<GroupNorm>(&norm)) v(norm_name, *group);
}

}  // namespace sil
