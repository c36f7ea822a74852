#include "viz/stage_pictures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "data/augmentations.h"
#include "data/transforms.h"
#include "tensor/geometry.h"
#include "tensor/ops.h"
#include "viz/figure.h"
#include "viz/plot.h"

namespace sil {
namespace {

constexpr Rgb kInk{40, 44, 52}, kFaint{110, 116, 128}, kObject{230, 30, 60}, kMark{255, 140, 0};
constexpr int kPhotoSide = 480;  // pixels of a photo's longer side in a figure, at least

// The first photo's plane c, float32 [H, W].
Tensor plane(const Tensor& stage, int64_t c) {
  const int64_t height = stage.dim(2), width = stage.dim(3);
  return ops::cast(stage.view({-1, height, width}).rows(c, c + 1), DType::f32).view({height, width});
}

Tensor photo_of(const StageMap& stages) {
  const Tensor& input = stages.at("input");
  const Normalize norm;
  Tensor photo({input.dim(2), input.dim(3), 3}, DType::u8);
  for (int64_t c = 0; c < 3; ++c) {
    const Tensor values = plane(input, c);
    for (int64_t i = 0; i < values.numel(); ++i) {
      const float x = values.data<float>()[i];  // 0 is padding, or a pixel that happens to be the mean
      const float v = x == 0 ? 0 : x * norm.std[size_t(c)] + norm.mean[size_t(c)];
      photo.data<uint8_t>()[i * 3 + c] = uint8_t(std::clamp(std::lround(255 * v), 0L, 255L));
    }
  }
  return photo;
}

// How often a photo's pixel is repeated in a figure.
int factor_of(const Tensor& photo) {
  const int longer = int(std::max({photo.dim(0), photo.dim(1), int64_t(1)}));
  return std::max(1, (kPhotoSide + longer - 1) / longer);
}

Rect rect_of(const float* box, double scale) {
  const int x0 = int(std::lround(box[0] * scale)), y0 = int(std::lround(box[1] * scale));
  return {x0, y0, int(std::lround(box[2] * scale)) - x0, int(std::lround(box[3] * scale)) - y0};
}

// The mean of |x| over a stage's channels.
Tensor strength(const Tensor& stage) {
  Tensor sum = Tensor::zeros({stage.dim(2), stage.dim(3)});
  float* to = sum.data<float>();
  for (int64_t c = 0; c < stage.dim(1); ++c) {
    const Tensor values = plane(stage, c);
    for (int64_t i = 0; i < sum.numel(); ++i) to[i] += std::abs(values.data<float>()[i]) / float(stage.dim(1));
  }
  return sum;
}

std::pair<float, float> extremes(const Tensor& values) {
  const std::vector<float> v = values.to_vector<float>();
  if (v.empty()) return {0, 0};
  const auto [low, high] = std::minmax_element(v.begin(), v.end());
  return {*low, *high};
}

// A map of cells, enlarged to about the side of the others.
Panel map_panel(const Tensor& values, double low, double high, const std::string& label, int side) {
  const int longer = int(std::max(values.dim(0), values.dim(1)));
  Canvas map(enlarge(heat_map(values, low, high), std::max(1, side / std::max(longer, 1))));
  map.frame({0, 0, map.width(), map.height()}, 1, {200, 205, 212});  // white maps have an edge, too
  return {map.pixels(), label};
}

std::vector<size_t> by_value(const std::vector<float>& v) {
  std::vector<size_t> order(v.size());
  std::iota(order.begin(), order.end(), size_t(0));
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return v[a] > v[b]; });
  return order;
}

Box<float> box_at(const Tensor& boxes, int64_t row) { return load_box<float>(boxes.data<float>() + 4 * row); }

Tensor nothing(const std::string& what) {
  Canvas canvas = blank(400, 60);
  draw_text(canvas, what, 8, 20, 16, kFaint);
  return canvas.pixels();
}

}  // namespace

Tensor draw_input(const StageMap& stages) {
  const Tensor photo = photo_of(stages);
  return figure(
      "Input",
      fmt::format("The photo as the network sees it: resized, normalised by ImageNet's mean and deviation (taken back "
                  "here), padded with zeros on the right and below to {} x {}, multiples of 32, so that every "
                  "level of the pyramid has whole cells.",
                  photo.dim(1), photo.dim(0)),
      {{enlarge(photo, factor_of(photo)), fmt::format("input [1, 3, {}, {}]", photo.dim(0), photo.dim(1))}}, 1);
}

Tensor draw_feature_maps(const StageMap& stages) {
  std::vector<Panel> panels;
  const Tensor& finest = stages.at("c2");  // its sides double level by level, so one side fits all
  const int cells = int(std::max({finest.dim(2), finest.dim(3), int64_t(1)})), side = cells * std::max(1, 264 / cells);
  for (const char* name : {"c2", "c3", "c4", "c5", "p2", "p3", "p4", "p5", "p6"}) {
    const Tensor map = strength(stages.at(name));
    const auto [low, high] = extremes(map);
    panels.push_back(
        map_panel(map, low, high,
                  fmt::format("{} {} x {}, {} channels", name, map.dim(1), map.dim(0), stages.at(name).dim(1)), side));
    if (panels.size() == 4) panels.push_back({blank(8, 8).pixels(), ""});  // five columns, and there is no c6
  }
  return figure(
      "Feature maps",
      "Mean of |x| over the channels, dark is strong; each map on its own scale. Above: the residual network's four "
      "stages, each half the size of the one before. Below: the pyramid (Lin et al. 2017, fig. 3): each level is the "
      "stage above it, brought to 256 channels, plus the coarser level, so that fine maps know what coarse ones "
      "found; p6 is every second cell of p5.",
      panels, 5);
}

Tensor draw_matched_anchors(const StageMap& stages, const Tensor& matched, const Tensor& truth) {
  const Tensor photo = photo_of(stages);
  const int factor = factor_of(photo);
  Canvas canvas(enlarge(photo, factor));
  const std::vector<int32_t> whose = matched.to_vector<int32_t>();
  int64_t positive = 0, ignored = 0;
  for (size_t a = 0; a < whose.size(); ++a) {
    ignored += whose[a] == -2;
    if (whose[a] < 0) continue;
    ++positive;
    canvas.frame(rect_of(stages.at("anchors").data<float>() + 4 * a, factor), 1, object_colour(whose[a], 0));
  }
  for (int64_t g = 0; g < truth.dim(0); ++g) {
    const Rect r = rect_of(truth.data<float>() + 4 * g, factor);
    canvas.frame({r.x - 1, r.y - 1, r.width + 2, r.height + 2}, 4, {16, 16, 16});
    canvas.frame(r, 2, object_colour(int(g), 0));
  }
  return figure(
      "Matched anchors",
      fmt::format("Thick: the {} objects. Thin: the anchors that shall learn to find them, in their object's colour: "
                  "{} of {} overlap an object by an IoU of 0.7 or more, or are an object's best. {} between 0.3 and "
                  "0.7 teach nothing; the rest are background (Ren et al. 2015, section 3.1.2).",
                  truth.dim(0), positive, whose.size(), ignored),
      {{canvas.pixels(), "input, anchors"}}, 1);
}

Tensor draw_objectness(const StageMap& stages) {
  std::vector<Panel> panels;
  const Tensor photo = photo_of(stages);
  const int side = 300;
  const int longer = int(std::max(photo.dim(0), photo.dim(1)));
  panels.push_back({resize_antialiased(photo, std::max(1, int(photo.dim(0)) * side / longer),
                                       std::max(1, int(photo.dim(1)) * side / longer)),
                    "input"});
  for (int l = 0; l < 5; ++l) {
    const Tensor& logits = stages.at(fmt::format("rpn.objectness.{}", l));
    Tensor best = plane(ops::sigmoid(logits), 0);
    for (int64_t b = 1; b < logits.dim(1); ++b) best = ops::binary(Binary::max, best, plane(ops::sigmoid(logits), b));
    const auto [low, high] = extremes(best);
    panels.push_back(map_panel(best, 0, 1, fmt::format("p{}: {:.3f} to {:.3f}", l + 2, low, high), side));
  }
  return figure(
      "Objectness",
      "What the region proposal network says of each cell: the best of its three anchors, white 0, dark blue 1. Fine "
      "levels hold small anchors, coarse levels large ones.",
      panels, 3);
}

Tensor draw_proposals(const StageMap& stages) {
  constexpr int64_t kShown = 50;
  const Tensor photo = photo_of(stages), &boxes = stages.at("proposals.0");
  const int factor = factor_of(photo);
  Canvas canvas(enlarge(photo, factor));
  const int64_t shown = std::min(kShown, boxes.dim(0));
  for (int64_t i = shown; i-- > 0;)  // the surest on top
    canvas.frame(rect_of(boxes.data<float>() + 4 * i, factor), 2, sequence_colour(1 - double(i) / kShown));
  return figure(
      "Proposals",
      fmt::format("The first {} of {} proposals, the surest dark blue, the least sure light green. They are anchors "
                  "moved by the network's deltas and cut at the photo's edge; of those that overlap on one level by "
                  "more than an IoU of 0.7 the surest is kept.",
                  shown, boxes.dim(0)),
      {{canvas.pixels(), fmt::format("proposals.0 [{}, 4]", boxes.dim(0))}}, 1);
}

namespace {

// A RoI on its level: cells, bins and where each bin reads.
Panel roi_panel(const std::string& name, const Tensor& map, const Box<float>& roi, int level, int pooled, int samples) {
  const float scale = level_scale<float>(level);
  const RoiAxis<float> ax = roi_axis(roi.x1, roi.x2, scale, pooled), ay = roi_axis(roi.y1, roi.y2, scale, pooled);
  const int x0 = int(std::floor(ax.begin)) - 1, y0 = int(std::floor(ay.begin)) - 1;
  const int columns = int(std::ceil(ax.begin + ax.bin * float(pooled))) + 2 - x0;
  const int rows = int(std::ceil(ay.begin + ay.bin * float(pooled))) + 2 - y0;
  const int cell = std::clamp(420 / std::max(rows, columns), 4, 60);
  // Cell i has its centre at i: it covers i - 0.5 to i + 0.5.
  const auto px = [&](float x) { return int(std::lround((x - float(x0) + 0.5f) * float(cell))); };
  const auto py = [&](float y) { return int(std::lround((y - float(y0) + 0.5f) * float(cell))); };
  const auto [low, high] = extremes(map);
  const Tensor heat = heat_map(map, low, high);
  Canvas canvas = blank(columns * cell, rows * cell);
  for (int y = 0; y < rows; ++y)
    for (int x = 0; x < columns; ++x) {
      const int64_t fx = x0 + x, fy = y0 + y;
      const bool inside = fx >= 0 && fy >= 0 && fx < map.dim(1) && fy < map.dim(0);
      const uint8_t* c = inside ? heat.data<uint8_t>() + (fy * map.dim(1) + fx) * 3 : nullptr;
      canvas.fill({x * cell, y * cell, cell - 1, cell - 1}, inside ? Rgb{c[0], c[1], c[2]} : Rgb{200, 200, 200});
    }
  for (int i = 0; i <= pooled; ++i) {
    const float x = ax.begin + float(i) * ax.bin, y = ay.begin + float(i) * ay.bin;
    const int top = py(ay.begin), bottom = py(ay.begin + float(pooled) * ay.bin), left = px(ax.begin),
              right = px(ax.begin + float(pooled) * ax.bin);
    const int thick = i == 0 || i == pooled ? 3 : 1;
    canvas.fill({px(x) - thick / 2, top, thick, bottom - top}, kObject);
    canvas.fill({left, py(y) - thick / 2, right - left, thick}, kObject);
  }
  for (int i = 0; i < pooled * samples; ++i)
    for (int j = 0; j < pooled * samples; ++j) {
      const int x = px(roi_sample(ax, j / samples, j % samples, samples)),
                y = py(roi_sample(ay, i / samples, i % samples, samples));
      canvas.fill({x - 1, y - 1, 3, 3}, kMark);
    }
  return {canvas.pixels(), fmt::format("{}: {} x {} bins, {} samples each", name, pooled, pooled, samples * samples)};
}

}  // namespace

Tensor draw_roi_align(const StageMap& stages, const Tensor& roi, int finest) {
  const Box<float> box = box_at(roi.view({1, 4}), 0);
  const int place = roi_level(box, finest, 4), level = finest + place;
  const std::string name = fmt::format("p{}", 2 + place);
  const Tensor map = strength(stages.at(name));
  const Tensor photo = photo_of(stages);
  Canvas canvas(enlarge(photo, factor_of(photo)));
  canvas.frame(rect_of(roi.data<float>(), factor_of(photo)), 3, kObject);
  const int mask_bins = stages.contains("mask_features") ? int(stages.at("mask_features").dim(2)) : 14;
  return figure(
      "RoIAlign",
      fmt::format(
          "A RoI of {:.1f} x {:.1f} pixels belongs to level {} (floor(4 + log2(sqrt(area) / 224)), Lin et al. 2017, "
          "eq. 1), whose cells are {} pixels. Its bins are read at the orange points, each between four "
          "cells, and nothing is rounded to a cell (He et al. 2017, section 3).",
          box.x2 - box.x1, box.y2 - box.y1, level, 1 << level),
      {{canvas.pixels(), "the RoI"},
       roi_panel(name, map, box, level, 7, 2),
       roi_panel(name, map, box, level, mask_bins, 2)},
      3);
}

namespace {

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

namespace {

struct GradientRow {
  std::string name;
  double size;  // root of the mean square
};

const char* const kParts[] = {"backbone.body", "backbone.fpn", "rpn", "roi_heads.box", "roi_heads.mask"};

int part_of(const std::string& name) {
  for (int i = 0; i < 5; ++i)
    if (name.starts_with(kParts[i])) return i;
  return 5;
}

}  // namespace

Tensor draw_gradients(const StageMap& stages) {
  std::vector<GradientRow> rows;
  for (const auto& [stage, gradient] : stages) {
    if (!stage.starts_with("grad.") || !stage.ends_with(".weight") || gradient.numel() == 0) continue;
    const double mean = ops::reduce(Reduce::mean, ops::square(ops::cast(gradient, DType::f64)).view({-1}), {0}).item();
    rows.push_back({stage.substr(5, stage.size() - 12), std::sqrt(mean)});
  }
  std::stable_sort(rows.begin(), rows.end(),
                   [](const GradientRow& a, const GradientRow& b) { return part_of(a.name) < part_of(b.name); });
  double least = 1e300, most = 1e-300;
  for (const GradientRow& r : rows)
    if (r.size > 0) least = std::min(least, r.size), most = std::max(most, r.size);
  if (rows.empty() || least > most)
    return figure("Gradients", "No gradient reached a weight.", {{nothing("none"), ""}}, 1);

  const int low = int(std::floor(std::log10(least))), high = std::max(low + 1, int(std::ceil(std::log10(most))));
  constexpr int kRow = 15, kText = 12, kBars = 460;
  int left = 0;
  for (const GradientRow& r : rows) left = std::max(left, text_width(r.name, kText));
  left += 8;
  const int bottom = int(rows.size()) * kRow;
  Canvas canvas = blank(left + kBars + 40, bottom + 24);
  for (int d = low; d <= high; ++d) {
    const int x = left + (d - low) * kBars / (high - low);
    canvas.fill({x, 0, 1, bottom}, {226, 229, 234});
    draw_text(canvas, fmt::format("1e{}", d), x - 10, bottom + 6, kText, kFaint);
  }
  for (size_t i = 0; i < rows.size(); ++i) {
    const int y = int(i) * kRow;
    draw_text(canvas, rows[i].name, left - 8 - text_width(rows[i].name, kText), y + 1, kText, kInk);
    if (rows[i].size <= 0) continue;
    const double share = (std::log10(rows[i].size) - low) / (high - low);
    canvas.fill({left, y + 2, std::max(1, int(share * kBars)), kRow - 4}, object_colour(part_of(rows[i].name), 0));
  }
  return figure(
      "Gradients",
      "The root mean square of each weight's gradient in this step, on a logarithmic scale; one colour each for the "
      "backbone, the pyramid, the region proposal network, the box head and the mask head. Frozen layers have none.",
      {{canvas.pixels(), ""}}, 1);
}

}  // namespace sil
