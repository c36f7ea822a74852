// A photo as the model reads it: normalised, resized, padded with zeros.
#include <algorithm>
#include <vector>

#include "cpu/cpu.h"
#include "tensor/geometry.h"
#include "tensor/threads.h"

namespace sil::cpu {
namespace {

float value(uint8_t v) { return float(v) / 255.0f; }
float value(float v) { return v; }

std::vector<LinearRead<float>> reads(int64_t from, int64_t to) {
  std::vector<LinearRead<float>> all;
  for (int64_t i = 0; i < to; ++i) all.push_back(resize_read<float>(i, int(from), to));
  return all;
}

// Source rows, normalised and resized along x.  Output rows ask for them in ascending order, so two are enough.
template <class S>
class Rows {
 public:
  Rows(const S* photo, int64_t width, const PhotoGeom& g, const std::vector<LinearRead<float>>& columns)
      : photo_(photo), width_(width), g_(g), columns_(columns), normalized_(size_t(3 * width)) {
    for (auto& row : rows_) row.resize(3 * columns.size());
  }

  const float* operator()(int64_t y) {
    const size_t slot = size_t(y & 1);
    if (held_[slot] != y) make(y, rows_[slot].data());
    held_[slot] = y;
    return rows_[slot].data();
  }

 private:
  void make(int64_t y, float* out) {
    const S* in = photo_ + 3 * width_ * y;
    const bool same = int64_t(columns_.size()) == width_;
    float* to = same ? out : normalized_.data();
    for (int64_t i = 0; i < 3 * width_; i += 3)
      for (int64_t c = 0; c < 3; ++c) to[i + c] = (value(in[i + c]) - g_.mean[c]) / g_.std[c];
    if (same) return;
    for (const LinearRead<float>& read : columns_)
      for (int c = 0; c < 3; ++c) *out++ = read.w0 * to[3 * read.i0 + c] + read.w1 * to[3 * read.i1 + c];
  }

  const S* photo_;
  int64_t width_;
  const PhotoGeom& g_;
  const std::vector<LinearRead<float>>& columns_;
  std::vector<float> normalized_, rows_[2];
  int64_t held_[2] = {-1, -1};
};

template <class S>
void normalize_rows(In photo, Out y, const PhotoGeom& g) {
  const int64_t row = 3 * y.dim(1), inside = 3 * g.width;
  const auto down = reads(photo.dim(0), g.height), across = reads(photo.dim(1), g.width);
  parallel_for(y.dim(0), 64, [&](int64_t begin, int64_t end) {
    Rows<S> rows(photo.data<S>(), photo.dim(1), g, across);
    for (int64_t r = begin; r < end; ++r) {
      float* out = y.data<float>() + r * row;
      if (r < g.height) {
        const LinearRead<float> read = down[size_t(r)];
        const float *a = rows(read.i0), *b = rows(read.i1);
        for (int64_t i = 0; i < inside; ++i) out[i] = read.w0 * a[i] + read.w1 * b[i];
      }
      std::fill(r < g.height ? out + inside : out, out + row, 0.0f);
    }
  });
}

}  // namespace

void normalize_photo(Stream, In photo, Out y, PhotoGeom g) {
  photo.dtype() == DType::u8 ? normalize_rows<uint8_t>(photo, y, g) : normalize_rows<float>(photo, y, g);
}

}  // namespace sil::cpu
