#include <fmt/format.h>

#include <algorithm>

#include "data/transforms.h"
#include "tensor/ops.h"
#include "viz/plot.h"
#include "viz/stage_parts.h"
#include "viz/stage_pictures.h"

namespace sil {

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

}  // namespace sil
