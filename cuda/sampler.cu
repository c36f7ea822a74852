// Ren et al. 2015, section 3.1.3.  A candidate's ticket is a hash of the key, its image and its place among its image's
// rows, as on the CPU, so both draw the same rows; the smallest tickets win.  A first kernel narrows: of each part of
// an image's rows (select.h), by a block each, the best of either kind, as many as may be drawn in all.  A second draws
// from those, a block an image; a third lists what was drawn, each image behind those before it.
// bytes: each part reads its rows' matches some 10 times and its tickets 5 times, from the L2 cache but for the first.
// It is steps of 1,024 rows that count, one after another: 26 parts of 268,569 anchors take 11 steps a pass, and what
// is left of them 10, where one block took 263.
#include "cuda/dispatch.h"
#include "cuda/gpu.h"
#include "cuda/select.h"

namespace sil::SIL_GPU {
namespace {

using Ticket = unsigned long long;

// Rows of image n: a list's, -1 where it has none, or those from `begin` on, of which `image` may give some to others.
struct Rows {
  const int32_t *list, *image;  // or null
  int64_t n, begin, count;

  __device__ int64_t at(int64_t i) const {
    if (list) return list[i];
    return image && image[begin + i] != n ? -1 : begin + i;
  }
};

// Those of one kind among them.
struct Candidates {
  Rows rows;
  const int32_t* matched;
  const Ticket* tickets;
  bool positive;

  // The smallest tickets are the largest keys.
  __device__ bool operator()(int64_t i, Ticket& key) const {
    const int64_t r = rows.at(i);
    if (r < 0 || matched[r] < -1 || (matched[r] >= 0) != positive) return false;
    key = ~tickets[r];
    return true;
  }
};

__device__ inline int count_candidates(const Candidates& c) {
  int count = 0;
  for (int64_t i = threadIdx.x; i < c.rows.count; i += blockDim.x) {
    Ticket key;
    count += c(i, key);
  }
  return block_sum(count);
}

// The best of one kind: those whose keys are no smaller than `least`.
struct Best {
  Candidates of;
  bool any;
  Ticket least;

  __device__ bool has(int64_t i) const {
    Ticket key;
    return any && of(i, key) && key >= least;
  }
};

// An image's tickets are all different (tensor/rng.h hashes one to one), so none at the edge is too many.
__device__ inline Best best_of(const Candidates& c, int64_t wanted, int count) {
  const int k = int(smaller(wanted, count));
  return {c, k > 0, k == 0 || k == count ? 0 : block_select<Ticket>(c.rows.count, k, c).key};
}

// Gives a part's rows their tickets.  Each thread reads back what it wrote itself.
__device__ inline void write_tickets(const Rows& rows, RngKey key, int64_t place, Ticket* tickets) {
  for (int64_t begin = 0; begin < rows.count; begin += blockDim.x) {
    const int64_t i = begin + threadIdx.x, r = i < rows.count ? rows.at(i) : -1;
    int count = int(blockDim.x), before = int(threadIdx.x);  // where all are the image's: in order
    if (rows.image) before = block_scan(r >= 0, count);
    if (r >= 0) tickets[r] = key.bits(uint64_t(place + before));
    place += count;
  }
}

// found [N, parts, room]: each part's best, in the order of rows, then -1.  each: an image's rows, in order; with
// `image` all rows are each image's one part.
__global__ void __launch_bounds__(kSelectThreads)
    narrow_kernel(const int32_t* matched, const int32_t* image, int64_t each, int64_t parts, const int64_t* key,
                  int64_t per_image, int64_t most_positive, int64_t room, Ticket* tickets, int32_t* found) {
  const int64_t n = blockIdx.x / parts, length = divide_up(each, parts), first = blockIdx.x % parts * length;
  const int64_t begin = smaller(first, each), end = smaller(first + length, each);
  const Rows rows{nullptr, image, n, image ? begin : n * each + begin, end - begin};
  write_tickets(rows, RngKey{uint64_t(*key)}.fold(uint64_t(n)), begin, tickets);
  const Candidates positive{rows, matched, tickets, true}, negative{rows, matched, tickets, false};
  const Best positives = best_of(positive, most_positive, count_candidates(positive));
  const Best negatives = best_of(negative, per_image, count_candidates(negative));
  int32_t* own = found + blockIdx.x * room;
  int64_t taken = 0;
  for (int64_t from = 0; from < rows.count; from += blockDim.x) {
    const int64_t i = from + threadIdx.x;
    const bool mine = i < rows.count && (positives.has(i) || negatives.has(i));
    int all;
    const int before = block_scan(mine, all);
    if (mine) own[taken + before] = int32_t(rows.at(i));
    taken += all;
  }
  for (int64_t i = taken + threadIdx.x; i < room; i += blockDim.x) own[i] = -1;
}

// How many of an image.
struct Drawn {
  int32_t rows, positive;
};

// found [N, room]: of an image's candidates those that are not drawn become -1.
__global__ void __launch_bounds__(kSelectThreads)
    draw_kernel(const int32_t* matched, const Ticket* tickets, int64_t room, int64_t per_image, int64_t most_positive,
                int32_t* found, Drawn* drawn) {
  int32_t* own = found + blockIdx.x * room;
  const Rows rows{own, nullptr, 0, 0, room};
  const Candidates positive{rows, matched, tickets, true}, negative{rows, matched, tickets, false};
  const int positives = count_candidates(positive), negatives = count_candidates(negative);
  const int64_t taken = smaller(positives, most_positive), rest = per_image - taken;
  const Best best = best_of(positive, taken, positives), others = best_of(negative, rest, negatives);
  for (int64_t i = threadIdx.x; i < room; i += blockDim.x)
    if (!best.has(i) && !others.has(i)) own[i] = -1;
  if (threadIdx.x == 0) drawn[blockIdx.x] = {int32_t(taken + smaller(negatives, rest)), int32_t(taken)};
}

// The outputs of `sample`, with their room.
struct Lists {
  int32_t *rows, *labels, *positive, *count;
  int64_t room, positive_room;
};

// found [N, room]: the drawn rows, and -1 between them.
__global__ void __launch_bounds__(kSelectThreads)
    list_kernel(const int32_t* matched, const int32_t* object_labels, const int32_t* found, int64_t room,
                int64_t images, const Drawn* drawn, Lists out) {
  const int64_t n = blockIdx.x;
  Drawn before{}, all{};
  for (int64_t i = 0; i < images; ++i) {
    if (i == n) before = all;
    all.rows += drawn[i].rows, all.positive += drawn[i].positive;
  }
  const int32_t* own = found + n * room;
  const int64_t count = n < images ? room : 0;
  for (int64_t begin = 0; begin < count; begin += blockDim.x) {
    const int64_t i = begin + threadIdx.x, r = i < count ? own[i] : -1;
    const bool mine = r >= 0;
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
  const int64_t rows = matched.dim(0), per_image = g.per_image, most = per_image + g.most_positive();
  const int32_t *match = matched.data<int32_t>(), *whose = data_or_null<int32_t>(image);
  const int64_t each = whose ? rows : images > 0 ? rows / images : 0, parts = whose ? 1 : parts_of(each, most);
  const int64_t length = divide_up(each, parts), room = length < most ? length : most;
  Ticket* tickets = scratch.take_n<Ticket>(size_t(rows));
  int32_t* found = scratch.take_n<int32_t>(size_t(images * parts * room));
  Drawn* drawn = scratch.take_n<Drawn>(size_t(images));
  launch(s, "sample_narrow", {dim3(unsigned(images * parts)), kSelectThreads}, narrow_kernel, match, whose, each, parts,
         key.data<int64_t>(), per_image, g.most_positive(), room, tickets, found);
  launch(s, "sample_draw", {dim3(unsigned(images)), kSelectThreads}, draw_kernel, match, tickets, parts * room,
         per_image, g.most_positive(), found, drawn);
  const Lists lists{out.rows.data<int32_t>(),  out.labels.data<int32_t>(), out.positive.data<int32_t>(),
                    out.count.data<int32_t>(), out.rows.numel(),           out.positive.numel()};
  launch(s, "sample_list", {dim3(unsigned(images > 0 ? images : 1)), kSelectThreads}, list_kernel, match,
         data_or_null<int32_t>(labels), found, parts * room, images, drawn,
         lists);  // a block without images: the count
}

}  // namespace sil::SIL_GPU
