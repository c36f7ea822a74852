#include "tests/cuda/primitives.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <numeric>
#include <vector>

namespace sil {
namespace {

using Values = std::vector<int64_t>;

// A warp: the values of its 32 lanes and the number of its first thread.
struct Warp {
  const int32_t* x;
  int first;

  int64_t ballot(const std::function<bool(int)>& holds, int begin, int end) const {
    int64_t bits = 0;
    for (int lane = begin; lane < end; ++lane) bits |= int64_t(holds(lane)) << lane;
    return bits;
  }
  int64_t thirds(int begin, int end) const {
    return ballot([&](int lane) { return x[lane] % 3 == 0; }, begin, end);
  }
  const int32_t* begin_half(int lane) const { return x + lane / 16 * 16; }
  const int32_t* end_half(int lane) const { return begin_half(lane) + 16; }
  std::vector<uint32_t> naturals() const { return {x, x + 32}; }
};

struct Row {
  const char* what;
  std::function<int64_t(const Warp&, int lane)> expected;
};

// As the CUDA C++ Programming Guide describes them, sections "Warp Shuffle Functions", "Warp Vote Functions" and "Warp
// Reduce Functions".
const std::vector<Row> kRows{
    {"shfl, one lane", [](const Warp& w, int) { return w.x[5]; }},
    {"shfl, within 8 lanes", [](const Warp& w, int l) { return w.x[l / 8 * 8 + (l + 3) % 8]; }},
    {"shfl, 64 bits", [](const Warp& w, int l) { return int64_t(w.x[31 - l]) << 32 | (w.first + 31 - l); }},
    {"shfl, a float", [](const Warp& w, int l) { return w.x[l % 16 * 2]; }},
    {"shfl_up", [](const Warp& w, int l) { return w.x[l < 3 ? l : l - 3]; }},
    {"shfl_up, within 8 lanes", [](const Warp& w, int l) { return w.x[l % 8 < 3 ? l : l - 3]; }},
    {"shfl_down", [](const Warp& w, int l) { return w.x[l + 3 > 31 ? l : l + 3]; }},
    {"shfl_down, within 16 lanes", [](const Warp& w, int l) { return w.x[l % 16 + 3 > 15 ? l : l + 3]; }},
    {"shfl_xor", [](const Warp& w, int l) { return w.x[l ^ 9]; }},
    {"shfl_xor, within 8 lanes or from those before",
     [](const Warp& w, int l) { return w.x[(l ^ 9) / 8 > l / 8 ? l : l ^ 9]; }},
    {"ballot", [](const Warp& w, int) { return w.thirds(0, 32); }},
    {"ballot of a half", [](const Warp& w, int l) { return w.thirds(l / 16 * 16, l / 16 * 16 + 16); }},
    {"any of a half", [](const Warp& w, int l) { return w.first == 32 && l < 16; }},
    {"any", [](const Warp&, int) { return 1; }},
    {"all of a half", [](const Warp& w, int l) { return !(w.first == 32 && l < 16); }},
    {"all", [](const Warp& w, int) { return w.first == 32; }},
    {"reduce_add, signed", [](const Warp& w, int l) { return std::accumulate(w.begin_half(l), w.end_half(l), 0); }},
    {"reduce_min, signed", [](const Warp& w, int l) { return *std::min_element(w.begin_half(l), w.end_half(l)); }},
    {"reduce_max, signed", [](const Warp& w, int l) { return *std::max_element(w.begin_half(l), w.end_half(l)); }},
    {"reduce_add, unsigned", [](const Warp& w, int) { return uint32_t(std::accumulate(w.x, w.x + 32, 0)); }},
    {"reduce_min, unsigned",
     [](const Warp& w, int) {
       const auto v = w.naturals();
       return *std::min_element(v.begin(), v.end());
     }},
    {"reduce_max, unsigned",
     [](const Warp& w, int) {
       const auto v = w.naturals();
       return *std::max_element(v.begin(), v.end());
     }},
    {"odd lanes shuffle, even ones add",
     [](const Warp& w, int l) {
       if (l % 2) return w.x[l ^ 2];
       int sum = 0;
       for (int lane = 0; lane < 32; lane += 2) sum += w.x[lane];
       return sum;
     }},
};

std::vector<int32_t> thread_values(int threads) {
  std::vector<int32_t> v;
  for (int t = 0; t < threads; ++t) v.push_back((t * 7919 + 11) % 1009 - 300);
  return v;
}

Values counted(int64_t first, int64_t step, int count) {
  Values v;
  for (int i = 0; i < count; ++i) v.push_back(first + i * step);
  return v;
}

void check_lanes(Device device, const Primitives& primitives) {
  const std::vector<int32_t> x = thread_values(kLanesThreads);
  Tensor y({int64_t(kRows.size()), kLanesThreads}, DType::i64, device);
  primitives.lanes(Tensor::of({kLanesThreads}, x, device), y);
  const Values found = y.to_vector<int64_t>();
  for (size_t row = 0; row < kRows.size(); ++row)
    for (int t = 0; t < kLanesThreads; ++t) {
      CAPTURE(std::string(kRows[row].what));
      CAPTURE(t);
      const int first = t / 32 * 32;
      CHECK(found[row * kLanesThreads + size_t(t)] == kRows[row].expected({x.data() + first, first}, t - first));
    }
}

void check_words(Device device, const Primitives& primitives) {
  const std::vector<int32_t> x = thread_values(kWordsThreads);
  std::vector<uint8_t> bytes(sizeof(Words));
  std::memcpy(bytes.data(), &kFirstWords, sizeof(Words));
  Tensor old({4, kWordsThreads}, DType::i64, device), words = Tensor::of({sizeof(Words)}, bytes, device);
  primitives.words(Tensor::of({kWordsThreads}, x, device), old, words);
  bytes = words.to_vector<uint8_t>();
  Words w;
  std::memcpy(&w, bytes.data(), sizeof w);
  // Each thread found another one's result, whatever their order was.
  const Values all = old.to_vector<int64_t>();
  const auto sorted = [&](int row, Values more) {
    more.insert(more.end(), all.begin() + row * kWordsThreads, all.begin() + (row + 1) * kWordsThreads);
    std::sort(more.begin(), more.end());
    return more;
  };
  CHECK(sorted(0, {}) == counted(0, 1, kWordsThreads));
  CHECK(sorted(1, {}) == counted(0, int64_t(1) << 33, kWordsThreads));
  CHECK(sorted(2, {w.exchanged}) == counted(-1, 1, kWordsThreads + 1));
  CHECK(sorted(3, {}) == counted(0, 1, kWordsThreads));
  CHECK(w.counted == kWordsThreads);
  CHECK(w.counted64 == uint64_t(kWordsThreads) << 33);
  CHECK(w.swapped == kWordsThreads);
  CHECK(w.least == *std::min_element(x.begin(), x.end()));
  CHECK(w.most == *std::max_element(x.begin(), x.end()));
  CHECK(w.set == 0x7FFFFFFFu);
  CHECK(w.kept == ~0x7Fu);
  CHECK(w.halves == kWordsThreads / 2.0f);
  const std::vector<unsigned long long> naturals(x.begin(), x.end());
  CHECK(w.least64 == *std::min_element(naturals.begin(), naturals.end()));
  CHECK(w.most64 == *std::max_element(naturals.begin(), naturals.end()));
}

}  // namespace

void check_primitives(Device device, const Primitives& primitives) {
  check_lanes(device, primitives);
  check_words(device, primitives);
}

}  // namespace sil
