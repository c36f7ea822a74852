#include <doctest/doctest.h>

#include "tensor/ops.h"
#include "tests/cpu/golden.h"

using namespace sil;

namespace {

std::vector<int32_t> whole(const Tensor& anchors) {
  std::vector<int32_t> v;
  for (float x : anchors.to_vector<float>()) v.push_back(int32_t(x));
  return v;
}

}  // namespace

TEST_CASE("anchors: five levels equal torchvision's, cell by cell") {
  const Golden golden("anchors");
  std::vector<Tensor> base;
  for (int64_t l = 0; l < 5; ++l) base.push_back(golden.floats("base").rows(l, l + 1).view({3, 4}));
  CHECK(whole(ops::make_anchors(base, golden.ints("grid"), golden.ints("stride"))) ==
        golden.ints("anchors").to_vector<int32_t>());
}

TEST_CASE("anchors: the stride is the padded size divided by the grid, rounded down: p6 of 800 has 61") {
  const Golden golden("anchors");
  const Tensor base = golden.floats("base").rows(4, 5).view({3, 4});
  CHECK(whole(ops::make_anchors({base}, Tensor::of<int32_t>({1, 2}, {13, 17}),
                                Tensor::of<int32_t>({1, 2}, {61, 62}))) == golden.ints("coarse").to_vector<int32_t>());
}

TEST_CASE("anchors: an empty grid has none, float64 has the same") {
  const Tensor base = Tensor::of<double>({1, 4}, {-1, -2, 1, 2});
  const Tensor stride = Tensor::of<int32_t>({1, 2}, {8, 4});
  CHECK(ops::make_anchors({base}, Tensor::of<int32_t>({1, 2}, {0, 3}), stride).shape() == Shape{0, 4});
  CHECK(ops::make_anchors({base}, Tensor::of<int32_t>({1, 2}, {2, 1}), stride).to_vector<double>() ==
        std::vector<double>{-1, -2, 1, 2, -1, 6, 1, 10});
}
