#include <limits>

#include "tests/cpu/random.h"
#include "tests/cuda/kernel_cases.h"

namespace sil {

Tensor On::random(const Shape& shape, uint64_t seed, double lo, double hi) const {
  return floats(shape, test::random_values(shape.numel(), seed, lo, hi));
}
Tensor On::floats(const Shape& shape, const std::vector<double>& values) const {
  if (rounded_to != DType::f16) return ops::cast(ops::cast(Tensor::of(shape, values), rounded_to), dtype).to(device);
  std::vector<float> fitting;  // the CPU has no float16
  for (double v : values) fitting.push_back(float(float16(float(v))));
  return ops::cast(Tensor::of(shape, fitting).to(device), dtype);
}
Tensor On::ints(const std::vector<int32_t>& v) const { return Tensor::of<int32_t>({int64_t(v.size())}, v).to(device); }

namespace {

const double kNan = std::numeric_limits<double>::quiet_NaN(), kInf = std::numeric_limits<double>::infinity();

// To each dtype, and from each back to float32.
std::vector<Tensor> casts(const Tensor& x) {
  std::vector<Tensor> all;
  for (DType to : {DType::f32, DType::bf16, DType::i32, DType::i64, DType::u8}) {
    all.push_back(ops::cast(x, to));
    all.push_back(ops::cast(all.back(), DType::f32));
  }
  return all;
}

}  // namespace

std::vector<KernelCase> movement_cases() {
  return {
      {"fill", "every dtype",
       [](const On& on) {
         std::vector<Tensor> all;
         for (DType t : {DType::f32, DType::bf16, DType::i32, DType::i64, DType::u8})
           for (int64_t n : {0, 1, 255, 1000}) all.push_back(Tensor::full({n}, 7, t, on.device));
         return all;
       }},
      {"copy", "a clone",
       [](const On& on) {
         return std::vector{on.random({3, 5}, 1).clone()};
       }},
      {"cast", "random values", [](const On& on) { return casts(on.random({777}, 1, -300, 300)); }},
      {"cast", "whole vectors", [](const On& on) { return casts(on.random({96}, 1, -300, 300)); }},
      {"cast", "the ends of each range",
       [](const On& on) {
         return casts(on.floats({12}, {0, -0.0, 0.5, -0.5, 255.5, 256, -1, 3e9, -3e9, kNan, kInf, -kInf}));
       }},
      {"cast", "from integers",
       [](const On& on) {
         return casts(on.ints({0, 1, -1, 255, 256, 1 << 30, -(1 << 30), 16777217}));
       }},
      {"copy_block", "slices of each axis",
       [](const On& on) {
         const Tensor x = on.random({5, 7, 3}, 1);
         return std::vector{ops::slice(x, 0, 1, 4), ops::slice(x, 1, 2, 7), ops::slice(x, 2, 0, 1),
                            ops::slice(x, 1, 3, 3)};
       }},
      {"copy_block", "concat and pad",
       [](const On& on) {
         const Tensor x = on.random({2, 300, 3}, 1), y = on.random({2, 1, 3}, 2);
         return std::vector{ops::concat({x, y, x}, 1), ops::pad(y, 2, 1, 2)};
       }},
      {"copy_block", "whole vectors, at addresses that are some and none",
       [](const On& on) {
         const Tensor x = on.random({3, 5, 16}, 1), y = on.random({3, 2, 16}, 2);
         return std::vector{ops::concat({x, y, x}, 1), ops::slice(x, 2, 8, 16), ops::slice(x, 2, 1, 9),
                            ops::slice(x, 0, 1, 3)};
       }},
      {"copy_block", "bytes",
       [](const On& on) {
         return std::vector{ops::concat(
             {Tensor::full({3, 2}, 1, DType::u8, on.device), Tensor::full({3, 5}, 2, DType::u8, on.device)}, 1)};
       }},
      {"permute", "two to four axes",
       [](const On& on) {
         return std::vector{
             ops::permute(on.random({40, 33}, 1), {1, 0}), ops::permute(on.random({2, 3, 4, 5}, 2), {0, 3, 1, 2}),
             ops::permute(on.random({4, 1, 6}, 3), {2, 0, 1}), ops::permute(on.random({0, 3}, 4), {1, 0})};
       }},
      {"gather_rows", "rows twice, never, and empty ones",
       [](const On& on) {
         return std::vector{ops::gather_rows(on.random({5, 3, 7}, 1), on.ints({4, 0, 4, -1, 2, 4})),
                            ops::gather_rows(on.random({5, 16}, 1), on.ints({4, 0, 4, -1, 2, 4})),
                            ops::gather_rows(on.random({5, 259}, 1), on.ints({4, 0, -1, 2, 4})),
                            ops::gather_rows(on.random({5, 1032}, 1), on.ints({4, 0, -1, 2, 4})),
                            ops::gather_rows(on.random({5, 3}, 1), on.ints({}))};
       }},
      {"arange", "none, more than a block",
       [](const On& on) {
         return std::vector{ops::arange(0, on.device), ops::arange(3000, on.device)};
       },
       0},
      {"lookup", "with none",
       [](const On& on) {
         return std::vector{ops::lookup(on.ints({5, 6, 7}), on.ints({2, -1, 0, -7, 1})),
                            ops::lookup(on.ints({}), on.ints({}))};
       },
       0, true},
      {"join_index", "with none on either side",
       [](const On& on) {
         return std::vector{ops::join_index(on.ints({0, 2, -1, 1, 70000}), on.ints({3, 1, 1, -1, 2}), 4000)};
       },
       0, true},
      {"increment", "beyond 32 bits",
       [](const On& on) {
         Tensor counter = on(Tensor::of<int64_t>({1}, {int64_t(1) << 40}));
         ops::increment(counter), ops::increment(counter);
         return std::vector{counter};
       }},
      {"split_index", "with none",
       [](const On& on) {
         const auto [outer, inner] = ops::split_index(on.ints({0, 3, 9, -1, -5, 280000002}), 4);
         return std::vector{outer, inner};
       },
       0, true},
      {"scatter_add_rows", "rows twice, never, and empty ones",
       [](const On& on) {
         return std::vector{ops::scatter_add_rows(on.random({6, 3}, 1), on.ints({4, 0, 4, -1, 2, 4}), 5),
                            ops::scatter_add_rows(on.random({0, 3}, 1), on.ints({}), 5)};
       }},
      {"scatter_add_rows", "more rows than a block, more columns than a block",
       [](const On& on) {
         std::vector<int32_t> index;
         for (int i = 0; i < 700; ++i) index.push_back(i % 3 == 0 ? 1 : i % 4 - 1);
         return std::vector{ops::scatter_add_rows(on.random({700, 300}, 1), on.ints(index), 4)};
       },
       64},
      {"scatter_add_rows", "one index and one column behind a block, onto rows that hold something",
       [](const On& on) {
         std::vector<int32_t> index;
         for (int i = 0; i < 257; ++i) index.push_back(i == 256 ? 0 : i % 3);
         Tensor x = on.random({3, 257}, 2);
         Scratch scratch(on.device);
         on.device.kernels().scatter_add_rows({}, on.random({257, 257}, 1), on.ints(index), x, scratch);
         return std::vector{x};
       },
       64},
      {"top_k", "ties, NaN and infinities",
       [](const On& on) {
         const Tensor x = on.floats({2, 8}, {1, 3, kNan, 3, -kInf, kInf, 0, -0.0, 2, 2, 2, 2, 2, 2, 2, 2});
         std::vector<Tensor> all;
         for (int64_t k : {0, 1, 3, 8, 11}) {
           const auto [values, index] = ops::top_k(x, k);
           all.insert(all.end(), {values, index});
         }
         return all;
       }},
      {"top_k", "counts below, at and above k",
       [](const On& on) {
         const auto [values, index] = ops::top_k(on.random({5, 40}, 2), 7, on.ints({0, 3, 7, 8, 40}));
         return std::vector{values, index};
       }},
      {"top_k", "rows longer than a block, many equal",
       [](const On& on) {
         const Tensor x = on.random({2, 3001}, 3, 0, 1);
         std::vector<Tensor> all;
         for (int64_t k : {1, 100, 1025, 3000, 3001}) {
           const auto [values, index] = ops::top_k(ops::cast(x, DType::bf16), k);
           const auto [exact, place] = ops::top_k(x, k);
           all.insert(all.end(), {values, index, exact, place});
         }
         return all;
       }},
      {"top_k", "the largest one behind a block",
       [](const On& on) {
         std::vector<double> row(1025);
         for (size_t i = 0; i < row.size(); ++i) row[i] = double(i);
         const auto [values, index] = ops::top_k(on.floats({1, 1025}, row), 3);
         return std::vector{values, index};
       }},
      {"top_k", "rows of several parts: the largest everywhere, or in one; many equal; counts",
       [](const On& on) {
         std::vector<double> row(8500);
         for (size_t i = 0; i < row.size(); ++i) row[i] = i < 5000 ? -double(i) : 1;
         const Tensor parted = on.floats({1, 8500}, row), x = on.random({1, 8500}, 6, 0, 1);
         std::vector<Tensor> all;
         const auto add = [&](const ops::TopK& top) { all.insert(all.end(), {top.values, top.index}); };
         add(ops::top_k(x, 1));
         add(ops::top_k(ops::cast(x, DType::bf16), 300));
         add(ops::top_k(parted, 300));
         for (int32_t count : {200, 5001}) add(ops::top_k(parted, 300, on.ints({count})));
         return all;
       }},
      {"top_k", "more than shared memory sorts",
       [](const On& on) {
         const auto [values, index] = ops::sort_descending(on.random({1, 4100}, 4));
         const auto [more, place] = ops::top_k(on.random({2, 8300}, 5), 8200);
         return std::vector{values, index, more, place};
       }},
  };
}

}  // namespace sil
