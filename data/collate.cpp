#include <algorithm>
#include <bit>

#include "data/batch.h"
#include "tensor/check.h"
#include "tensor/ops.h"

namespace sil {
namespace {

constexpr int64_t multiple = 32;  // the coarsest level that a stride of the backbone divides

int64_t round_up(int64_t n) { return (n + multiple - 1) / multiple * multiple; }

void check_example(const Example& e) {
  check(e.photo.defined() && (e.photo.dtype() == DType::u8 || e.photo.dtype() == DType::f32) && e.photo.rank() == 3 &&
            e.photo.dim(2) == 3,
        "collate: photo of image {} is {} {} (uint8 or float32 [H, W, 3] expected)", e.image_id, name(e.photo.dtype()),
        e.photo.shape());
  const size_t n = e.labels.size();
  check(e.boxes.size() == 4 * n && e.masks.size() == n,
        "collate: image {} has {} labels, {} box coordinates and {} masks (one box of 4 and one mask a label expected)",
        e.image_id, n, e.boxes.size(), e.masks.size());
  for (const Rle& m : e.masks)
    check(m.height == e.size[0] && m.width == e.size[1],
          "collate: a mask of image {} is {} x {} (its photo's {} x {} expected)", e.image_id, m.height, m.width,
          e.size[0], e.size[1]);
}

Tensor join_photos(const std::vector<Example>& examples, Device device) {
  int64_t height = 0, width = 0;
  std::vector<Tensor> photos;
  std::vector<PhotoGeom> geometry;
  for (const Example& e : examples) {
    height = std::max(height, round_up(e.size[0]));
    width = std::max(width, round_up(e.size[1]));
    photos.push_back(e.photo.to(device));
    const auto& [mean, std] = e.normalize;
    geometry.push_back({e.size[0], e.size[1], {mean[0], mean[1], mean[2]}, {std[0], std[1], std[2]}});
  }
  return ops::normalize_photos(photos, geometry, height, width);
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

Batch collate(const std::vector<Example>& examples, Device device) {
  check(!examples.empty(), "collate: 0 examples (1 or more expected)");
  for (const Example& e : examples) check_example(e);
  Batch batch;
  batch.photos = join_photos(examples, device);
  batch.targets = join_targets(examples);
  if (device.kind() != Device::Kind::cpu) batch.targets = filled_up(batch.targets);
  std::vector<int32_t> sizes;
  for (const Example& e : examples) {
    sizes.insert(sizes.end(), {e.size[0], e.size[1]});
    batch.highest = std::max(batch.highest, int64_t(e.size[0]));
    batch.image_ids.push_back(e.image_id);
    batch.original.push_back(e.original);
  }
  batch.sizes = Tensor::of({int64_t(examples.size()), 2}, sizes);
  Targets& t = batch.targets;
  for (Tensor* tensor : {&batch.sizes, &t.boxes, &t.labels, &t.image, &t.run_ends, &t.run_begin, &t.size})
    *tensor = tensor->to(device);
  return batch;
}

}  // namespace sil
