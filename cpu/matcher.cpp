// Ren et al. 2015, section 3.1.2, as torchvision has it.  The rows x objects matrix of overlaps is never stored: a
// block of rows meets each object in turn, in vector code; what makes low-quality matches is computed a second time.
#include <algorithm>
#include <atomic>

#include "cpu/cpu.h"
#include "cpu/dispatch.h"
#include "tensor/geometry.h"
#include "tensor/threads.h"

namespace sil::cpu {
namespace {

constexpr int64_t kBlock = 256;  // rows: their boxes and best overlaps stay in the first-level cache
constexpr int kNegative = -1, kIgnored = -2;

// The objects of every image, image by image, in their order.
template <class T>
struct Objects {
  int64_t* begin;  // [N + 1]
  int32_t* row;    // [G] in truth
  Box<T>* box;     // [G]
  T* area;         // [G]
  T* best;         // [G] largest overlap with any row
};

template <class T>
Objects<T> objects_of(In truth, In truth_image, int64_t images, Scratch& scratch) {
  const int64_t count = truth.dim(0);
  const int32_t* whose = truth_image.data<int32_t>();
  Objects<T> o{scratch.take_n<int64_t>(size_t(images + 2)), scratch.take_n<int32_t>(size_t(count)),
               scratch.take_n<Box<T>>(size_t(count)), scratch.take_n<T>(size_t(count)),
               scratch.take_n<T>(size_t(count))};
  // A counting sort: begin[n + 1] runs from image n's first place to its end.
  std::fill_n(o.begin, images + 2, 0);
  for (int64_t g = 0; g < count; ++g)
    if (whose[g] >= 0) ++o.begin[whose[g] + 2];
  for (int64_t n = 0; n < images; ++n) o.begin[n + 2] += o.begin[n + 1];
  for (int64_t g = 0; g < count; ++g) {
    if (whose[g] < 0) continue;
    const int64_t at = o.begin[whose[g] + 1]++;
    o.row[at] = int32_t(g);
    o.box[at] = load_box<T>(truth.data<T>() + 4 * g);
    o.area[at] = area(o.box[at]);
    o.best[at] = 0;
  }
  return o;
}

// Up to kBlock rows of one image, coordinate by coordinate.
template <class T>
struct Block {
  T x1[kBlock], y1[kBlock], x2[kBlock], y2[kBlock], area[kBlock], overlap[kBlock];
  int64_t count;

  void load(const T* boxes, int64_t n) {
    count = n;
    for (int64_t i = 0; i < n; ++i) {
      const Box<T> b = load_box<T>(boxes + 4 * i);
      x1[i] = b.x1, y1[i] = b.y1, x2[i] = b.x2, y2[i] = b.y2, area[i] = sil::area(b);
    }
  }

  // Fills `overlap`; returns the largest.
  T meet(const Box<T>& box, T box_area) {
    T most = 0;
#pragma omp simd reduction(max : most)
    for (int64_t i = 0; i < count; ++i) {
      overlap[i] = iou(box, box_area, Box<T>{x1[i], y1[i], x2[i], y2[i]}, area[i]);
      most = overlap[i] > most ? overlap[i] : most;
    }
    return most;
  }
};

// The largest of all threads' values, whatever their order.
template <class T>
void raise(T& best, T value) {
  std::atomic_ref<T> shared(best);
  T seen = shared.load(std::memory_order_relaxed);
  while (value > seen && !shared.compare_exchange_weak(seen, value, std::memory_order_relaxed)) {
  }
}

// Calls f(first row, its box, rows, image) for blocks of rows that belong to one image, in parallel.
template <class F>
void for_blocks(int64_t rows, int64_t boxes, const int32_t* image, F f) {
  parallel_for(rows, kBlock, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin, stop; r < end; r = stop) {
      const int64_t n = image ? image[r] : r / boxes;
      const int64_t most = std::min(end, r + kBlock);
      stop = image ? r + 1 : std::min(most, (n + 1) * boxes);
      while (image && stop < most && image[stop] == n) ++stop;
      f(r, image ? r : r % boxes, stop - r, n);
    }
  });
}

// Each row's best object (the earlier of equals) goes to `nearest`, -1 where the image has none; what that means to
// `matched`.
template <class T>
void match_block(Block<T>& block, const Objects<T>& o, int64_t image, MatcherGeom g, int32_t* nearest,
                 int32_t* matched) {
  T best[kBlock];
  int32_t which[kBlock];
  std::fill_n(best, block.count, T(-1));
  std::fill_n(which, block.count, -1);
  for (int64_t j = o.begin[image]; j < o.begin[image + 1]; ++j) {
    const T most = block.meet(o.box[j], o.area[j]);
    if (g.low_quality) raise(o.best[j], most);
    const int32_t row = o.row[j];
#pragma omp simd
    for (int64_t i = 0; i < block.count; ++i) {
      const bool better = block.overlap[i] > best[i];
      best[i] = better ? block.overlap[i] : best[i];
      which[i] = better ? row : which[i];
    }
  }
  for (int64_t i = 0; i < block.count; ++i) {
    nearest[i] = which[i];
    matched[i] = best[i] >= T(g.foreground) ? which[i] : best[i] >= T(g.background) ? kIgnored : kNegative;
  }
}

// Rows that overlap some object as much as any row does become positive, for their own best object.  An object that
// touches no row restores none.
template <class T>
void restore_block(Block<T>& block, const Objects<T>& o, int64_t image, const int32_t* nearest, int32_t* matched) {
  for (int64_t j = o.begin[image]; j < o.begin[image + 1]; ++j) {
    const T best = o.best[j];
    if (!(best > 0) || block.meet(o.box[j], o.area[j]) < best) continue;
    for (int64_t i = 0; i < block.count; ++i)
      if (block.overlap[i] == best) matched[i] = nearest[i];
  }
}

}  // namespace

void match_boxes(Stream, In boxes, In image, In truth, In truth_image, int64_t images, Out matched, MatcherGeom g,
                 Scratch& scratch) {
  for_boxes(boxes.dtype(), [&](auto t) {
    using T = decltype(t);
    const int64_t rows = matched.dim(0);
    const int32_t* whose = image.defined() ? image.data<int32_t>() : nullptr;
    const T* box = boxes.data<T>();
    const Objects<T> objects = objects_of<T>(truth, truth_image, images, scratch);
    int32_t *nearest = scratch.take_n<int32_t>(size_t(rows)), *out = matched.data<int32_t>();

    for_blocks(rows, boxes.dim(0), whose, [&](int64_t r, int64_t b, int64_t count, int64_t n) {
      if (n < 0) return void(std::fill_n(out + r, count, kNegative));
      Block<T> block;
      block.load(box + 4 * b, count);
      match_block(block, objects, n, g, nearest + r, out + r);
    });
    if (!g.low_quality) return;
    for_blocks(rows, boxes.dim(0), whose, [&](int64_t r, int64_t b, int64_t count, int64_t n) {
      if (n < 0 || objects.begin[n] == objects.begin[n + 1]) return;
      Block<T> block;
      block.load(box + 4 * b, count);
      restore_block(block, objects, n, nearest + r, out + r);
    });
  });
}

}  // namespace sil::cpu
