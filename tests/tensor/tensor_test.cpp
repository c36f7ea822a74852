#include "tensor/tensor.h"

#include <doctest/doctest.h>

#include "tensor/check.h"

using namespace sil;

TEST_CASE("tensor: rows of the outermost axis share memory") {
  Tensor t = Tensor::of<float>({3, 2}, {0, 1, 2, 3, 4, 5});
  Tensor r = t.rows(1, 3);
  CHECK(r.shape() == Shape{2, 2});
  CHECK(r.shares_memory_with(t));
  r.data<float>()[0] = 20;
  CHECK(t.to_vector<float>() == std::vector<float>{0, 1, 20, 3, 4, 5});
}

TEST_CASE("tensor: a view keeps the count, one extent may be inferred") {
  Tensor t = Tensor::zeros({2, 6});
  CHECK(t.view({3, -1}).shape() == Shape{3, 4});
  CHECK_THROWS_WITH_AS(t.view({5, 2}), "view: [2, 6] has 12 elements, [5, 2] has 10", Error);
}

TEST_CASE("tensor: reading another dtype says both") {
  Tensor t = Tensor::zeros({1}, DType::i32);
  CHECK_THROWS_WITH_AS(t.data<float>(), "tensor: dtype is int32, read as float32", Error);
}
