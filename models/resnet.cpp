#include "models/resnet.h"

#include <fmt/format.h>

#include "tensor/check.h"
#include "tensor/range.h"

namespace sil {
namespace {

struct Plan {
  const char* name;
  std::array<int, 4> blocks;  // in each stage
  bool bottleneck;
};

// Table 1.
constexpr Plan kPlans[] = {{"resnet18", {2, 2, 2, 2}, false},
                           {"resnet34", {3, 4, 6, 3}, false},
                           {"resnet50", {3, 4, 6, 3}, true},
                           {"resnet101", {3, 4, 23, 3}, true}};

const Plan& plan_of(const std::string& backbone) {
  for (const Plan& plan : kPlans)
    if (plan.name == backbone) return plan;
  fail("config: model.backbone is {}; {} expected", backbone, fmt::join(backbone_names(), ", "));
}

struct Maker {
  NormKind norm;
  float eps;

  ConvNorm operator()(int in, int out, int kernel, int stride, bool relu) const {
    return {Conv2d(Tensor::zeros({out, kernel, kernel, in}), {}, {stride, kernel / 2, 1}), make_norm(norm, out, eps),
            relu};
  }
};

ResidualBlock make_block(const Maker& make, bool bottleneck, int in, int width, int stride) {
  const int out = bottleneck ? 4 * width : width;
  ResidualBlock block;
  if (bottleneck) {
    block.convs.push_back(make(in, width, 1, 1, true));
    block.convs.push_back(make(width, width, 3, stride, true));
    block.convs.push_back(make(width, out, 1, 1, true));
  } else {
    block.convs.push_back(make(in, width, 3, stride, true));
    block.convs.push_back(make(width, out, 3, 1, true));
  }
  if (stride != 1 || in != out) block.downsample = make(in, out, 1, stride, false);
  return block;
}

}  // namespace

std::vector<std::string> backbone_names() {
  std::vector<std::string> names;
  for (const Plan& plan : kPlans) names.push_back(plan.name);
  return names;
}

Var ResidualBlock::operator()(const Var& x, Mode mode) {
  Var y = x;
  for (size_t i = 0; i + 1 < convs.size(); ++i) y = convs[i](y, mode);
  return convs.back()(y, mode, downsample ? (*downsample)(x, mode) : x);
}

void ResidualBlock::visit(Visitor& v) {
  for (size_t i = 0; i < convs.size(); ++i) v(fmt::format("conv{}", i + 1), fmt::format("bn{}", i + 1), convs[i]);
  if (downsample) v("downsample.0", "downsample.1", *downsample);
}

ResNet::ResNet(const std::string& backbone, NormKind norm, float eps) : stem(Maker{norm, eps}(3, 64, 7, 2, true)) {
  const Plan& plan = plan_of(backbone);
  int in = 64;
  for (int s = 0; s < 4; ++s) {
    const int width = 64 << s;
    for (int b = 0; b < plan.blocks[size_t(s)]; ++b) {
      const int stride = s > 0 && b == 0 ? 2 : 1;
      stages[size_t(s)].push_back(make_block({norm, eps}, plan.bottleneck, in, width, stride));
      in = plan.bottleneck ? 4 * width : width;
    }
  }
}

std::vector<Var> ResNet::operator()(const Var& photos, Mode mode) {
  Var x;
  std::vector<Var> c;
  for (size_t s = 0; s < 4; ++s) {
    const Range range(fmt::format("c{}", s + 2));
    if (s == 0) x = max_pool(stem(photos, mode), {3, 2, 1});
    for (ResidualBlock& block : stages[s]) x = block(x, mode);
    c.push_back(x);
  }
  return c;
}

void ResNet::visit(Visitor& v) {
  v("conv1", "bn1", stem);
  for (size_t s = 0; s < 4; ++s) v(fmt::format("layer{}", s + 1), stages[s]);
}

std::array<int, 4> ResNet::channels() const {
  std::array<int, 4> c{};
  for (size_t s = 0; s < 4; ++s) c[s] = int(stages[s].back().convs.back().conv.weight.value().dim(0));
  return c;
}

void ResNet::freeze_all_but(int layers) {
  Visitor v;
  if (layers < 5) v("conv1", "bn1", stem);
  for (int s = 0; s < 4 - layers; ++s) v("", stages[size_t(s)]);
  freeze(v.leaves);
}

std::vector<ConvNorm*> ResNet::conv_norms() {
  std::vector<ConvNorm*> all{&stem};
  for (auto& stage : stages)
    for (ResidualBlock& block : stage) {
      for (ConvNorm& c : block.convs) all.push_back(&c);
      if (block.downsample) all.push_back(&*block.downsample);
    }
  return all;
}

void ResNet::fold() {
  for (ConvNorm* c : conv_norms()) c->fold();
}

}  // namespace sil
