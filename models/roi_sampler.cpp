#include "models/roi_sampler.h"

#include "tensor/ops.h"

namespace sil {
namespace {

// Photo by photo: its proposals, then its ground truth.
Rois append_truth(const Rois& proposals, const Targets& targets, int64_t photos) {
  std::vector<float> boxes;
  std::vector<int32_t> image;
  const auto append = [&](const Tensor& from, const std::vector<int32_t>& whose, int64_t n) {
    const std::vector<float> rows = from.to_vector<float>();
    for (size_t r = 0; r < whose.size(); ++r) {
      if (whose[r] != n) continue;
      boxes.insert(boxes.end(), rows.begin() + int64_t(r) * 4, rows.begin() + int64_t(r) * 4 + 4);
      image.push_back(int32_t(n));
    }
  };
  const std::vector<int32_t> proposal_image = proposals.image.to_vector<int32_t>();
  const std::vector<int32_t> truth_image = targets.image.to_vector<int32_t>();
  for (int64_t n = 0; n < photos; ++n) {
    append(proposals.boxes, proposal_image, n);
    append(targets.boxes, truth_image, n);
  }
  const int64_t count = int64_t(image.size());
  const Device device = proposals.boxes.device();
  return {Tensor::of({count, 4}, boxes, device), Tensor::of({count}, image, device)};
}

Rois gather(const Rois& rois, const Tensor& rows) {
  return {ops::gather_rows(rois.boxes, rows), ops::gather_rows(rois.image, rows)};
}

}  // namespace

Samples sample_rois(const Rois& proposals, const Targets& targets, int64_t photos, const BoxConfig& config,
                    RngKey key) {
  const Rois all = append_truth(proposals, targets, photos);
  const Tensor matched = ops::match_boxes(all.boxes, all.image, targets.boxes, targets.image, photos, config.matcher);
  const Tensor picked = ops::sample(matched, all.image, photos, key, config.sampler);

  const std::vector<int32_t> match = matched.to_vector<int32_t>(), label_of = targets.labels.to_vector<int32_t>();
  const std::vector<uint8_t> pick = picked.to_vector<uint8_t>();
  std::vector<int32_t> rows, labels, positive, positive_labels, object;
  for (size_t r = 0; r < pick.size(); ++r) {
    if (!pick[r]) continue;
    const int32_t label = match[r] >= 0 ? label_of[size_t(match[r])] : 0;
    if (match[r] >= 0) {
      positive.push_back(int32_t(rows.size()));
      positive_labels.push_back(label), object.push_back(match[r]);
    }
    rows.push_back(int32_t(r)), labels.push_back(label);
  }

  const Device device = all.boxes.device();
  const auto upload = [&](const std::vector<int32_t>& v) { return Tensor::of({int64_t(v.size())}, v, device); };
  Samples s;
  s.rois = gather(all, upload(rows));
  s.labels = upload(labels);
  s.positive = upload(positive);
  s.positive_rois = gather(s.rois, s.positive);
  s.positive_labels = upload(positive_labels);
  s.positive_object = upload(object);
  return s;
}

}  // namespace sil
