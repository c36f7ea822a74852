#include "models/roi_sampler.h"

#include "tensor/ops.h"

namespace sil {
namespace {

// Photo by photo: its proposals, then its ground truth.
Rois append_truth(const Rois& proposals, const Targets& targets, int64_t photos) {
  std::vector<int32_t> whose = proposals.image.to_vector<int32_t>();
  for (int32_t n : targets.image.to_vector<int32_t>()) whose.push_back(n);
  std::vector<int32_t> rows, image;
  for (int32_t n = 0; n < photos; ++n)
    for (size_t r = 0; r < whose.size(); ++r)
      if (whose[r] == n) rows.push_back(int32_t(r)), image.push_back(n);
  const Shape count{int64_t(rows.size())};
  const Device device = proposals.boxes.device();
  return {ops::gather_rows(ops::concat({proposals.boxes, targets.boxes}, 0), Tensor::of(count, rows, device)),
          Tensor::of(count, image, device)};
}

// The values, then -1 up to the capacity.
Tensor padded(std::vector<int32_t> values, Device device) {
  values.resize(size_t(row_capacity(int64_t(values.size()))), -1);
  return Tensor::of({int64_t(values.size())}, values, device);
}

}  // namespace

int64_t row_capacity(int64_t rows) {
  int64_t step = 8;
  while (step * 16 < rows) step *= 2;
  return (rows + step - 1) / step * step;
}

Samples sample_rois(const Rois& proposals, const Targets& targets, int64_t photos, const BoxConfig& config,
                    RngKey key) {
  const Rois all = append_truth(proposals, targets, photos);
  const Tensor matched = ops::match_boxes(all.boxes, all.image, targets.boxes, targets.image, photos, config.matcher);
  const Tensor picked = ops::sample(matched, all.image, photos, key, config.sampler);

  const std::vector<int32_t> match = matched.to_vector<int32_t>(), label_of = targets.labels.to_vector<int32_t>();
  const std::vector<int32_t> whose = all.image.to_vector<int32_t>();
  const std::vector<uint8_t> pick = picked.to_vector<uint8_t>();
  std::vector<int32_t> rows, image, labels, positive, positive_image, positive_labels, object;
  for (size_t r = 0; r < pick.size(); ++r) {
    if (!pick[r]) continue;
    const int32_t label = match[r] >= 0 ? label_of[size_t(match[r])] : 0;
    if (match[r] >= 0) {
      positive.push_back(int32_t(rows.size())), positive_image.push_back(whose[r]);
      positive_labels.push_back(label), object.push_back(match[r]);
    }
    rows.push_back(int32_t(r)), image.push_back(whose[r]), labels.push_back(label);
  }

  const Device device = all.boxes.device();
  Samples s;
  s.count = int64_t(rows.size());
  s.rois = {ops::gather_rows(all.boxes, padded(rows, device)), padded(image, device)};
  s.labels = padded(labels, device);
  s.positive = padded(positive, device);
  s.positive_rois = {ops::gather_rows(s.rois.boxes, s.positive), padded(positive_image, device)};
  s.positive_labels = padded(positive_labels, device);
  s.positive_object = padded(object, device);
  return s;
}

}  // namespace sil
