#include "models/postprocess.h"

#include "models/grouped_nms.h"
#include "tensor/check.h"
#include "tensor/ops.h"
#include "tensor/threads.h"

namespace sil {
namespace {

// Rows [begin, end) are one photo's; boxes [P, K * 4], scores [P, K].
template <class T>
Candidates<T> photo_candidates(const T* boxes, const T* scores, int64_t begin, int64_t end, int64_t classes,
                               const BoxConfig& config) {
  Candidates<T> c;
  for (int64_t r = begin; r < end; ++r)
    for (int64_t k = 1; k < classes; ++k) {
      const T* box = boxes + (r * classes + k) * 4;
      const T score = scores[r * classes + k];
      const bool large = box[2] - box[0] >= T(config.min_side) && box[3] - box[1] >= T(config.min_side);
      if (score > T(config.score_threshold) && large) c.add(box, score, int(k));
    }
  return c;
}

// Where each photo's rows begin, and the end.
std::vector<int64_t> row_ranges(const Tensor& image, int64_t photos) {
  std::vector<int64_t> begin(size_t(photos) + 1);
  for (int32_t n : image.to_vector<int32_t>()) ++begin[size_t(n) + 1];
  for (size_t n = 0; n < size_t(photos); ++n) begin[n + 1] += begin[n];
  return begin;
}

// boxes [P, K * 4], scores [P, K]; the rows of photo n begin at begin[n].
template <class T>
Detections detections_of(const Tensor& boxes, const Tensor& scores, const std::vector<int64_t>& begin,
                         const BoxConfig& config, Device device) {
  Detections out;
  std::vector<T> kept;
  std::vector<int32_t> image;
  const int64_t photos = int64_t(begin.size()) - 1;
  for (int64_t n = 0; n < photos; ++n) {
    const Candidates<T> c = photo_candidates(boxes.data<T>(), scores.data<T>(), begin[size_t(n)], begin[size_t(n) + 1],
                                             scores.dim(1), config);
    for (size_t row : grouped_nms(c, config.nms_threshold, config.detections)) {
      kept.insert(kept.end(), c.boxes[row].begin(), c.boxes[row].end());
      image.push_back(int32_t(n));
      out.scores.push_back(float(c.scores[row])), out.labels.push_back(c.groups[row]);
    }
  }
  const int64_t count = int64_t(image.size());
  out.rois = {Tensor::of({count, 4}, kept, device), Tensor::of({count}, image, device)};
  return out;
}

}  // namespace

Detections select_detections(const Tensor& class_logits, const Tensor& deltas, const Rois& proposals,
                             const Tensor& sizes, const BoxConfig& config) {
  const DType dtype = wide(class_logits.dtype());
  const Tensor scores = ops::softmax(ops::cast(class_logits, dtype)).to(Device::cpu());
  const Tensor boxes =
      ops::decode_boxes(ops::cast(deltas, dtype), proposals.boxes, config.coder, proposals.image, sizes)
          .to(Device::cpu());
  const std::vector<int64_t> begin = row_ranges(proposals.image, sizes.dim(0));
  const auto select = dtype == DType::f64 ? detections_of<double> : detections_of<float>;
  return select(boxes, scores, begin, config, class_logits.device());
}

std::vector<PhotoDetections> map_to_photos(const Detections& d, const Tensor& masks, const Tensor& sizes,
                                           const std::vector<std::array<int, 2>>& original, float mask_threshold) {
  const int64_t photos = sizes.dim(0), count = d.rois.count(), side = masks.dim(1);
  check(int64_t(original.size()) == photos, "detect: {} original sizes for {} photos", original.size(), photos);
  const std::vector<int32_t> size = sizes.to_vector<int32_t>();
  const std::vector<int32_t> image = d.rois.image.to_vector<int32_t>();
  const Tensor inputs = ops::cast(d.rois.boxes, DType::f32).to(Device::cpu());

  std::vector<std::array<float, 4>> boxes(static_cast<size_t>(count));
  std::vector<Rle> runs(static_cast<size_t>(count));
  parallel_for(count, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const size_t n = size_t(image[size_t(i)]);
      const auto [height, width] = original[n];
      const float ratio_h = float(height) / float(size[2 * n]), ratio_w = float(width) / float(size[2 * n + 1]);
      const float* b = inputs.data<float>() + 4 * i;
      boxes[size_t(i)] = {b[0] * ratio_w, b[1] * ratio_h, b[2] * ratio_w, b[3] * ratio_h};
      const Tensor box = Tensor::of<float>({4}, {boxes[size_t(i)].begin(), boxes[size_t(i)].end()});
      const Tensor bits = ops::paste_mask(masks.rows(i, i + 1).view({side, side}), box, height, width, mask_threshold);
      runs[size_t(i)] = encode_columns(bits.data<uint8_t>(), height, width);
    }
  });

  std::vector<PhotoDetections> out(static_cast<size_t>(photos));
  for (size_t i = 0; i < size_t(count); ++i) {
    PhotoDetections& p = out[size_t(image[i])];
    p.boxes.push_back(boxes[i]), p.scores.push_back(d.scores[i]), p.labels.push_back(d.labels[i]);
    p.masks.push_back(std::move(runs[i]));
  }
  return out;
}

}  // namespace sil
