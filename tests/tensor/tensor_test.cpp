#include "tensor/tensor.h"

#include <doctest/doctest.h>

#include "tensor/check.h"
#include "tensor/kernels.h"

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
  CHECK_THROWS_WITH_AS(t.view({5, -1}), "view: [2, 6] has 12 elements, not a multiple of 5", Error);
  CHECK_THROWS_WITH_AS(t.view({-1, -1}), "view: [2, 6] has 12 elements, not a multiple of 0", Error);
}

TEST_CASE("tensor: what cannot be made, cut or read is said") {
  CHECK_THROWS_WITH_AS(Tensor::of<float>({2, 3}, {1, 2}), "tensor: 2 values given, 6 expected for shape [2, 3]", Error);
  CHECK_THROWS_WITH_AS(Tensor().data<int32_t>(), "tensor: an undefined tensor has no data", Error);
  CHECK_THROWS_WITH_AS(Tensor::zeros({2, 3}).rows(1, 3), "rows: [1, 3) of [2, 3]", Error);
  CHECK_THROWS_WITH_AS(Tensor::zeros({2, 3}).item(), "item: one element expected, shape is [2, 3]", Error);
  CHECK_THROWS_WITH_AS(Tensor({1}, DType::f16).item(), "item: float16 is not read on the host", Error);
}

TEST_CASE("device: cpu or cuda, the latter only in a build that has it") {
  CHECK(Device::parse("cpu").kind() == Device::Kind::cpu);
  for (const char* text : {"gpu", "cuda:", "cuda:x", "cuda:1234", ""})
    CHECK_THROWS_WITH_AS(Device::parse(text),
                         ("device is '" + std::string(text) + "'; cpu, cuda or cuda:N expected").c_str(), Error);
  if (!cuda_kernels())
    CHECK_THROWS_WITH_AS(Device::parse("cuda:2"),
                         "device cuda:2: this build has no CUDA; build with CUDA Toolkit 12.8 or newer and "
                         "-DSIL_CUDA=ON, or use cpu",
                         Error);
}

TEST_CASE("tensor: reading another dtype says both") {
  Tensor t = Tensor::zeros({1}, DType::i32);
  CHECK_THROWS_WITH_AS(t.data<float>(), "tensor: dtype is int32, read as float32", Error);
}
