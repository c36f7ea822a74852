// Ren et al. 2015, section 3.1.3.  A candidate's ticket is a hash of the key, its image and its place among its image's
// rows, as on the CPU, so both draw the same rows; the smallest tickets win.  One block an image: a pass numbers the
// image's rows, then radix selection (select.h) finds the winners of each kind.  A second kernel lists them, each image
// behind those before it.
// bytes: each image reads its rows' matches some 10 times and its tickets 5 times, from the L2 cache but for the first.
// One block takes 1,024 rows a step, so it is the steps that count: 10 x 263 of 268,569 anchors, 0.1 to 0.4
// microseconds each, 0.3 to 1 ms on one of a GPU's multiprocessors for each image.
#include "cuda/dispatch.h"
#include "cuda/gpu.h"
#include "cuda/select.h"

namespace sil::SIL_GPU {
namespace {

using Ticket = unsigned long long;
constexpr int kSampleThreads = 1024;

// Whose a row is, and where an image's rows lie: in all rows, or in a stretch of its own.
struct Whose {
  const int32_t* image;  // or null: `each` rows of every image, in order
  int64_t rows, each;

  __device__ bool is(int64_t r, int64_t n) const { return !image || image[r] == n; }
  __device__ int64_t begin(int64_t n) const { return image ? 0 : n * each; }
  __device__ int64_t end(int64_t n) const { return image ? rows : (n + 1) * each; }
};

// How many of an image.
struct Drawn {
  int32_t rows, positive;
};

// Those of one kind among image n's rows, counted from where they begin.
struct Candidates {
  const int32_t* matched;
  Whose whose;
  const Ticket* tickets;
  int64_t n;
  bool positive;

  __device__ int64_t count() const { return whose.end(n) - whose.begin(n); }

  // The smallest tickets are the largest keys.
  __device__ bool operator()(int64_t i, Ticket& key) const {
    const int64_t r = whose.begin(n) + i;
    if (!whose.is(r, n) || matched[r] < -1 || (matched[r] >= 0) != positive) return false;
    key = ~tickets[r];
    return true;
  }
};

__device__ inline int count_candidates(const Candidates& c) {
  int count = 0;
  for (int64_t i = threadIdx.x; i < c.count(); i += blockDim.x) {
    Ticket key;
    count += c(i, key);
  }
  return block_sum(count);
}

// An image's tickets are all different (tensor/rng.h hashes one to one), so none at the edge is too many.
__device__ inline void draw(const Candidates& c, int wanted, int count, uint8_t* picked) {
  const int k = int(smaller(wanted, count));
  if (k <= 0) return;
  const Ticket edge = k == count ? 0 : block_select<Ticket>(c.count(), k, c).key;
  uint8_t* own = picked + c.whose.begin(c.n);
  for (int64_t i = threadIdx.x; i < c.count(); i += blockDim.x)
    if (Ticket key; c(i, key) && key >= edge) own[i] = 1;
}

__global__ void __launch_bounds__(kSampleThreads)
    sample_kernel(const int32_t* matched, Whose whose, const int64_t* key, int per_image, int most_positive,
                  Ticket* tickets, uint8_t* picked, Drawn* drawn) {
  const int64_t n = blockIdx.x, end = whose.end(n);
  const RngKey own = RngKey{uint64_t(*key)}.fold(uint64_t(n));
  int64_t place = 0;
  for (int64_t begin = whose.begin(n); begin < end; begin += blockDim.x) {
    const int64_t r = begin + threadIdx.x;
    const bool mine = r < end && whose.is(r, n);
    int count = int(blockDim.x), before = int(threadIdx.x);  // an image's own stretch: in order
    if (whose.image) before = block_scan(mine, count);
    if (mine) tickets[r] = own.bits(uint64_t(place + before)), picked[r] = 0;
    place += count;
  }  // no barrier: each thread reads back what it wrote itself
  const Candidates positive{matched, whose, tickets, n, true}, negative{matched, whose, tickets, n, false};
  const int positives = count_candidates(positive), negatives = count_candidates(negative);
  const int taken = int(smaller(positives, most_positive)), rest = per_image - taken;
  draw(positive, taken, positives, picked);
  draw(negative, rest, negatives, picked);
  if (threadIdx.x == 0) drawn[n] = {taken + int(smaller(negatives, rest)), taken};
}

// The outputs of `sample`, with their room.
struct Lists {
  int32_t *rows, *labels, *positive, *count;
  int64_t room, positive_room;
};

__global__ void __launch_bounds__(kSampleThreads)
    list_kernel(const int32_t* matched, Whose whose, const int32_t* object_labels, const uint8_t* picked,
                int64_t images, const Drawn* drawn, Lists out) {
  const int64_t n = blockIdx.x;
  Drawn before{}, all{};
  for (int64_t i = 0; i < images; ++i) {
    if (i == n) before = all;
    all.rows += drawn[i].rows, all.positive += drawn[i].positive;
  }
  const int64_t end = n < images ? whose.end(n) : 0;
  for (int64_t begin = whose.begin(n); begin < end; begin += blockDim.x) {
    const int64_t r = begin + threadIdx.x;
    const bool mine = r < end && whose.is(r, n) && picked[r];
    const int32_t match = mine ? matched[r] : -1;
    int all_here;  // drawn ones, and positive ones in the upper half of the word
    const int here = block_scan(int(mine) + (int(match >= 0) << 16), all_here);
    const int place = before.rows + (here & 0xFFFF);
    if (mine)
      out.rows[place] = int32_t(r), out.labels[place] = match < 0 ? 0 : object_labels ? object_labels[match] : 1;
    if (match >= 0) out.positive[before.positive + (here >> 16)] = place;
    before.rows += all_here & 0xFFFF, before.positive += all_here >> 16;
  }
  if (n > 0) return;
  for (int64_t i = all.rows + threadIdx.x; i < out.room; i += blockDim.x) out.rows[i] = out.labels[i] = -1;
  for (int64_t i = all.positive + threadIdx.x; i < out.positive_room; i += blockDim.x) out.positive[i] = -1;
  if (threadIdx.x == 0) *out.count = all.rows;
}

}  // namespace

void sample(Stream s, In matched, In image, In labels, int64_t images, In key, const SampleOut& out, SamplerGeom g,
            Scratch& scratch) {
  const int64_t rows = matched.dim(0);
  Ticket* tickets = scratch.take_n<Ticket>(size_t(rows));
  uint8_t* picked = scratch.take_n<uint8_t>(size_t(rows));
  Drawn* drawn = scratch.take_n<Drawn>(size_t(images));
  const int32_t* match = matched.data<int32_t>();
  const Whose whose{data_or_null<int32_t>(image), rows, images > 0 ? rows / images : 0};
  launch(s, "sample", {dim3(unsigned(images)), kSampleThreads}, sample_kernel, match, whose, key.data<int64_t>(),
         g.per_image, int(g.most_positive()), tickets, picked, drawn);
  const Lists lists{out.rows.data<int32_t>(),  out.labels.data<int32_t>(), out.positive.data<int32_t>(),
                    out.count.data<int32_t>(), out.rows.numel(),           out.positive.numel()};
  launch(s, "sample_list", {dim3(unsigned(images > 0 ? images : 1)), kSampleThreads}, list_kernel, match, whose,
         data_or_null<int32_t>(labels), picked, images, drawn, lists);  // a block even without images: for the count
}

}  // namespace sil::SIL_GPU
