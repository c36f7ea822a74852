// The k largest of each row, sorted, equal ones by their place: the RPN's best 2,000 of some 200,000 anchors of a
// level.
//
// A value and its place together are one 64-bit key, so that no two are equal and every method gives the same answer.
// What must move is the row, once: 6.5 MB for 8 rows of 201,600.  That is 2 us at full bandwidth, which nobody reaches:
// 8 rows are little to spread over 132 multiprocessors, and what is to be done has steps that wait for one another.
//
// 1  k times the largest that is smaller than the last: a block a row reads the row k times.  2,000 x 6.5 MB, from the
//    L2 cache.
// 2  Sort the whole row (bitonic, Batcher 1968), in global memory, and take the first k: log^2 steps, 171 passes over a
//    row of 262,144 keys of 8 bytes, each a launch.  Everything is sorted to use 1 % of it.
// 3  The library's: radix selection finds the k-th largest in at most 4 passes (8 bits of its digits each), another
//    takes what is larger.  A row is cut into 10 parts, a block each; then one block selects from the parts' k largest:
//    20 steps of 1,024 keys a pass and then 20 more, instead of 197.  At last 2,048 keys are sorted in shared memory.
#include "bench/kernels/problem.h"
#include "cuda/block.h"
#include "cuda/dispatch.h"
#include "cuda/key.h"
#include "tensor/ordered_bits.h"

namespace sil::SIL_GPU {
namespace {

__device__ Key key_at(const float* row, int64_t i) { return key_of(ordered_bits<uint32_t>(row[i]), i); }

__global__ void one_after_the_other(const float* x, int64_t columns, int64_t k, float* values, int32_t* index) {
  const float* row = x + blockIdx.x * columns;
  Key last = ~Key(0);
  for (int64_t place = 0; place < k; ++place) {
    Key best = 0;
    for (int64_t i = threadIdx.x; i < columns; i += blockDim.x)
      if (const Key key = key_at(row, i); key < last && key > best) best = key;
    last = block_fold(best, LargerKey());
    if (threadIdx.x != 0) continue;
    const int32_t from = index_of(last);
    index[blockIdx.x * k + place] = from, values[blockIdx.x * k + place] = row[from];
  }
}

__global__ void make_keys(int64_t n, const float* x, int64_t columns, int64_t padded, Key* keys) {
  for (int64_t e = thread_index(); e < n; e += thread_count()) {
    const int64_t r = e / padded, i = e % padded;
    keys[e] = i < columns ? key_at(x + r * columns, i) : 0;
  }
}

// One pass of a bitonic sort: of two keys `distance` apart the larger goes first, or last in every other run of `size`.
__global__ void sort_pass(int64_t pairs, Key* keys, int64_t padded, int64_t size, int64_t distance) {
  for (int64_t i = thread_index(); i < pairs; i += thread_count()) {
    const int64_t low = i / distance * 2 * distance + i % distance, high = low + distance;
    const bool descending = (low % padded & size) == 0;
    const Key a = keys[low], b = keys[high];
    if ((a < b) == descending) keys[low] = b, keys[high] = a;
  }
}

__global__ void take_first(int64_t n, const float* x, int64_t columns, const Key* keys, int64_t padded, int64_t k,
                           float* values, int32_t* index) {
  for (int64_t e = thread_index(); e < n; e += thread_count()) {
    const int64_t r = e / k;
    index[e] = index_of(keys[r * padded + e % k]);
    values[e] = x[r * columns + index[e]];
  }
}

}  // namespace

Ladder top_k_ladder(Device device, LadderSize size) {
  const bool real = size == LadderSize::real;
  const int64_t rows = real ? 8 : 3, columns = real ? 201600 : 300, k = real ? 2000 : 20;
  int64_t padded = 1;
  while (padded < columns) padded *= 2;
  Tensor host = random_floats({rows, columns}, 1, -10, 2);
  for (int64_t i = 0; i < rows * columns; i += 5)
    host.data<float>()[i] = std::floor(host.data<float>()[i]);  // equal ones
  const ops::TopK want = ops::top_k(host, k);
  const Tensor x = host.to(device), keys({rows, padded}, DType::i64, device);
  Tensor values({rows, k}, DType::f32, device), index({rows, k}, DType::i32, device);
  const float* from = x.data<float>();
  float* value = values.data<float>();
  int32_t* place = index.data<int32_t>();
  return {.bytes = bytes_of({x, values, index}),
          .outputs = {values, index},
          .expected = {want.values, want.index},
          .versions = {{"k times the largest",
                        [=] {
                          launch({}, "one_after_the_other", {dim3(unsigned(rows)), real ? 1024 : 64},
                                 one_after_the_other, from, columns, k, value, place);
                        }},
                       {"sort the row, take the first k",
                        [=] {
                          Key* key = static_cast<Key*>(keys.raw());
                          launch({}, "make_keys", over(rows * padded), make_keys, rows * padded, from, columns, padded,
                                 key);
                          for (int64_t run = 2; run <= padded; run *= 2)
                            for (int64_t distance = run / 2; distance > 0; distance /= 2)
                              launch({}, "sort_pass", over(rows * padded / 2), sort_pass, rows * padded / 2, key,
                                     padded, run, distance);
                          launch({}, "take_first", over(rows * k), take_first, rows * k, from, columns, key, padded, k,
                                 value, place);
                        }},
                       {"the library's: radix selection, then a sort of k",
                        [=]() mutable {
                          Scratch scratch(device);
                          device.kernels().top_k({}, x, {}, values, index, scratch);
                        }}},
          .roundings = 0};
}

}  // namespace sil::SIL_GPU
