// A data set and a model small enough to train in a test.
#pragma once
#include <filesystem>
#include <string>

#include "data/shapes.h"
#include "tests/folder.h"
#include "train/trainer.h"

namespace sil::test {

namespace fs = std::filesystem;

inline RunConfig tiny_config() {
  RunConfig c;
  for (const char* setting :
       {"model.backbone=resnet18",
        "model.fpn_channels=16",
        "model.box_head_width=32",
        "model.mask_head_width=16",
        "model.mask_head_layers=2",
        "model.mask_size=14",
        "model.anchor_sizes=[8, 16, 32, 64, 128]",
        "model.rois_per_image=32",
        "model.min_size=64",
        "model.max_size=64",
        "model.rpn_train_candidates=200",
        "model.rpn_test_candidates=100",
        "model.rpn_train_proposals=100",
        "model.rpn_test_proposals=100",
        "train.optimizer=adamw",
        "train.learning_rate=0.001",
        "train.scheduler=cosine",
        "train.warmup_steps=2",
        "train.clip_norm=10",
        "train.batch_size=2",
        "train.max_steps=4",
        "train.pretrained=false",
        R"(augmentations=[{"name": "RandomHorizontalFlip", "params": {"p": 0.5}}, {"name": "ToImage", "params": {}},
                          {"name": "Normalize", "params": {}}])"})
    apply_setting(c, setting);
  complete(c, 4, false);
  return c;
}

inline Dataset tiny_data(const fs::path& folder, const RunConfig& config, Purpose purpose, int images = 5) {
  Annotations a = write_shapes(folder, {.images = images, .size = 64, .seed = 3});
  a.index();
  const CategoryTable table = CategoryTable::by_rank(a);
  return Dataset(std::move(a), folder / "images", table, preparation(config), purpose);
}

inline MaskRcnn tiny_model(const RunConfig& config) { return MaskRcnn(config.model, 1); }

}  // namespace sil::test
