#include "models/fpn.h"

#include "tensor/range.h"

namespace sil {

Fpn::Fpn(const std::array<int, 4>& in_channels, int channels) {
  for (const int in : in_channels) {
    inner_blocks.emplace_back(Tensor::zeros({channels, 1, 1, in}), Tensor::zeros({channels}), Conv2dGeom{});
    layer_blocks.emplace_back(Tensor::zeros({channels, 3, 3, channels}), Tensor::zeros({channels}),
                              Conv2dGeom{1, 1, 1});
  }
}

std::vector<Var> Fpn::operator()(const std::vector<Var>& c) const {
  Var inner;
  std::vector<Var> p(4);
  for (size_t i = 4; i-- > 0;) {
    const Range range(fmt::format("p{}", i + 2));
    const Var lateral = inner_blocks[i](c[i]);
    inner = inner.defined() ? upsample_add(inner, lateral) : lateral;
    p[i] = layer_blocks[i](inner);
  }
  p.push_back(in_range("p6", [&] { return max_pool(p[3], {1, 2, 0}); }));
  return p;
}

void Fpn::visit(Visitor& v) {
  for (size_t i = 0; i < 4; ++i) v(fmt::format("inner_blocks.{}.0", i), inner_blocks[i]);
  for (size_t i = 0; i < 4; ++i) v(fmt::format("layer_blocks.{}.0", i), layer_blocks[i]);
}

}  // namespace sil
