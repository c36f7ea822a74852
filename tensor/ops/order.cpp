// The largest first.
#include "tensor/ops.h"
#include "tensor/ops/arguments.h"

namespace sil::ops {

TopK top_k(const Tensor& x, int64_t k, const Tensor& counts) {
  want_float("top_k", "x", x);
  want_rank("top_k", "x", x, 2, "[R, M]");
  check(k >= 0, "top_k: k is {}; 0 or more expected", k);
  if (counts.defined()) {
    want_same_device("top_k", "x", x, "counts", counts);
    want_dtype("top_k", "counts", counts, DType::i32);
    want_shape("top_k", "counts", counts, {x.dim(0)}, "[R]");
  }
  TopK top{Tensor({x.dim(0), k}, x.dtype(), x.device()), Tensor({x.dim(0), k}, DType::i32, x.device())};
  Scratch scratch(x.device());
  x.device().kernels().top_k({}, x, counts, top.values, top.index, scratch);
  return top;
}

TopK sort_descending(const Tensor& x) {
  want_float("sort_descending", "x", x);
  want_rank("sort_descending", "x", x, 2, "[R, M]");
  return top_k(x, x.dim(1));
}

}  // namespace sil::ops
