// Movement: other dtypes, other orders, parts and wholes.
#include <fmt/format.h>

#include "tensor/ops.h"
#include "tensor/ops/arguments.h"

namespace sil::ops {
namespace {

Shape with_extent(Shape shape, int axis, int64_t extent) {
  shape[axis] = extent;
  return shape;
}

}  // namespace

Tensor cast(const Tensor& x, DType dtype) {
  want_defined("cast", "x", x);
  if (x.dtype() == dtype) return x;
  const bool cpu = x.device().kind() == Device::Kind::cpu;
  for (DType t : {x.dtype(), dtype})
    check(t != (cpu ? DType::f16 : DType::f64), "cast: {} to {} on {}; float16 lives on CUDA only, float64 on the CPU",
          name(x.dtype()), name(dtype), x.device().str());
  Tensor y(x.shape(), dtype, x.device());
  x.device().kernels().cast({}, x, y);
  return y;
}

Tensor permute(const Tensor& x, const std::vector<int>& perm) {
  want_defined("permute", "x", x);
  unsigned seen = 0;
  Shape shape = x.shape();
  bool ok = int(perm.size()) == x.rank();
  for (size_t i = 0; ok && i < perm.size(); ++i) {
    ok = perm[i] >= 0 && perm[i] < x.rank() && !(seen >> perm[i] & 1);
    if (ok) seen |= 1u << perm[i], shape[int(i)] = x.dim(perm[i]);
  }
  check(ok, "permute: axes ({}) of {}; each of 0 to {} once expected", fmt::join(perm, ", "), x.shape(), x.rank() - 1);
  Tensor y(shape, x.dtype(), x.device());
  x.device().kernels().permute({}, x, perm, y);
  return y;
}

Tensor transpose(const Tensor& x) {
  want_rank("transpose", "x", x, 2, "[M, N]");
  return permute(x, {1, 0});
}

Tensor slice(const Tensor& x, int axis, int64_t begin, int64_t end) {
  want_defined("slice", "x", x);
  axis = want_axis("slice", x, axis);
  check(0 <= begin && begin <= end && end <= x.dim(axis), "slice: [{}, {}) of axis {} of {}; within [0, {}) expected",
        begin, end, axis, x.shape(), x.dim(axis));
  Tensor y(with_extent(x.shape(), axis, end - begin), x.dtype(), x.device());
  x.device().kernels().copy_block({}, x, begin, y, 0, end - begin, axis);
  return y;
}

Tensor concat(const std::vector<Tensor>& parts, int axis) {
  check(!parts.empty(), "concat: no parts; at least one expected");
  const Tensor& first = parts[0];
  want_defined("concat", "part 0", first);
  axis = want_axis("concat", first, axis);
  int64_t extent = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    const Tensor& p = parts[i];
    want_alike("concat", "part 0", first, fmt::format("part {}", i).c_str(), p);
    check(p.rank() == first.rank() && with_extent(p.shape(), axis, first.dim(axis)) == first.shape(),
          "concat: part {} is {}, part 0 is {}; extents equal but for axis {} expected", i, p.shape(), first.shape(),
          axis);
    extent += p.dim(axis);
  }
  Tensor y(with_extent(first.shape(), axis, extent), first.dtype(), first.device());
  int64_t at = 0;
  for (const Tensor& p : parts) {
    p.device().kernels().copy_block({}, p, 0, y, at, p.dim(axis), axis);
    at += p.dim(axis);
  }
  return y;
}

Tensor pad(const Tensor& x, int axis, int64_t before, int64_t after) {
  want_defined("pad", "x", x);
  axis = want_axis("pad", x, axis);
  check(before >= 0 && after >= 0, "pad: {} before and {} after axis {} of {}; 0 or more expected", before, after, axis,
        x.shape());
  const Shape shape = with_extent(x.shape(), axis, before + x.dim(axis) + after);
  Tensor y = Tensor::zeros(shape, x.dtype(), x.device());
  x.device().kernels().copy_block({}, x, 0, y, before, x.dim(axis), axis);
  return y;
}

namespace {

void want_index(const char* op, const Tensor& x, const Tensor& index, int64_t rows) {
  want_dtype(op, "index", index, DType::i32);
  want_rank(op, "index", index, 1, "[M]");
  want_same_device(op, "x", x, "index", index);
  if (index.device().kind() != Device::Kind::cpu) return;  // elsewhere reading it would halt the queue
  const int32_t* i = index.data<int32_t>();
  for (int64_t m = 0; m < index.numel(); ++m)
    check(i[m] < rows, "{}: index {} at {}; less than the {} rows expected", op, i[m], m, rows);
}

}  // namespace

Tensor gather_rows(const Tensor& x, const Tensor& index) {
  want_defined("gather_rows", "x", x);
  check(x.rank() >= 1, "gather_rows: x is []; at least one axis expected");
  want_index("gather_rows", x, index, x.dim(0));
  Tensor y(with_extent(x.shape(), 0, index.dim(0)), x.dtype(), x.device());
  x.device().kernels().gather_rows({}, x, index, y);
  return y;
}

Tensor scatter_add_rows(const Tensor& dy, const Tensor& index, int64_t rows) {
  want_float("scatter_add_rows", "dy", dy);
  check(dy.rank() >= 1, "scatter_add_rows: dy is []; at least one axis expected");
  check(rows >= 0, "scatter_add_rows: {} rows; 0 or more expected", rows);
  want_index("scatter_add_rows", dy, index, rows);
  check(index.dim(0) == dy.dim(0), "scatter_add_rows: index is {}, dy is {}; as many rows expected", index.shape(),
        dy.shape());
  Tensor x = Tensor::zeros(with_extent(dy.shape(), 0, rows), dy.dtype(), dy.device());
  Scratch scratch(dy.device());
  dy.device().kernels().scatter_add_rows({}, dy, index, x, scratch);
  return x;
}

Tensor arange(int64_t count, Device device) {
  check(count >= 0 && count <= INT32_MAX, "arange: count is {}; 0 to {} expected", count, INT32_MAX);
  Tensor y({count}, DType::i32, device);
  device.kernels().arange({}, y);
  return y;
}

Tensor lookup(const Tensor& table, const Tensor& index) {
  want_dtype("lookup", "table", table, DType::i32);
  want_rank("lookup", "table", table, 1, "[T]");
  want_index("lookup", table, index, table.dim(0));
  Tensor y = empty_like(index);
  index.device().kernels().lookup({}, table, index, y);
  return y;
}

void increment(Tensor& counter) {
  check(counter.defined() && counter.dtype() == DType::i64 && counter.numel() == 1,
        "increment: counter is {} {}; one int64 expected", name(counter.dtype()), counter.shape());
  counter.device().kernels().increment({}, counter);
}

void assign(Tensor& y, const Tensor& x) {
  want_defined("assign", "y", y);
  want_alike("assign", "y", y, "x", x);
  want_same_shape("assign", "y", y, "x", x);
  y.device().kernels().copy({}, x, y);
}

Tensor join_index(const Tensor& outer, const Tensor& inner, int64_t extent) {
  want_rank("join_index", "outer", outer, 1, "[M]");
  want_dtype("join_index", "outer", outer, DType::i32);
  want_alike("join_index", "outer", outer, "inner", inner);
  want_same_shape("join_index", "outer", outer, "inner", inner);
  want_index("join_index", outer, inner, extent);
  Tensor y = empty_like(outer);
  outer.device().kernels().join_index({}, outer, inner, extent, y);
  return y;
}

std::pair<Tensor, Tensor> split_index(const Tensor& index, int64_t extent) {
  want_dtype("split_index", "index", index, DType::i32);
  want_rank("split_index", "index", index, 1, "[M]");
  check(extent > 0, "split_index: extent is {}; more than 0 expected", extent);
  std::pair<Tensor, Tensor> y{empty_like(index), empty_like(index)};
  index.device().kernels().split_index({}, index, extent, y.first, y.second);
  return y;
}

}  // namespace sil::ops
