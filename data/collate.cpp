#include <algorithm>
#include <bit>
#include <cstring>

#include "data/batch.h"
#include "tensor/check.h"

namespace sil {
namespace {

constexpr int64_t multiple = 32;  // the coarsest level that a stride of the backbone divides

int64_t round_up(int64_t n) { return (n + multiple - 1) / multiple * multiple; }

void copy_padded(const Tensor& photo, float* out, int64_t height, int64_t width) {
  const int64_t row = photo.dim(1) * 3, padded_row = width * 3;
  const float* in = photo.data<float>();
  for (int64_t y = 0; y < photo.dim(0); ++y, in += row, out += padded_row) {
    std::copy(in, in + row, out);
    std::fill(out + row, out + padded_row, 0.0f);
  }
  std::fill(out, out + (height - photo.dim(0)) * padded_row, 0.0f);
}

void check_example(const Example& e) {
  check(e.photo.rank() == 3 && e.photo.dim(2) == 3 && e.photo.dtype() == DType::f32,
        "collate: photo of image {} is {} {} (float32 [H, W, 3] expected)", e.image_id, name(e.photo.dtype()),
        e.photo.shape());
  const size_t n = e.labels.size();
  check(e.boxes.size() == 4 * n && e.masks.size() == n,
        "collate: image {} has {} labels, {} box coordinates and {} masks (one box of 4 and one mask a label expected)",
        e.image_id, n, e.boxes.size(), e.masks.size());
  for (const Rle& m : e.masks)
    check(m.height == e.photo.dim(0) && m.width == e.photo.dim(1),
          "collate: a mask of image {} is {} x {} (its photo's {} x {} expected)", e.image_id, m.height, m.width,
          e.photo.dim(0), e.photo.dim(1));
}

Tensor join_photos(const std::vector<Example>& examples) {
  int64_t height = 0, width = 0;
  for (const Example& e : examples) {
    height = std::max(height, round_up(e.photo.dim(0)));
    width = std::max(width, round_up(e.photo.dim(1)));
  }
  Tensor photos({int64_t(examples.size()), height, width, 3}, DType::f32);
  float* out = photos.data<float>();
  for (const Example& e : examples) {
    copy_padded(e.photo, out, height, width);
    out += height * width * 3;
  }
  return photos;
}

Targets join_targets(const std::vector<Example>& examples) {
  std::vector<float> boxes;
  std::vector<int32_t> labels, image, run_ends, run_begin{0}, size;
  for (size_t i = 0; i < examples.size(); ++i) {
    const Example& e = examples[i];
    boxes.insert(boxes.end(), e.boxes.begin(), e.boxes.end());
    labels.insert(labels.end(), e.labels.begin(), e.labels.end());
    for (const Rle& mask : e.masks) {
      int32_t end = 0;
      for (uint32_t run : mask.counts) run_ends.push_back(end += int32_t(run));
      run_begin.push_back(int32_t(run_ends.size()));
      image.push_back(int32_t(i));
      size.push_back(int32_t(mask.height));
      size.push_back(int32_t(mask.width));
    }
  }
  const int64_t objects = int64_t(labels.size());
  return {.boxes = Tensor::of({objects, 4}, boxes),
          .labels = Tensor::of({objects}, labels),
          .image = Tensor::of({objects}, image),
          .run_ends = Tensor::of({int64_t(run_ends.size())}, run_ends),
          .run_begin = Tensor::of({objects + 1}, run_begin),
          .size = Tensor::of({objects, 2}, size)};
}

// Rows [n, ...] with others behind them, all of `value`, up to `rows`; on the host.
template <class T>
Tensor filled_up(const Tensor& t, int64_t rows, T value) {
  Shape shape = t.shape();
  shape[0] = rows;
  std::vector<T> values = t.to_vector<T>();
  values.resize(size_t(shape.numel()), value);
  return Tensor::of(shape, values);
}

Targets filled_up(const Targets& t) {
  const int64_t objects = (std::max<int64_t>(t.count(), 1) + 63) / 64 * 64, runs = t.run_ends.numel();
  return {
      .boxes = filled_up<float>(t.boxes, objects, 0),
      .labels = filled_up<int32_t>(t.labels, objects, -1),
      .image = filled_up<int32_t>(t.image, objects, -1),
      .run_ends = filled_up<int32_t>(t.run_ends, int64_t(std::bit_ceil(uint64_t(std::max<int64_t>(runs, 1024)))), 0),
      .run_begin = filled_up<int32_t>(t.run_begin, objects + 1, int32_t(runs)),
      .size = filled_up<int32_t>(t.size, objects, 0)};
}

}  // namespace

Batch collate(const std::vector<Example>& examples) {
  check(!examples.empty(), "collate: 0 examples (1 or more expected)");
  for (const Example& e : examples) check_example(e);
  Batch batch;
  batch.photos = join_photos(examples);
  batch.targets = join_targets(examples);
  std::vector<int32_t> sizes;
  for (const Example& e : examples) {
    sizes.push_back(int32_t(e.photo.dim(0)));
    sizes.push_back(int32_t(e.photo.dim(1)));
    batch.image_ids.push_back(e.image_id);
    batch.original.push_back(e.original);
  }
  batch.sizes = Tensor::of({int64_t(examples.size()), 2}, sizes);
  for (const Example& e : examples) batch.highest = std::max(batch.highest, e.photo.dim(0));
  return batch;
}

Batch Batch::to(Device device) const {
  if (photos.device() == device) return *this;
  Batch b = *this;
  if (device.kind() != Device::Kind::cpu && targets.boxes.defined()) b.targets = filled_up(targets);
  Targets& t = b.targets;
  for (Tensor* tensor : {&b.photos, &b.sizes, &t.boxes, &t.labels, &t.image, &t.run_ends, &t.run_begin, &t.size})
    *tensor = tensor->to(device);
  return b;
}

}  // namespace sil
