// Ren et al. 2015, section 3.1.3.  A candidate's ticket is a hash of the key, its image and its place among its image's
// rows, as on the CPU, so both draw the same rows; the smallest tickets win.  One block an image: a pass numbers the
// image's rows, then radix selection (select.h) finds the winners of each kind.
// bytes: each image reads all rows' image 18 times and its own tickets 16 times, from the L2 cache but for the first.
#include "cuda/dispatch.h"
#include "cuda/gpu.h"
#include "cuda/select.h"

namespace sil::SIL_GPU {
namespace {

using Ticket = unsigned long long;
constexpr int kSampleThreads = 1024;

struct Candidates {
  const int32_t *matched, *image;
  const Ticket* tickets;
  int32_t n;
  bool positive;

  // The smallest tickets are the largest keys.
  __device__ bool operator()(int64_t r, Ticket& key) const {
    if (image[r] != n || matched[r] < -1 || (matched[r] >= 0) != positive) return false;
    key = ~tickets[r];
    return true;
  }
};

__device__ inline int count_candidates(int64_t rows, const Candidates& c) {
  int count = 0;
  for (int64_t r = threadIdx.x; r < rows; r += blockDim.x) {
    Ticket key;
    count += c(r, key);
  }
  return block_sum(count);
}

__device__ inline void draw(int64_t rows, const Candidates& c, int wanted, int count, uint8_t* picked) {
  const int k = wanted < count ? wanted : count;
  if (k <= 0) return;
  const Edge<Ticket> edge = block_select<Ticket>(rows, k, c);
  block_take<Ticket>(rows, edge, c, [=](int64_t r, int) { picked[r] = 1; });
}

__global__ void sample_kernel(int64_t rows, const int32_t* matched, const int32_t* image, RngKey key, int per_image,
                              int most_positive, Ticket* tickets, uint8_t* picked) {
  const int32_t n = int32_t(blockIdx.x);
  const RngKey own = key.fold(uint64_t(n));
  int place = 0;
  for (int64_t begin = 0; begin < rows; begin += blockDim.x) {
    const int64_t r = begin + threadIdx.x;
    const bool mine = r < rows && image[r] == n;
    int count;
    const int before = block_scan(mine, count);
    if (mine) tickets[r] = own.bits(uint64_t(place + before)), picked[r] = 0;
    if (n == 0 && r < rows && image[r] < 0) picked[r] = 0;
    place += count;
  }
  __syncthreads();
  const Candidates positive{matched, image, tickets, n, true}, negative{matched, image, tickets, n, false};
  const int positives = count_candidates(rows, positive), negatives = count_candidates(rows, negative);
  const int taken = positives < most_positive ? positives : most_positive;
  draw(rows, positive, taken, positives, picked);
  draw(rows, negative, per_image - taken, negatives, picked);
}

}  // namespace

void sample(Stream s, In matched, In image, int64_t images, RngKey key, Out picked, SamplerGeom g, Scratch& scratch) {
  const int64_t rows = matched.dim(0);
  Ticket* tickets = scratch.take_n<Ticket>(size_t(rows));
  launch(s, "sample", {dim3(unsigned(images)), kSampleThreads}, sample_kernel, rows, matched.data<int32_t>(),
         image.data<int32_t>(), key, g.per_image, int(g.per_image * g.positive), tickets, picked.data<uint8_t>());
}

}  // namespace sil::SIL_GPU
