#include "cpu/widen.h"

#include "cpu/dispatch.h"
#include "tensor/threads.h"

namespace sil::cpu {

const float* widen(In x, Scratch& scratch) {
  if (!x.defined()) return nullptr;
  float* out = scratch.take_n<float>(size_t(x.numel()));
  const bfloat16* in = x.data<bfloat16>();
  parallel_for(x.numel(), 1 << 15, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) out[i] = float(in[i]);
  });
  return out;
}

void narrow(const float* x, Out y) {
  bfloat16* out = y.data<bfloat16>();
  parallel_for(y.numel(), 1 << 15, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) put(out[i], x[i]);
  });
}

}  // namespace sil::cpu
