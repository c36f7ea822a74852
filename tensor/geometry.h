// Arithmetic of boxes, of the box coder and of bilinear reads, shared by the CPU loops and the CUDA kernels, so that it
// exists once.  T is float, or double in gradient checks; each expression keeps torchvision's order of operations.
//
// A box is x1, y1, x2, y2 in pixels.  Pixel i has its centre at i (torchvision's aligned = false).
#pragma once
#include <cmath>
#include <cstdint>

#include "tensor/host_device.h"
#include "tensor/kernels.h"

namespace sil {

template <class T>
struct Box {
  T x1, y1, x2, y2;
};

template <class T, class S>
SIL_HD inline Box<T> load_box(const S* p) {
  return {T(p[0]), T(p[1]), T(p[2]), T(p[3])};
}

template <class T>
SIL_HD inline T area(const Box<T>& b) {
  return (b.x2 - b.x1) * (b.y2 - b.y1);
}

// Intersection over union.  0 where the union has no area or a coordinate is NaN: both make a ratio of NaN.  Selects
// without branches, so that loops over boxes become vector code.
template <class T>
SIL_HD inline T iou(const Box<T>& a, T area_a, const Box<T>& b, T area_b) {
  const T w = (a.x2 < b.x2 ? a.x2 : b.x2) - (a.x1 > b.x1 ? a.x1 : b.x1);
  const T h = (a.y2 < b.y2 ? a.y2 : b.y2) - (a.y1 > b.y1 ? a.y1 : b.y1);
  const T both = (w > 0 ? w : T(0)) * (h > 0 ? h : T(0));
  const T ratio = both / (area_a + area_b - both);
  return ratio > 0 ? ratio : T(0);
}

// The largest T that is not above the threshold: to exceed one is to exceed the other, without mixing types.
template <class T>
inline T not_above(double threshold) {
  return T(threshold) > threshold ? std::nextafter(T(threshold), T(-1)) : T(threshold);
}

// NaN stays NaN.
template <class T>
SIL_HD inline Box<T> clip(const Box<T>& b, T height, T width) {
  const auto within = [](T v, T end) { return v < 0 ? T(0) : v > end ? end : v; };
  return {within(b.x1, width), within(b.y1, height), within(b.x2, width), within(b.y2, height)};
}

// -- box coder: Girshick et al. 2014, appendix C; Ren et al. 2015, eq. 2 ----------------------------------------------
template <class T>
struct BoxDeltas {
  T dx, dy, dw, dh;
};

// What moves `reference` onto `box`.  Sides below 1e-6 pixels count as 1e-6, so that a degenerate box has finite
// deltas.
template <class T>
SIL_HD inline BoxDeltas<T> encode(const Box<T>& box, const Box<T>& reference, const BoxCoderGeom& g) {
  const auto side = [](T s) { return s > T(1e-6) ? s : T(1e-6); };
  const T rw = side(reference.x2 - reference.x1), rh = side(reference.y2 - reference.y1);
  const T bw = side(box.x2 - box.x1), bh = side(box.y2 - box.y1);
  const T rx = reference.x1 + T(0.5) * rw, ry = reference.y1 + T(0.5) * rh;
  const T bx = box.x1 + T(0.5) * bw, by = box.y1 + T(0.5) * bh;
  return {T(g.wx) * (bx - rx) / rw, T(g.wy) * (by - ry) / rh, T(g.ww) * std::log(bw / rw), T(g.wh) * std::log(bh / rh)};
}

template <class T>
SIL_HD inline Box<T> decode(const BoxDeltas<T>& d, const Box<T>& reference, const BoxCoderGeom& g) {
  const T rw = reference.x2 - reference.x1, rh = reference.y2 - reference.y1;
  const T limit = T(g.max_log_scale);
  const T dw = d.dw / T(g.ww), dh = d.dh / T(g.wh);
  const T x = d.dx / T(g.wx) * rw + (reference.x1 + T(0.5) * rw);
  const T y = d.dy / T(g.wy) * rh + (reference.y1 + T(0.5) * rh);
  const T half_w = T(0.5) * (std::exp(dw > limit ? limit : dw) * rw);
  const T half_h = T(0.5) * (std::exp(dh > limit ? limit : dh) * rh);
  return {x - half_w, y - half_h, x + half_w, y + half_h};
}

// -- reads between pixels ---------------------------------------------------------------------------------------------
// One axis of a bilinear read: w0 * v[i0] + w1 * v[i1].  The read of an image is the product of its two axes.
template <class T>
struct LinearRead {
  int i0, i1;
  T w0, w1;  // both 0 where nothing is read
};

// RoIAlign's: more than a pixel outside [0, size - 1] is 0, nearer is the border pixel.  NaN reads nothing.
template <class T>
SIL_HD inline LinearRead<T> roi_read(T at, int size) {
  if (!(at >= -1 && at <= T(size)) || size < 1) return {0, 0, 0, 0};
  if (at <= 0) return {0, 0, 1, 0};
  const int low = int(at);
  if (low >= size - 1) return {size - 1, size - 1, 1, 0};
  const T part = at - T(low);
  return {low, low + 1, 1 - part, part};
}

// Where pixel i of `to` reads when `from` pixels are resized, align_corners = false; the border is repeated.  Rounded
// once, as torch's build does: a second rounding would move a pixel beside an edge by 1e-5.
template <class T>
SIL_HD inline LinearRead<T> resize_read(int64_t i, int from, int64_t to) {
  const T centre = std::fma(T(from) / T(to), T(i) + T(0.5), T(-0.5));
  const T at = centre < 0 ? T(0) : centre;
  const int low = int(at) < from - 1 ? int(at) : from - 1;
  const T part = at - T(low) < 1 ? at - T(low) : T(1);
  return {low, low + 1 < from ? low + 1 : low, 1 - part, part};
}

// -- RoIAlign: He et al. 2017, section 3 ------------------------------------------------------------------------------
// The bins of a RoI along one axis, in cells of a feature map.
template <class T>
struct RoiAxis {
  T begin, bin;
};

// A RoI is at least one cell long (aligned = false); NaN stays NaN, and reads nothing.
template <class T>
SIL_HD inline RoiAxis<T> roi_axis(T begin, T end, T scale, int pooled) {
  const T length = end * scale - begin * scale;
  return {begin * scale, (length < 1 ? T(1) : length) / T(pooled)};
}

// Position of read i of `samples` in a bin.
template <class T>
SIL_HD inline T roi_sample(const RoiAxis<T>& a, int bin, int i, int samples) {
  return a.begin + T(bin) * a.bin + (T(i) + T(0.5)) * a.bin / T(samples);
}

// The pixels that a bin reads along one axis, each once.
template <class A>
struct AxisReads {
  int count = 0;
  int pixel[2 * RoiAlignGeom::kMaxSamples];
  A weight[2 * RoiAlignGeom::kMaxSamples];

  SIL_HD AxisReads(const RoiAxis<A>& axis, int bin, int samples, int size) {
    for (int i = 0; i < samples; ++i) {
      const LinearRead<A> read = roi_read(roi_sample(axis, bin, i, samples), size);
      add(read.i0, read.w0);
      add(read.i1, read.w1);
    }
  }

  SIL_HD void add(int at, A w) {
    if (w == 0) return;
    int k = 0;
    while (k < count && pixel[k] != at) ++k;
    if (k == count) pixel[count] = at, weight[count++] = 0;
    weight[k] += w;
  }
};

// Which of `levels` a RoI is read from, counted from the finest: Lin et al. 2017, eq. 1, where 224 pixels belong to
// level 4.  A box without area belongs to the finest.
template <class T>
SIL_HD inline int roi_level(const Box<T>& b, int finest, int levels) {
  const T level = std::floor(T(4) + std::log2(std::sqrt(area(b)) / T(224)) + T(1e-6));
  if (!(level > T(finest))) return 0;
  return level >= T(finest + levels) ? levels - 1 : int(level) - finest;
}

// Scale of a level of the pyramid: 2^-level.
template <class T>
SIL_HD inline T level_scale(int level) {
  return std::ldexp(T(1), -level);
}

// -- pasting a mask: torchvision's paste_masks_in_image ---------------------------------------------------------------
constexpr int kMaxPasteSide = 256;

// Where a soft mask of side M, padded by a pixel all around, lands in the photo.
struct PasteWindow {
  int64_t x, y, width, height;
};

// The box, expanded by (M + 2) / M about its centre, its corners truncated toward zero.  Empty if a coordinate is NaN;
// corners are held within 2^30 pixels.
SIL_HD inline PasteWindow paste_window(const Box<float>& b, int side) {
  const float grow = float(double(side + 2) / side);
  const float half_w = (b.x2 - b.x1) * 0.5f * grow, half_h = (b.y2 - b.y1) * 0.5f * grow;
  const float x = (b.x2 + b.x1) * 0.5f, y = (b.y2 + b.y1) * 0.5f;
  const auto pixel = [](float v) {
    const float limit = 1073741824.0f;
    return int64_t(v < -limit ? -limit : v > limit ? limit : v);
  };
  if (!(half_w == half_w && half_h == half_h && x == x && y == y)) return {0, 0, 0, 0};
  const int64_t x1 = pixel(x - half_w), y1 = pixel(y - half_h), x2 = pixel(x + half_w), y2 = pixel(y + half_h);
  return {x1, y1, x2 - x1 + 1 > 1 ? x2 - x1 + 1 : 1, y2 - y1 + 1 > 1 ? y2 - y1 + 1 : 1};
}

// Where a pasted mask may differ from the pixel before, in column-major order: columns [left, right), rows [top,
// bottom).
struct PasteWalk {
  int64_t left, right, top, bottom;
};

// The window and, at its far edges, one pixel more.  Where it ends with the photo's columns a change falls into the row
// at their top.  All of the photo where 0 is already inside, which is the value around the window.
SIL_HD inline PasteWalk paste_walk(const PasteWindow& w, int64_t height, int64_t width, float threshold) {
  if (0 >= threshold) return {0, width, 0, height};
  const auto within = [](int64_t v, int64_t end) { return v < 0 ? 0 : v > end ? end : v; };
  const int64_t bottom = within(w.y + w.height + 1, height);
  return {within(w.x, width), within(w.x + w.width + 1, width), w.y + w.height >= height ? 0 : within(w.y, height),
          bottom};
}

}  // namespace sil
