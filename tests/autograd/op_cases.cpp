#include "tests/autograd/op_cases.h"

#include <algorithm>
#include <numeric>

#include "tensor/check.h"

namespace sil {
namespace {

Tensor of_dtype(const Shape& shape, const std::vector<double>& values, DType dtype) {
  return ops::cast(Tensor::of<double>(shape, values), dtype);
}

}  // namespace

Var Case::next(Tensor drawn) {
  const size_t i = vars.size();
  if (!given.empty()) {
    check(i < given.size() && given[i].shape() == drawn.shape(), "op case: input {} changes from run to run", i);
    return vars.emplace_back(given[i]);
  }
  return vars.emplace_back(Var::parameter(drawn));
}

Tensor Case::tensor(const Shape& shape, double lo, double hi) {
  const RngKey draw = key.fold(draws_++);
  std::vector<double> v(size_t(shape.numel()));
  for (size_t i = 0; i < v.size(); ++i) v[i] = lo + (hi - lo) * draw.uniform64(i);
  return of_dtype(shape, v, dtype);
}

Var Case::var(const Shape& shape, double lo, double hi) { return next(tensor(shape, lo, hi)); }

Var Case::distinct(const Shape& shape, double lo, double hi) {
  const RngKey draw = key.fold(draws_++);
  std::vector<double> v(size_t(shape.numel()));
  for (size_t i = 0; i < v.size(); ++i) v[i] = lo + (hi - lo) * (double(i) + 0.25) / double(v.size());
  for (size_t i = v.size(); i > 1; --i) std::swap(v[i - 1], v[size_t(draw.below(i, int64_t(i)))]);
  return next(of_dtype(shape, v, dtype));
}

Tensor Case::ints(const Shape& shape, int lo, int hi) {
  const RngKey draw = key.fold(draws_++);
  std::vector<int32_t> v(size_t(shape.numel()));
  for (size_t i = 0; i < v.size(); ++i) v[i] = lo + int32_t(draw.below(i, hi - lo));
  return Tensor::of<int32_t>(shape, v);
}

Tensor Case::boxes(int64_t rows, double width, double height) {
  const RngKey draw = key.fold(draws_++);
  std::vector<double> v;
  for (int64_t r = 0; r < rows; ++r) {
    const auto u = [&](int i) { return draw.uniform64(uint64_t(4 * r + i)); };
    const double x1 = u(0) * (width - 1), y1 = u(1) * (height - 1);
    const double x2 = x1 + 1 + u(2) * (width - 1 - x1), y2 = y1 + 1 + u(3) * (height - 1 - y1);
    v.insert(v.end(), {x1, y1, x2, y2});
  }
  // Boxes are never bfloat16.
  return of_dtype({rows, 4}, v, dtype == DType::f64 ? DType::f64 : DType::f32);
}

}  // namespace sil
