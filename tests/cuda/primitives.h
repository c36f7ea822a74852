// What warp primitives and atomics give, thread by thread: on fibers and, by the same source, on a GPU.  So the harness
// is held to what CUDA's guide says, and to what a GPU does.
#pragma once
#include "tensor/tensor.h"

namespace sil {

constexpr int kLanesThreads = 64;  // two warps
constexpr int kWordsThreads = 4 * kLanesThreads;

// What all threads of a grid do something to.
struct Words {
  int32_t counted, least, most, exchanged, swapped;
  uint32_t set, kept;
  float halves;
  unsigned long long counted64, least64, most64;
};
constexpr Words kFirstWords{0, INT32_MAX, INT32_MIN, -1, 0, 0, ~0u, 0, 0, ~0ull, 0};

struct Primitives {
  // x i32 [kLanesThreads], its threads' values -> y i64 [rows, kLanesThreads]; rows as primitives.cpp names them.
  void (*lanes)(const Tensor& x, Tensor& y);
  // x i32 [kWordsThreads] -> old i64 [4, kWordsThreads], what atomics returned; words u8 [sizeof(Words)].
  void (*words)(const Tensor& x, Tensor& old, Tensor& words);
};
namespace simt {
extern const Primitives primitives;
}
namespace cuda {
extern const Primitives primitives;
}

void check_primitives(Device, const Primitives&);  // doctest's checks

}  // namespace sil
