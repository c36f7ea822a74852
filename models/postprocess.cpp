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

// Candidates are the classes of a proposal, K to a row, the background's out of the question.
struct Candidates {
  Tensor boxes;   // [R * K, 4]
  Tensor scores;  // [R, K]
};

Candidates candidates_of(const Tensor& class_logits, const Tensor& deltas, const Rois& proposals, const Tensor& sizes,
                         const BoxConfig& config) {
  const DType dtype = wide(class_logits.dtype());
  const int64_t rows = class_logits.dim(0), classes = class_logits.dim(1);
  const Tensor scores = ops::softmax(ops::cast(class_logits, dtype));
  const Tensor background = Tensor::full({rows, 1}, -1, dtype, scores.device());
  const Tensor boxes =
      ops::decode_boxes(ops::cast(deltas, dtype), proposals.boxes, config.coder, proposals.image, sizes);
  return {boxes.view({rows * classes, 4}), ops::concat({background, ops::slice(scores, 1, 1, classes)}, 1)};
}

// A GPU has a bit for each pair of candidates: 134 MB a photo.  What may be more (a least score of 0.01 and many
// classes) is selected on the host.
constexpr int64_t kMostOnGpu = 1 << 15;

// How many of a photo's candidates can have more than the least score.  On the CPU they are counted, of its one photo;
// on a GPU a proposal's scores say it, whose sum is 1.
int64_t most_candidates(const Tensor& scores, int64_t classes, float least) {
  if (scores.device().kind() == Device::Kind::cpu) {
    const std::vector<double> all = ops::cast(scores, DType::f64).to_vector<double>();
    return std::count_if(all.begin(), all.end(), [&](double s) { return s > double(least); });
  }
  const int64_t objects = classes - 1;
  const double most = least > 0 ? std::min(double(objects), 1.00001 / double(least)) : double(objects);
  return scores.dim(1) / classes * int64_t(most);
}

// Of photos with equally many candidates each, scores [N, M], boxes [N * M, 4]: rows of what is kept, int32 [N *
// limit], -1 behind each photo's; packed on the CPU.
Tensor kept_rows(const Tensor& scores, const Tensor& boxes, int64_t classes, const BoxConfig& config) {
  const Device device = scores.device();
  const int64_t photos = scores.dim(0), each = scores.dim(1), limit = config.detections;
  const int64_t k = std::min(most_candidates(scores, classes, config.score_threshold), each);
  if (k == 0) return packed(Tensor::full({photos * limit}, -1, DType::i32, device));
  const ops::TopK top = ops::top_k(scores, k);
  const Tensor place = top.index.view({photos * k});
  const Tensor rows = ops::join_index(photo_of_rows(photos, k, device), place, each);
  const Tensor best = ops::nms(ops::gather_rows(boxes, rows).view({photos, k, 4}), top.values,
                               ops::split_index(place, classes).second.view({photos, k}), limit,
                               {config.min_side, config.nms_threshold, config.score_threshold});
  const Tensor kept = ops::join_index(photo_of_rows(photos, limit, device), best.view({photos * limit}), k);
  return ops::lookup(rows, packed(kept));
}

// The same of a batch whose photos have proposals of their own number each.
Tensor kept_rows_packed(const Tensor& scores, const Tensor& boxes, const std::vector<RowRange>& photos,
                        const BoxConfig& config) {
  const int64_t classes = scores.dim(1);
  std::vector<int32_t> all;
  for (const auto& [begin, end] : photos) {
    const Tensor own = scores.rows(begin, end).view({1, (end - begin) * classes});
    const Tensor rows = kept_rows(own, boxes.rows(begin * classes, end * classes), classes, config);
    for (int32_t row : rows.to_vector<int32_t>()) all.push_back(int32_t(begin * classes) + row);
  }
  return Tensor::of({int64_t(all.size())}, all);
}

// float32 [D, 4], [D, 2]: boxes in the photo's own pixels, and its height and width; zeros of an empty row.
struct Placed {
  Tensor boxes, size;
};

Placed place(const Rois& rois, const Tensor& sizes, const std::vector<std::array<int, 2>>& original) {
  const int64_t photos = int64_t(original.size());
  std::vector<int32_t> sides;
  for (const auto& [height, width] : original) sides.insert(sides.end(), {height, width});
  const Tensor own = Tensor::of({photos, 2}, sides, sizes.device());
  const Tensor ratio = ops::div(ops::cast(own, DType::f32), ops::cast(sizes, DType::f32));
  const Tensor down = ops::slice(ratio, 1, 0, 1), across = ops::slice(ratio, 1, 1, 2);
  const Tensor factor = ops::gather_rows(ops::concat({across, down, across, down}, 1), rois.image);
  return {ops::mul(ops::cast(rois.boxes, DType::f32), factor), ops::gather_rows(own, rois.image)};
}

Rle rle_of(const int32_t* ends, int32_t count, int64_t height, int64_t width) {
  Rle mask{height, width, std::vector<uint32_t>(size_t(count))};
  std::adjacent_difference(ends, ends + count, mask.counts.begin());
  return mask;
}

// Each soft mask [M, M] in its photo, `image` of the originals.  Rows of `runs` hold two parts a column of the widest
// photo; masks of more are done again.
std::vector<Rle> read_masks(const ops::PastedRuns& runs, const std::vector<int32_t>& image,
                            const std::vector<std::array<int, 2>>& original, const Tensor& masks, const Placed& placed,
                            float threshold) {
  const Tensor ends = runs.ends.to(Device::cpu());
  const std::vector<int32_t> found = runs.count.to_vector<int32_t>();
  const int64_t capacity = ends.dim(1);
  std::vector<Rle> out(image.size());
  for (size_t i = 0; i < image.size(); ++i) {
    if (image[i] < 0) continue;
    const auto [height, width] = original[size_t(image[i])];
    const int64_t row = int64_t(i);
    if (found[i] <= capacity) {
      out[i] = rle_of(ends.data<int32_t>() + row * capacity, found[i], height, width);
    } else {
      const Tensor all = ops::paste_runs(masks.rows(row, row + 1), placed.boxes.rows(row, row + 1),
                                         placed.size.rows(row, row + 1), threshold, found[i])
                             .ends.to(Device::cpu());
      out[i] = rle_of(all.data<int32_t>(), found[i], height, width);
    }
  }
  return out;
}

}  // namespace

Detections select_detections(const Tensor& class_logits, const Tensor& deltas, const Rois& proposals,
                             const Tensor& sizes, const BoxConfig& config) {
  const Candidates c = candidates_of(class_logits, deltas, proposals, sizes, config);
  const Device device = c.scores.device();
  const int64_t photos = sizes.dim(0), classes = class_logits.dim(1);
  // By it a GPU's empty proposals, whose boxes have no sides, are no candidates.
  check(config.min_side > 0, "select_detections: min_side is {}; more than 0 expected", config.min_side);
  const auto on_host = [&] {
    return kept_rows_packed(c.scores.to(Device::cpu()), c.boxes.to(Device::cpu()), row_ranges(proposals.image, photos),
                            config);
  };
  Tensor rows;
  if (device.kind() == Device::Kind::cpu) {
    rows = on_host();
  } else {
    const Tensor own = c.scores.view({photos, c.scores.numel() / photos});
    const bool fits = most_candidates(own, classes, config.score_threshold) <= kMostOnGpu;
    rows = fits ? kept_rows(own, c.boxes, classes, config) : on_host().to(device);
  }
  const auto [proposal, label] = ops::split_index(rows, classes);
  return {{ops::gather_rows(c.boxes, rows), ops::lookup(proposals.image, proposal)},
          ops::gather_rows(c.scores.view({c.scores.numel()}), rows),
          label};
}

std::vector<PhotoDetections> map_to_photos(const Detections& d, const Tensor& masks, const Tensor& sizes,
                                           const std::vector<std::array<int, 2>>& original, float mask_threshold) {
  check(int64_t(original.size()) == sizes.dim(0), "detect: {} original sizes for {} photos", original.size(),
        sizes.dim(0));
  int widest = 0;
  for (const auto& [height, width] : original) widest = std::max(widest, width);
  const Placed placed = place(d.rois, sizes, original);
  const ops::PastedRuns runs =
      ops::paste_runs(masks, placed.boxes, placed.size, mask_threshold, std::max<int64_t>(4 * int64_t(widest), 1));
  // All is queued; the host waits from here on.
  const std::vector<int32_t> image = d.rois.image.to_vector<int32_t>(), labels = d.labels.to_vector<int32_t>();
  std::vector<Rle> rles = read_masks(runs, image, original, masks, placed, mask_threshold);
  const std::vector<float> scores = ops::cast(d.scores, DType::f32).to_vector<float>(),
                           boxes = placed.boxes.to_vector<float>();
  std::vector<PhotoDetections> out(original.size());
  for (size_t i = 0; i < image.size(); ++i) {
    if (image[i] < 0) continue;
    PhotoDetections& p = out[size_t(image[i])];
    const float* b = boxes.data() + 4 * i;
    p.boxes.push_back({b[0], b[1], b[2], b[3]}), p.scores.push_back(scores[i]), p.labels.push_back(labels[i]);
    p.masks.push_back(std::move(rles[i]));
  }
  return out;
}

}  // namespace sil
