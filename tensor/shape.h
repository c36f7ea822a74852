// The extents of a tensor, outermost first.  At most six axes, so a Shape lives on the stack.
#pragma once
#include <fmt/core.h>

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

namespace sil {

class Shape {
 public:
  static constexpr int kMaxRank = 6;

  Shape() = default;  // rank 0: a scalar, one element
  Shape(std::initializer_list<int64_t> dims);
  explicit Shape(std::span<const int64_t> dims);

  int rank() const { return rank_; }
  int64_t operator[](int axis) const { return dims_[axis < 0 ? axis + rank_ : axis]; }  // -1 is the innermost axis
  int64_t& operator[](int axis) { return dims_[axis < 0 ? axis + rank_ : axis]; }
  int64_t numel() const { return numel(0, rank_); }
  int64_t numel(int begin, int end) const;  // of axes [begin, end) alone
  std::span<const int64_t> dims() const { return {dims_, size_t(rank_)}; }
  std::string str() const;  // "[2, 3]"

  friend bool operator==(const Shape& a, const Shape& b);

 private:
  int64_t dims_[kMaxRank] = {};
  int rank_ = 0;
};

// The shape that a and b broadcast to (numpy's rule: aligned at the innermost axis, extents equal or 1).
// Throws an Error that names `op` and both shapes.
Shape broadcast(const char* op, const Shape& a, const Shape& b);

}  // namespace sil

template <>
struct fmt::formatter<sil::Shape> {
  constexpr auto parse(fmt::format_parse_context& ctx) { return ctx.begin(); }
  auto format(const sil::Shape& s, fmt::format_context& ctx) const {
    const std::string text = s.str();
    return std::copy(text.begin(), text.end(), ctx.out());
  }
};
