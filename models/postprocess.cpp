#include "models/postprocess.h"

#include <algorithm>
#include <numeric>

#include "tensor/check.h"
#include "tensor/ops.h"

namespace sil {
namespace {

// Rows [begin, end) of the proposals are one photo's.
struct RowRange {
  int64_t begin = 0, end = 0;
};

std::vector<RowRange> row_ranges(const Tensor& image, int64_t photos) {
  std::vector<RowRange> ranges(static_cast<size_t>(photos));
  const std::vector<int32_t> whose = image.to_vector<int32_t>();
  for (size_t r = 0; r < whose.size(); ++r) {
    if (whose[r] < 0) continue;
    RowRange& range = ranges[size_t(whose[r])];
    if (range.end == 0) range.begin = int64_t(r);
    range.end = int64_t(r) + 1;
  }
  return ranges;
}

template <class T>
struct Candidates {
  std::vector<T> boxes, scores;
  std::vector<int32_t> classes;
};

// boxes [P, K * 4], scores [P, K].
template <class T>
Candidates<T> photo_candidates(const Tensor& boxes, const Tensor& scores, RowRange rows, float score_threshold) {
  Candidates<T> c;
  const int64_t classes = scores.dim(1);
  for (int64_t r = rows.begin; r < rows.end; ++r)
    for (int64_t k = 1; k < classes; ++k) {
      const T *box = boxes.data<T>() + (r * classes + k) * 4, score = scores.data<T>()[r * classes + k];
      if (!(score > T(score_threshold))) continue;
      c.boxes.insert(c.boxes.end(), box, box + 4);
      c.scores.push_back(score), c.classes.push_back(int32_t(k));
    }
  return c;
}

template <class T>
Detections detections_of(const Tensor& boxes, const Tensor& scores, const std::vector<RowRange>& rows,
                         const BoxConfig& config, Device device) {
  Detections out;
  std::vector<T> kept;
  std::vector<int32_t> image;
  for (size_t n = 0; n < rows.size(); ++n) {
    const Candidates<T> c = photo_candidates<T>(boxes, scores, rows[n], config.score_threshold);
    const int64_t count = int64_t(c.scores.size());
    const Tensor best =
        ops::nms(Tensor::of({1, count, 4}, c.boxes), Tensor::of({1, count}, c.scores), Tensor::of({count}, c.classes),
                 config.detections, {config.min_side, config.nms_threshold});
    for (int32_t row : packed(best.view({config.detections})).to_vector<int32_t>()) {
      kept.insert(kept.end(), c.boxes.begin() + 4 * row, c.boxes.begin() + 4 * row + 4);
      image.push_back(int32_t(n));
      out.scores.push_back(float(c.scores[size_t(row)])), out.labels.push_back(c.classes[size_t(row)]);
    }
  }
  const int64_t count = int64_t(image.size());
  out.rois = {Tensor::of({count, 4}, kept, device), Tensor::of({count}, image, device)};
  return out;
}

// Of each box's photo, where boxes of the input are given: its size and the boxes there.
struct Placed {
  std::vector<int32_t> size;  // [D, 2]: height, width
  std::vector<std::array<float, 4>> boxes;
};

Placed place(const Rois& rois, const std::vector<int32_t>& inputs, const std::vector<std::array<int, 2>>& original) {
  const std::vector<float> boxes = ops::cast(rois.boxes, DType::f32).to_vector<float>();
  Placed out;
  for (int32_t n : rois.image.to_vector<int32_t>()) {
    const auto [height, width] = original[size_t(n)];
    const float down = float(height) / float(inputs[2 * size_t(n)]),
                across = float(width) / float(inputs[2 * size_t(n) + 1]);
    const float* b = boxes.data() + 4 * out.boxes.size();
    out.boxes.push_back({b[0] * across, b[1] * down, b[2] * across, b[3] * down});
    out.size.insert(out.size.end(), {height, width});
  }
  return out;
}

Rle rle_of(const int32_t* ends, int32_t count, int64_t height, int64_t width) {
  Rle mask{height, width, std::vector<uint32_t>(size_t(count))};
  std::adjacent_difference(ends, ends + count, mask.counts.begin());
  return mask;
}

// Each soft mask [M, M] in its photo.  Rows hold two parts a column of the widest photo; masks of more are done again.
std::vector<Rle> paste_all(const Tensor& masks, const Placed& placed, float threshold) {
  const int64_t count = masks.dim(0);
  const Device device = masks.device();
  const Tensor size = Tensor::of({count, 2}, placed.size, device);
  std::vector<float> corners;
  for (const auto& b : placed.boxes) corners.insert(corners.end(), b.begin(), b.end());
  const Tensor boxes = Tensor::of({count, 4}, corners, device);
  int64_t capacity = 1;
  for (size_t i = 1; i < placed.size.size(); i += 2) capacity = std::max<int64_t>(capacity, 4 * placed.size[i]);

  const ops::PastedRuns runs = ops::paste_runs(masks, boxes, size, threshold, capacity);
  const Tensor ends = runs.ends.to(Device::cpu());
  const std::vector<int32_t> found = runs.count.to_vector<int32_t>();
  std::vector<Rle> out;
  for (int64_t i = 0; i < count; ++i) {
    const int32_t n = found[size_t(i)], height = placed.size[size_t(2 * i)], width = placed.size[size_t(2 * i + 1)];
    if (n <= capacity) {
      out.push_back(rle_of(ends.data<int32_t>() + i * capacity, n, height, width));
    } else {
      const Tensor all = ops::paste_runs(masks.rows(i, i + 1), boxes.rows(i, i + 1), size.rows(i, i + 1), threshold, n)
                             .ends.to(Device::cpu());
      out.push_back(rle_of(all.data<int32_t>(), n, height, width));
    }
  }
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
  const std::vector<RowRange> rows = row_ranges(proposals.image, sizes.dim(0));
  const auto select = dtype == DType::f64 ? detections_of<double> : detections_of<float>;
  return select(boxes, scores, rows, config, class_logits.device());
}

std::vector<PhotoDetections> map_to_photos(const Detections& d, const Tensor& masks, const Tensor& sizes,
                                           const std::vector<std::array<int, 2>>& original, float mask_threshold) {
  const int64_t photos = sizes.dim(0);
  check(int64_t(original.size()) == photos, "detect: {} original sizes for {} photos", original.size(), photos);
  const std::vector<int32_t> image = d.rois.image.to_vector<int32_t>();
  const Placed placed = place(d.rois, sizes.to_vector<int32_t>(), original);
  std::vector<Rle> runs = paste_all(masks, placed, mask_threshold);
  std::vector<PhotoDetections> out(static_cast<size_t>(photos));
  for (size_t i = 0; i < image.size(); ++i) {
    PhotoDetections& p = out[size_t(image[i])];
    p.boxes.push_back(placed.boxes[i]), p.scores.push_back(d.scores[i]), p.labels.push_back(d.labels[i]);
    p.masks.push_back(std::move(runs[i]));
  }
  return out;
}

}  // namespace sil
