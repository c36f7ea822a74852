#include "cuda/dense_shapes.h"

#include <cstring>

#include "tensor/check.h"

namespace sil::cuda {
namespace {

int whole(int64_t n) {
  check(n <= INT32_MAX, "cuda: an extent or a step of {} elements; at most {} expected", n, INT32_MAX);
  return int(n);
}

Nchw nchw(const Tensor& t) {
  const int64_t h = t.dim(1), w = t.dim(2), c = t.dim(3);
  return {{whole(t.dim(0)), whole(c), whole(h), whole(w)}, {whole(h * w * c), 1, whole(w * c), whole(c)}};
}

}  // namespace

GemmShape gemm_shape(In a, bool a_transposed, In b, bool b_transposed, In y) {
  return {b_transposed,    a_transposed,    whole(y.dim(1)), whole(y.dim(0)), whole(a.dim(a_transposed ? 0 : 1)),
          whole(b.dim(1)), whole(a.dim(1)), whole(y.dim(1))};
}

ConvShapes conv_shapes(In x, In w, In y, Conv2dGeom g) {
  return {nchw(x),   nchw(y),  {whole(w.dim(0)), whole(w.dim(3)), whole(w.dim(1)), whole(w.dim(2))},
          g.padding, g.stride, g.dilation};
}

ConvShapes conv_transpose_shapes(In x, In w, In y, int stride) { return conv_shapes(y, w, x, {stride, 0, 1}); }

bool operator<(const ConvShapes& a, const ConvShapes& b) { return std::memcmp(&a, &b, sizeof a) < 0; }

int common_alignment(std::initializer_list<const void*> addresses) {
  uintptr_t bits = 16;
  for (const void* p : addresses) bits |= reinterpret_cast<uintptr_t>(p);
  return int(bits & (~bits + 1));
}

}  // namespace sil::cuda
