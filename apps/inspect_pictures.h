// The stages of a pass drawn into a folder, a figure each, for `inspect --pictures`.
#pragma once
#include <filesystem>
#include <string>

#include "apps/output.h"
#include "data/categories.h"
#include "data/image.h"
#include "models/config.h"
#include "models/stages.h"
#include "tensor/ops.h"
#include "viz/stage_pictures.h"

namespace sil {

// A category's name, by the model's output.
inline Named names_of(const CategoryTable& categories) {
  return [categories](int output) {
    const std::string& name = categories.row(output).name;
    return name.empty() ? fmt::format("class {}", output) : name;
  };
}

inline void write_figure(const std::filesystem::path& folder, const std::string& name, const Tensor& picture) {
  write_png(folder / (name + ".png"), picture);
  fmt::print("{}\n", (folder / (name + ".png")).string());
}

// Detection in one photo (uint8 [H, W, 3], in its own pixels); `finest`: finest_level of its batch.
inline void draw_detection(const std::filesystem::path& folder, const Stages& stages, const Tensor& photo, int finest,
                           const Named& name_of) {
  write_figure(folder, "1_input", draw_input(stages));
  write_figure(folder, "2_feature_maps", draw_feature_maps(stages));
  write_figure(folder, "4_objectness", draw_objectness(stages));
  write_figure(folder, "5_proposals", draw_proposals(stages));
  if (const Tensor& rois = stages.at("proposals.0"); rois.dim(0) > 0)
    write_figure(folder, "6_roi_align", draw_roi_align(stages, rois.rows(0, 1).view({4}), finest));
  write_figure(folder, "7_class_scores", draw_class_scores(stages, name_of));
  write_figure(folder, "8_masks", draw_masks(stages, photo, name_of));
}

// What a training step adds, of a batch's first photo.
inline void draw_training(const std::filesystem::path& folder, const Stages& stages, const Batch& batch,
                          const MatcherGeom& matcher) {
  const Targets& t = batch.targets;
  int64_t objects = 0;
  if (t.count() > 0)
    for (int32_t n : t.image.to_vector<int32_t>()) objects += n == 0;
  const Tensor truth = t.count() > 0 ? t.boxes.rows(0, objects) : Tensor::zeros({0, 4});
  const Tensor matched =
      ops::match_boxes(stages.at("anchors"), {}, truth, Tensor::zeros({objects}, DType::i32), 1, matcher);
  write_figure(folder, "3_matched_anchors", draw_matched_anchors(stages, matched, truth));
  write_figure(folder, "9_gradients", draw_gradients(stages));
}

}  // namespace sil
