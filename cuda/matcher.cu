// Ren et al. 2015, section 3.1.2, as torchvision has it.  A thread owns a row and walks the objects of its block's
// images, which the block keeps in shared memory; the rows x objects matrix is never stored, so low-quality matches are
// computed again.  An object's best overlap is a maximum over rows: an atomic one, which has no order.
// bytes: at most 24 a row and pass, 20 an object and block.  Some 50 instructions a row, object of its image and pass
// are what count: 268,569 anchors x 8 images x 64 objects x 50 x 2 = 14 G, 0.5 ms of an H100.
#include "cuda/block.h"
#include "cuda/dispatch.h"
#include "cuda/gpu.h"
#include "tensor/geometry.h"

namespace sil::SIL_GPU {
namespace {

constexpr int kNegative = -1, kIgnored = -2, kTile = 128;

struct Rows {
  const float* box;
  const int32_t* image;  // or null: the same boxes for every image
  int64_t count, boxes;

  __device__ int64_t image_of(int64_t r) const { return image ? image[r] : r / boxes; }
  __device__ Box<float> box_of(int64_t r) const { return load_box<float>(box + 4 * (image ? r : r % boxes)); }
};

struct Objects {
  const float* box;
  const int32_t* image;
  int64_t count;
};

struct Least {
  __device__ int operator()(int a, int b) const { return int(smaller(a, b)); }
};

struct Range {
  int begin, end;
};

// The objects, mostly one behind the other, of the images that the block's rows belong to; -1: a row of none.
__device__ inline Range objects_of_block(const Objects& o, int64_t image) {
  constexpr int kNone = INT32_MAX;
  const int first = block_fold(image < 0 ? kNone : int(image), Least());
  const int last = -block_fold(image < 0 ? kNone : -int(image), Least());
  int begin = kNone, minus_end = kNone;
  for (int j = int(threadIdx.x); j < o.count; j += int(blockDim.x))
    if (o.image[j] >= first && o.image[j] <= last) begin = Least()(begin, j), minus_end = -(j + 1);
  begin = block_fold(begin, Least()), minus_end = block_fold(minus_end, Least());
  return begin == kNone ? Range{0, 0} : Range{begin, -minus_end};
}

// A stretch of the objects, in shared memory.
struct Tile {
  Box<float> box[kTile];
  float area[kTile];
  int image[kTile];

  // How many there are of them.
  __device__ int load(const Objects& o, int begin, int end) {
    const int count = int(smaller(end - begin, kTile));
    __syncthreads();  // the stretch before has been read
    for (int j = int(threadIdx.x); j < count; j += int(blockDim.x)) {
      box[j] = load_box<float>(o.box + 4 * (begin + j));
      area[j] = sil::area(box[j]);
      image[j] = o.image[begin + j];
    }
    __syncthreads();
    return count;
  }
};

// `best` holds the bits of floats of at least 0, whose order is that of integers.
__global__ void match_kernel(Rows rows, Objects objects, MatcherGeom g, int* best, int32_t* nearest, int32_t* matched) {
  __shared__ Tile tile;
  const int64_t r = thread_index();
  const bool real = r < rows.count;
  const int64_t image = real ? rows.image_of(r) : -1;
  const Box<float> box = real ? rows.box_of(r) : Box<float>{};
  const float box_area = area(box);
  float most = -1;
  int32_t which = -1;
  const Range range = objects_of_block(objects, image);
  for (int begin = range.begin; begin < range.end; begin += kTile) {
    const int count = tile.load(objects, begin, range.end);
    for (int j = 0; j < count; ++j) {
      if (image < 0 || tile.image[j] != image) continue;
      const float overlap = iou(tile.box[j], tile.area[j], box, box_area);
      if (overlap > most) most = overlap, which = int32_t(begin + j);
      if (g.low_quality && overlap > 0) atomicMax(best + begin + j, __float_as_int(overlap));
    }
  }
  if (!real) return;
  nearest[r] = which;
  matched[r] = image < 0 ? kNegative : most >= g.foreground ? which : most >= g.background ? kIgnored : kNegative;
}

// Rows that overlap some object as much as any row does become positive, for their own best object.
__global__ void restore_kernel(Rows rows, Objects objects, const int* best, const int32_t* nearest, int32_t* matched) {
  __shared__ Tile tile;
  const int64_t r = thread_index();
  const bool real = r < rows.count;
  const int64_t image = real ? rows.image_of(r) : -1;
  const Box<float> box = real ? rows.box_of(r) : Box<float>{};
  const float box_area = area(box);
  bool restored = false;
  const Range range = objects_of_block(objects, image);
  for (int begin = range.begin; begin < range.end; begin += kTile) {
    const int count = tile.load(objects, begin, range.end);
    for (int j = 0; j < count; ++j) {
      const float wanted = __int_as_float(best[begin + j]);
      if (image < 0 || tile.image[j] != image || !(wanted > 0)) continue;
      restored |= iou(tile.box[j], tile.area[j], box, box_area) == wanted;
    }
  }
  if (restored) matched[r] = nearest[r];
}

__global__ void zero_kernel(int64_t n, int* x) {
  for (int64_t i = thread_index(); i < n; i += thread_count()) x[i] = 0;
}

}  // namespace

void match_boxes(Stream s, In boxes, In image, In truth, In truth_image, int64_t, Out matched, MatcherGeom g,
                 Scratch& scratch) {
  const Rows rows{boxes_of("match_boxes", boxes), data_or_null<int32_t>(image), matched.dim(0), boxes.dim(0)};
  const Objects objects{boxes_of("match_boxes", truth), truth_image.data<int32_t>(), truth.dim(0)};
  int* best = scratch.take_n<int>(size_t(objects.count));
  int32_t* nearest = scratch.take_n<int32_t>(size_t(rows.count));
  const Grid grid{dim3(unsigned(divide_up(rows.count, kThreads))), kThreads};
  launch(s, "match_begin", over(objects.count), zero_kernel, objects.count, best);
  launch(s, "match", grid, match_kernel, rows, objects, g, best, nearest, matched.data<int32_t>());
  if (g.low_quality)
    launch(s, "match_restore", grid, restore_kernel, rows, objects, best, nearest, matched.data<int32_t>());
}

}  // namespace sil::SIL_GPU
