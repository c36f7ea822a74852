#include "tensor/shape.h"

#include <algorithm>

#include "tensor/check.h"

namespace sil {

Shape::Shape(std::initializer_list<int64_t> dims) : Shape(std::span(dims.begin(), dims.size())) {}

Shape::Shape(std::span<const int64_t> dims) : rank_(int(dims.size())) {
  check(rank_ <= kMaxRank, "shape: {} axes given, at most {} expected", dims.size(), kMaxRank);
  int64_t n = 1;
  for (int i = 0; i < rank_; ++i) {
    check(dims[i] >= 0, "shape: extent {} of axis {} is negative", dims[i], i);
    check(!__builtin_mul_overflow(n, std::max<int64_t>(dims[i], 1), &n), "shape: more elements than 64 bits count");
    dims_[i] = dims[i];
  }
}

int64_t Shape::numel(int begin, int end) const {
  int64_t n = 1;
  for (int i = begin; i < end; ++i) n *= dims_[i];
  return n;
}

std::string Shape::str() const {
  std::string s = "[";
  for (int i = 0; i < rank_; ++i) s += (i ? ", " : "") + std::to_string(dims_[i]);
  return s + "]";
}

bool operator==(const Shape& a, const Shape& b) { return std::ranges::equal(a.dims(), b.dims()); }

Shape broadcast(const char* op, const Shape& a, const Shape& b) {
  const Shape& longer = a.rank() >= b.rank() ? a : b;
  Shape out = longer;
  for (int i = 1; i <= std::min(a.rank(), b.rank()); ++i) {
    const int64_t p = a[-i], q = b[-i];
    check(p == q || p == 1 || q == 1, "{}: shapes {} and {} do not broadcast (equal extents, or 1, expected)", op, a,
          b);
    out[-i] = p == 1 ? q : p;
  }
  return out;
}

}  // namespace sil
