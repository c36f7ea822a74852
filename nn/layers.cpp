#include "nn/layers.h"

#include "nn/layer_log.h"

namespace sil {
namespace {

Parameter optional_parameter(Tensor b) { return b.defined() ? Parameter(std::move(b)) : Parameter(); }

// [a, ...] -> [a, b]
Var flatten(const Var& x) {
  const int64_t rows = x.dim(0), columns = x.shape().numel() / std::max<int64_t>(rows, 1);
  if (x.shape().rank() == 2) return x;
  return view(x, {rows, columns});
}

}  // namespace

Conv2d::Conv2d(Tensor w, Tensor b, Conv2dGeom g)
    : weight(std::move(w), Layout::channels_last), bias(optional_parameter(std::move(b))), geom(g) {}

Var Conv2d::operator()(const Var& x, bool relu) const {
  return logged(weight, x, [&, t = x.value().dtype()] { return conv2d(x, weight.in(t), geom, bias.in(t), {}, relu); });
}

ConvTranspose2d::ConvTranspose2d(Tensor w, Tensor b, int s)
    : weight(std::move(w), Layout::channels_last), bias(optional_parameter(std::move(b))), stride(s) {}

Var ConvTranspose2d::operator()(const Var& x, bool relu) const {
  return logged(weight, x,
                [&, t = x.value().dtype()] { return conv_transpose2d(x, weight.in(t), stride, bias.in(t), relu); });
}

Linear::Linear(Tensor w, Tensor b)
    : weight(w, w.rank() == 4 ? Layout::flattened : Layout::plain), bias(optional_parameter(std::move(b))) {}

Var Linear::operator()(const Var& x, bool relu) const {
  return logged(weight, x, [&, t = x.value().dtype()] {
    const Var w = flatten(weight.in(t));
    return linear(view(x, {x.dim(0), w.dim(1)}), w, bias.in(t), relu);
  });
}

}  // namespace sil
