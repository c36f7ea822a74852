// dw[o, a, b, :] = sum over pixels r of dy[r, o] x[r + shift(a, b), :] is, for each tap (a, b), one product dy^T x of
// two tall matrices, if "the pixel that tap (a, b) reads" is a constant shift of the row number.  Padding makes it one:
//   - x and dy are copied with rows of equal width, x with its zero padding, dy with zeros where x is wider;
//   - with stride s, x is dealt out into s * s phases; tap a reads phase a * dilation % s, shifted by a * dilation / s.
// The copies are made block by block, of a size that the cache holds for all taps.
#include "cpu/weight_gradient.h"

#include <algorithm>
#include <cstring>

#include "cpu/onednn.h"
#include "tensor/threads.h"

namespace sil::cpu {
namespace {

constexpr int64_t kBlockRows = 4096;  // pixels of a block

// A block is `images` whole images or `rows` output rows of one.
struct Block {
  int64_t n, images, p, rows;
};

struct Layout {
  const ConvShape& s;
  int64_t stride, width;  // pixels of a packed row
  int64_t halo;           // packed rows that the last tap reads below an output row
  int64_t images, rows;   // of the largest block

  explicit Layout(const ConvShape& shape) : s(shape), stride(shape.g.stride) {
    width = s.q + (s.kw - 1) * s.g.dilation / stride;
    halo = (s.kh - 1) * s.g.dilation / stride;
    const int64_t image = (s.p + halo) * width;
    rows = image <= kBlockRows ? s.p : std::clamp<int64_t>(kBlockRows / width, 1, s.p);
    images = image <= kBlockRows ? std::min(kBlockRows / image, s.n) : 1;
  }

  int64_t height(const Block& b) const { return b.rows + halo; }
  int64_t phase_size(const Block& b) const { return b.images * height(b) * width * s.i; }
  // Rows of the products: up to the last pixel of dy, so that the last tap's shift still reads inside.
  int64_t pixels(const Block& b) const { return (b.images * height(b) - halo - 1) * width + s.q; }
};

void pack_dy(const Layout& l, const Block& b, const float* dy, float* packed) {
  const ConvShape& s = l.s;
  parallel_for(b.images * l.height(b), 1, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const int64_t n = b.n + r / l.height(b), p = r % l.height(b);
      float* row = packed + r * l.width * s.o;
      const int64_t real = p < b.rows ? s.q * s.o : 0;
      if (real) std::memcpy(row, dy + (n * s.p + b.p + p) * s.q * s.o, size_t(real) * sizeof(float));
      std::fill(row + real, row + l.width * s.o, 0.f);
    }
  });
}

// One packed row of phase (py, px): pixels x[n, iy, (q * stride + px - padding), :] for q = 0..width.
void pack_row(const Layout& l, const float* x, int64_t n, int64_t iy, int64_t px, float* row) {
  const ConvShape& s = l.s;
  if (iy < 0 || iy >= s.h) return void(std::fill_n(row, l.width * s.i, 0.f));
  for (int64_t q = 0; q < l.width; ++q) {
    const int64_t ix = q * l.stride + px - s.g.padding;
    if (ix >= 0 && ix < s.w)
      std::memcpy(row + q * s.i, x + ((n * s.h + iy) * s.w + ix) * s.i, size_t(s.i) * sizeof(float));
    else
      std::fill_n(row + q * s.i, s.i, 0.f);
  }
}

void pack_x(const Layout& l, const Block& b, const float* x, float* packed) {
  const int64_t per_phase = b.images * l.height(b);
  parallel_for(l.stride * l.stride * per_phase, 1, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const int64_t phase = r / per_phase, n = b.n + r % per_phase / l.height(b), p = b.p + r % l.height(b);
      pack_row(l, x, n, p * l.stride + phase / l.stride - l.s.g.padding, phase % l.stride,
               packed + r * l.width * l.s.i);
    }
  });
}

}  // namespace

bool weight_gradient_wins(const ConvShape& s) {
  const bool plain_product = s.kh * s.kw == 1 && s.g.stride == 1;
  return !onednn::has_avx512() && !plain_product && s.i >= 16 && s.o >= 16;
}

void weight_gradient(const ConvShape& s, const float* dy, const float* x, float* dw, Scratch& scratch) {
  const Layout l(s);
  const Block largest{0, l.images, 0, l.rows};
  float* packed_x = scratch.take_n<float>(size_t(l.stride * l.stride * l.phase_size(largest)));
  float* packed_dy = scratch.take_n<float>(size_t(largest.images * l.height(largest) * l.width * s.o));
  auto add_block = [&](const Block& b, bool first) {
    pack_x(l, b, x, packed_x);
    pack_dy(l, b, dy, packed_dy);
    Scratch work(Device::cpu());  // goes back after each block
    for (int64_t tap = 0; tap < s.kh * s.kw; ++tap) {
      const int64_t iy = tap / s.kw * s.g.dilation, ix = tap % s.kw * s.g.dilation;
      const int64_t phase = iy % l.stride * l.stride + ix % l.stride;
      const float* shifted = packed_x + phase * l.phase_size(b) + (iy / l.stride * l.width + ix / l.stride) * s.i;
      onednn::matmul(DType::f32, {packed_dy, s.o, l.pixels(b), 1, s.o}, {shifted, l.pixels(b), s.i, s.i, 1}, nullptr,
                     false, !first, dw + tap * s.i, s.kh * s.kw * s.i, work);
    }
  };
  for (int64_t n = 0; n < s.n; n += l.images)
    for (int64_t p = 0; p < s.p; p += l.rows)
      add_block({n, std::min(l.images, s.n - n), p, std::min(l.rows, s.p - p)}, n == 0 && p == 0);
}

}  // namespace sil::cpu
