// The k largest of each row.  Values become integers of the same order, so that NaN has a place (the last), and carry
// their index, so that no two are equal and any selection is the stable one.
#include "cpu/cpu.h"
#include "cpu/dispatch.h"
#include "cpu/loops.h"
#include "tensor/ordered_bits.h"

namespace sil::cpu {
namespace {

template <class Bits>
struct Entry {
  Bits key;
  uint32_t index;
  bool operator<(const Entry& o) const { return key > o.key || (key == o.key && index < o.index); }  // "comes before"
};

template <class T, class Item>
void top_k_row(const T* x, int64_t n, Item* items, T* values, int32_t* index, int64_t k) {
  using Bits = decltype(Item::key);
  for (int64_t i = 0; i < n; ++i) items[i] = {ordered_bits<Bits>(Compute<T>(x[i])), uint32_t(i)};
  const int64_t found = std::min(n, k);
  if (found < n) std::nth_element(items, items + found, items + n);
  std::sort(items, items + found);
  for (int64_t i = 0; i < found; ++i) {
    index[i] = int32_t(items[i].index);
    values[i] = x[items[i].index];
  }
  std::fill(index + found, index + k, -1);
  std::fill(values + found, values + k, T(0));
}

}  // namespace

void top_k(Stream, In x, In counts, Out values, Out index, Scratch& scratch) {
  const int64_t rows = x.dim(0), columns = x.dim(1), k = values.dim(1);
  if (k == 0) return;
  for_float(x.dtype(), [&](auto t) {
    using T = decltype(t);
    using Item = Entry<std::conditional_t<std::is_same_v<T, double>, uint64_t, uint32_t>>;
    Item* items = scratch.take_n<Item>(size_t(x.numel()));
    parallel_for(rows, kGrain / (columns + 1) + 1, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        const int64_t n = counts.defined() ? std::min<int64_t>(counts.data<int32_t>()[r], columns) : columns;
        top_k_row(x.data<T>() + r * columns, n, items + r * columns, values.data<T>() + r * k,
                  index.data<int32_t>() + r * k, k);
      }
    });
  });
}

}  // namespace sil::cpu
