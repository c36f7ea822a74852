#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "data/transforms.h"
#include "tensor/ops.h"
#include "viz/plot.h"
#include "viz/stage_parts.h"
#include "viz/stage_pictures.h"

namespace sil {
namespace {

std::vector<size_t> by_value(const std::vector<float>& v) {
  std::vector<size_t> order(v.size());
  std::iota(order.begin(), order.end(), size_t(0));
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return v[a] > v[b]; });
  return order;
}

// A proposal cut out of the photo, and the classes that the head finds likeliest.
Panel score_panel(const Tensor& photo, const float* box, const std::vector<float>& scores, const Named& name_of) {
  constexpr int kShown = 5, kSide = 150, kBars = 250;
  Tensor cut = crop(photo, rect_of(box, 1));
  Canvas canvas = blank(kSide + 12 + kBars, kSide);
  if (cut.numel() > 0) {
    const int longer = int(std::max(cut.dim(0), cut.dim(1)));
    cut = resize_antialiased(cut, std::max(1, int(cut.dim(0)) * kSide / longer),
                             std::max(1, int(cut.dim(1)) * kSide / longer));
    put(canvas, cut, (kSide - int(cut.dim(1))) / 2, (kSide - int(cut.dim(0))) / 2);
  }
  const std::vector<size_t> order = by_value(scores);
  for (size_t i = 0; i < std::min(order.size(), size_t(kShown)); ++i) {
    const int k = int(order[i]), y = int(i) * 30;
    const Rgb colour = k == 0 ? Rgb{190, 194, 200} : object_colour(k - 1, 0);
    canvas.fill({kSide + 12, y + 16, std::max(1, int(scores[size_t(k)] * kBars)), 9}, colour);
    draw_text(canvas, fmt::format("{} {:.3f}", k == 0 ? "background" : name_of(k), scores[size_t(k)]), kSide + 12, y,
              14, kInk);
  }
  return {canvas.pixels(), fmt::format("{:.0f} x {:.0f} pixels", box[2] - box[0], box[3] - box[1])};
}

// Rows of the likeliest objects, none of which overlaps another by half.
std::vector<size_t> distinct_rows(const Tensor& boxes, const std::vector<float>& object, size_t wanted) {
  std::vector<size_t> rows;
  for (size_t r : by_value(object)) {
    if (rows.size() == wanted) break;
    const Box<float> box = box_at(boxes, int64_t(r));
    const bool taken = std::any_of(rows.begin(), rows.end(), [&](size_t other) {
      const Box<float> o = box_at(boxes, int64_t(other));
      return iou(box, area(box), o, area(o)) > 0.5f;
    });
    if (!taken) rows.push_back(r);
  }
  return rows;
}

}  // namespace

Tensor draw_class_scores(const StageMap& stages, const Named& name_of) {
  const Tensor photo = photo_of(stages), boxes = stages.at("proposals.0");
  const Tensor scores = ops::softmax(stages.at("class_logits"));
  const size_t classes = size_t(scores.dim(1));
  const std::vector<float> all = scores.to_vector<float>();
  std::vector<float> object(size_t(std::min(boxes.dim(0), scores.dim(0))));
  for (size_t r = 0; r < object.size(); ++r) object[r] = 1 - all[r * classes];
  std::vector<Panel> panels;
  for (size_t r : distinct_rows(boxes, object, 6))
    panels.push_back(score_panel(
        photo, boxes.data<float>() + 4 * r,
        {all.begin() + std::ptrdiff_t(r * classes), all.begin() + std::ptrdiff_t((r + 1) * classes)}, name_of));
  if (panels.empty()) panels.push_back({nothing("no proposals"), ""});
  return figure(
      "Class scores",
      fmt::format("What the box head says of the proposals it finds likeliest to be objects: softmax over {} classes, "
                  "background among them. Each class also moves the proposal by deltas of its own.",
                  classes),
      panels, 2);
}

namespace {

// A detection's mask on the head's grid, and pasted over its part of the photo.
Panel mask_panel(const Tensor& probability, const Tensor& photo, const Tensor& pasted, const float* box,
                 const std::string& text) {
  constexpr int kSide = 196;
  const Tensor grid = enlarge(heat_map(probability, 0, 1), std::max(1, kSide / int(probability.dim(0))));
  const int margin = int(std::max(4.0f, 0.15f * std::max(box[2] - box[0], box[3] - box[1])));
  Rect around = rect_of(box, 1);
  around = {around.x - margin, around.y - margin, around.width + 2 * margin, around.height + 2 * margin};
  Canvas tinted(photo.clone());
  for (int y = std::max(0, around.y); y < std::min(tinted.height(), around.y + around.height); ++y)
    for (int x = std::max(0, around.x); x < std::min(tinted.width(), around.x + around.width); ++x) {
      const float p = pasted.data<float>()[int64_t(y) * tinted.width() + x];
      if (p > 0) tinted.blend(y, x, p >= 0.5f ? kObject : kMark, 0.65 * double(p));
    }
  Tensor cut = crop(tinted.pixels(), around);
  Canvas canvas = blank(2 * kSide + 10, kSide);
  put(canvas, grid, 0, 0);
  if (cut.numel() > 0) {
    const int longer = int(std::max(cut.dim(0), cut.dim(1)));
    cut = resize_antialiased(cut, std::max(1, int(cut.dim(0)) * kSide / longer),
                             std::max(1, int(cut.dim(1)) * kSide / longer));
    put(canvas, cut, kSide + 10, 0);
  }
  return {canvas.pixels(), text};
}

}  // namespace

Tensor draw_masks(const StageMap& stages, const Tensor& photo, const Named& name_of) {
  constexpr int64_t kShown = 6;
  const Tensor& boxes = stages.at("detections.boxes");
  const std::vector<int64_t> labels = stages.at("detections.labels").to_vector<int64_t>();
  const std::vector<float> scores = stages.at("detections.scores").to_vector<float>();
  const Tensor probability = ops::sigmoid(ops::cast(stages.at("mask_logits"), DType::f32));
  const int64_t classes = probability.dim(1), side = probability.dim(2), height = photo.dim(0), width = photo.dim(1);
  std::vector<Panel> panels;
  for (int64_t i = 0; i < std::min(kShown, boxes.dim(0)); ++i) {
    const int64_t row = i * classes + labels[size_t(i)];
    panels.push_back(mask_panel(probability.view({-1, side, side}).rows(row, row + 1).view({side, side}), photo,
                                stages.at("detections.masks").rows(i, i + 1).view({height, width}),
                                boxes.data<float>() + 4 * i,
                                fmt::format("{} {:.2f}", name_of(int(labels[size_t(i)])), scores[size_t(i)])));
  }
  if (panels.empty()) panels.push_back({nothing("no detections"), ""});
  return figure(
      "Masks",
      fmt::format("Left: the mask of the detection's own class as the head gives it, {0} x {0} probabilities. Right: "
                  "stretched onto its box in the photo, bilinear; red is the mask, 0.5 and above, orange what lies "
                  "below.",
                  side),
      panels, 2);
}

}  // namespace sil
