// Moving elements: blocks along an axis, permuted axes, rows by index.
#include <cstring>

#include "cpu/cpu.h"
#include "cpu/dispatch.h"
#include "cpu/loops.h"

namespace sil::cpu {
void copy_block(Stream, In x, int64_t x_begin, Out y, int64_t y_begin, int64_t count, int axis) {
  const int64_t outer = x.shape().numel(0, axis);
  const size_t inner = size_t(x.shape().numel(axis + 1, x.rank())) * size_of(x.dtype());
  const size_t bytes = size_t(count) * inner;
  if (bytes == 0) return;
  const char* from = static_cast<const char*>(x.raw()) + size_t(x_begin) * inner;
  char* to = static_cast<char*>(y.raw()) + size_t(y_begin) * inner;
  const size_t from_step = size_t(x.dim(axis)) * inner, to_step = size_t(y.dim(axis)) * inner;
  parallel_for(outer, kGrain / int64_t(bytes) + 1, [&](int64_t begin, int64_t end) {
    for (int64_t o = begin; o < end; ++o) std::memcpy(to + size_t(o) * to_step, from + size_t(o) * from_step, bytes);
  });
}

void permute(Stream, In x, std::span<const int> perm, Out y) {
  if (y.numel() == 0) return;
  const int rank = y.rank();
  int64_t stride[Shape::kMaxRank] = {};  // of x, by y's axes
  for (int i = 0; i < rank; ++i) stride[i] = x.shape().numel(perm[size_t(i)] + 1, rank);
  const int64_t inner = rank ? y.dim(-1) : 1, step = rank ? stride[rank - 1] : 1;
  for_size(x.dtype(), [&](auto t) {
    using T = decltype(t);
    const T* from = static_cast<const T*>(x.raw());
    T* to = static_cast<T*>(y.raw());
    parallel_for(y.numel() / inner, kGrain / inner + 1, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        int64_t offset = 0, rest = row;
        for (int i = rank - 2; i >= 0; --i) {
          offset += rest % y.dim(i) * stride[i];
          rest /= y.dim(i);
        }
        const T* source = from + offset;
        T* target = to + row * inner;
        if (step == 1)
          std::memcpy(target, source, size_t(inner) * sizeof(T));
        else
          for (int64_t i = 0; i < inner; ++i) target[i] = source[i * step];
      }
    });
  });
}

void gather_rows(Stream, In x, In index, Out y) {
  const size_t bytes = size_t(x.shape().numel(1, x.rank())) * size_of(x.dtype());
  if (bytes == 0) return;
  const int32_t* rows = index.data<int32_t>();
  const char* from = static_cast<const char*>(x.raw());
  char* to = static_cast<char*>(y.raw());
  parallel_for(index.numel(), kGrain / int64_t(bytes) + 1, [&](int64_t begin, int64_t end) {
    for (int64_t m = begin; m < end; ++m)
      if (rows[m] >= 0)
        std::memcpy(to + size_t(m) * bytes, from + size_t(rows[m]) * bytes, bytes);
      else
        std::memset(to + size_t(m) * bytes, 0, bytes);
  });
}

void scatter_add_rows(Stream, In dy, In index, Out x, Scratch& scratch) {
  const int64_t columns = x.shape().numel(1, x.rank()), targets = index.numel();
  const int32_t* rows = index.data<int32_t>();
  // A thread owns columns, so that each sum has one owner and the order of m.
  auto scatter = [&](const auto* from, auto* to) {
    using A = std::remove_pointer_t<decltype(to)>;
    parallel_for(columns, kGrain / std::max<int64_t>(targets, 1) + 16, [&](int64_t begin, int64_t end) {
      for (int64_t m = 0; m < targets; ++m) {
        if (rows[m] < 0) continue;
        const auto* source = from + m * columns;
        A* sum = to + rows[m] * columns;
#pragma omp simd
        for (int64_t c = begin; c < end; ++c) sum[c] += A(source[c]);
      }
    });
  };
  for_float(x.dtype(), [&](auto t) {
    using T = decltype(t);
    if constexpr (std::is_same_v<T, bfloat16>) {
      T* out = x.data<T>();
      float* sum = scratch.take_n<float>(size_t(x.numel()));
      each(x.numel(), [=](int64_t i) { sum[i] = float(out[i]); });
      scatter(dy.data<T>(), sum);
      each(x.numel(), [=](int64_t i) { put(out[i], sum[i]); });
    } else {
      scatter(dy.data<T>(), x.data<T>());
    }
  });
}

}  // namespace sil::cpu
