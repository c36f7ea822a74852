#include "train/config.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include "tests/folder.h"

using namespace sil;
using namespace sil::test;
namespace fs = std::filesystem;

namespace {

fs::path written(const Folder& folder, const std::string& name, const std::string& text) {
  write_text(folder.path / name, text);
  return folder.path / name;
}

std::string error_of_text(const std::string& json) {
  return error_of([&] {
    RunConfig c;
    apply_text(c, json, "c.json");
  });
}

std::string error_of_setting(const std::string& setting) {
  return error_of([&] {
    RunConfig c;
    apply_setting(c, setting);
  });
}

// The design's two files, verbatim.
const char* const kHyperparameters =
    R"({"optimizer": "sgd", "learning_rate": 0.005, "momentum": 0.9, "weight_decay": 0.0005, "scheduler": "step",
 "step_size": 10, "gamma": 0.1, "batch_size": 4, "max_epochs": 50, "early_stopping_patience": 15, "pretrained": true,
 "nms_threshold": 0.5, "score_threshold": 0.05, "mask_threshold": 0.5})";
const char* const kAugmentations = R"([{"name": "RandomHorizontalFlip", "params": {"p": 0.5}},
 {"name": "RandomPhotometricDistort", "params": {}},
 {"name": "Resize", "params": {"size": [800, 800]}},
 {"name": "ToImage", "params": {}},
 {"name": "Normalize", "params": {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}}])";

}  // namespace

TEST_CASE("config: the two files of the design are the defaults") {
  const Folder folder("config");
  RunConfig given;
  apply_hyperparameters(given, written(folder, "h.json", kHyperparameters));
  apply_augmentations(given, written(folder, "a.json", kAugmentations));
  CHECK(to_json(given) == to_json(RunConfig{}));
  CHECK(given.given.size() == 15);
}

TEST_CASE("config: later wins: config, then hyperparameters, then settings") {
  const Folder folder("config");
  RunConfig c;
  apply_config(c, written(folder, "c.json", R"({"train": {"batch_size": 2, "learning_rate": 0.1, "gamma": 0.2},
                                            "model": {"backbone": "resnet18", "anchor_sizes": [8, 16, 32, 64, 128]}})"));
  apply_hyperparameters(c, written(folder, "h.json", R"({"learning_rate": 0.2, "gamma": 0.3})"));
  apply_setting(c, "train.gamma=0.4");
  CHECK(c.train.batch_size == 2);
  CHECK(c.train.learning_rate == 0.2);
  CHECK(c.train.gamma == 0.4);
  CHECK(c.train.momentum == 0.9);
  CHECK(c.model.backbone == "resnet18");
  CHECK(c.model.anchor_sizes == std::array<float, 5>{8, 16, 32, 64, 128});
}

TEST_CASE("config: what is written reads back to the same") {
  RunConfig c;
  for (const char* setting :
       {"model.norm=group_norm", "model.mask_size=14", "train.clip_norm=10", "train.max_steps=300",
        "train.early_stopping_patience=null", "model.rpn_nms_threshold=0.65", "model.anchor_ratios=[0.3, 1, 3]",
        "train.learning_rate=2e-4", "train.nms_threshold=0.45", "train.pretrained=false",
        R"(augmentations=[{"name": "ToImage", "params": {}}, {"name": "Normalize", "params": {}}])",
        "model.min_size=256"})
    apply_setting(c, setting);
  CHECK(c.model.norm == NormKind::group_norm);
  CHECK(c.model.box.nms_threshold == 0.45);
  CHECK_FALSE(c.train.early_stopping_patience.has_value());
  CHECK(*c.train.clip_norm == 10);
  RunConfig back;
  apply_text(back, to_json(c), "back");
  CHECK(to_json(back) == to_json(c));
  CHECK(back.model.min_size == 256);
  CHECK(back.augmentations == c.augmentations);
}

TEST_CASE("config: an unknown key is answered with those that exist") {
  const std::string text = error_of_text(R"({"train": {"lerning_rate": 0.1}})");
  CHECK(contains(text, "c.json: unknown key \"lerning_rate\"; allowed in train: optimizer, learning_rate, momentum"));
  CHECK_FALSE(contains(text, "backbone"));
  CHECK(error_of_text(R"({"optim": {}})") == "c.json: unknown block \"optim\"; allowed: model, train, augmentations");
}

TEST_CASE("config: wrong types and ranges are answered with what is allowed") {
  CHECK(error_of_text(R"({"train": {"learning_rate": "fast"}})") ==
        "c.json: train.learning_rate is \"fast\"; a number above 0 and up to 1e+30 expected");
  CHECK(error_of_text(R"({"train": {"learning_rate": 0}})") ==
        "c.json: train.learning_rate is 0; a number above 0 and up to 1e+30 expected");
  CHECK(error_of_text(R"({"train": {"batch_size": 2.5}})") ==
        "c.json: train.batch_size is 2.5; an integer from 1 to 4096 expected");
  CHECK(error_of_text(R"({"train": {"optimizer": "adam"}})") ==
        "c.json: train.optimizer is \"adam\"; one of \"sgd\", \"adamw\" expected");
  CHECK(error_of_text(R"({"train": {"pretrained": 1}})") == "c.json: train.pretrained is 1; true or false expected");
  CHECK(error_of_text(R"({"train": {"early_stopping_patience": 0}})") ==
        "c.json: train.early_stopping_patience is 0; an integer from 1 to 2147483647 or null expected");
  CHECK(error_of_text(R"({"model": {"mask_size": 20}})") == "c.json: model.mask_size is 20; one of 14, 28 expected");
  CHECK(error_of_text(R"({"model": {"anchor_sizes": [1, 2]}})") ==
        "c.json: model.anchor_sizes is [1,2]; a list of 5 numbers from 1 to 1000000 expected");
  CHECK(error_of_text(R"({"train": {"score_threshold": 1.5}})") ==
        "c.json: train.score_threshold is 1.5; a number from 0 to 1 expected");
  CHECK(error_of_text(R"({"train": []})") == "c.json: train is []; an object expected");
  CHECK(error_of_text("3") == "c.json: 3; an object with the blocks model, train and augmentations expected");
  CHECK(error_of_text(R"({"train": {"gamma": 0.1, "gamma": 0.2}})") == "c.json: train.gamma is given twice");
}

TEST_CASE("config: a file that is missing, a folder or not JSON is named") {
  const Folder folder("config");
  RunConfig c;
  CHECK(contains(error_of([&] { apply_config(c, folder.path / "none.json"); }),
                 "none.json: cannot be opened: No such file or directory"));
  CHECK(contains(error_of([&] { apply_config(c, folder.path); }), ": is a folder; a file expected"));
  const fs::path pipe = folder.path / "pipe";
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);  // to read it would wait for a writer
  CHECK(contains(error_of([&] { apply_config(c, pipe); }), "pipe: is not a regular file"));
  CHECK(contains(error_of([&] { apply_hyperparameters(c, written(folder, "h.json", "{\n\"gamma\": }")); }),
                 "h.json: not JSON at line 2, column 10: Invalid value."));
  CHECK(contains(error_of([&] { apply_augmentations(c, written(folder, "a.json", "[{}]")); }), "a.json"));
}

TEST_CASE("config: an IoU from which everything is foreground is refused by its key") {
  for (const std::string part : {"roi", "rpn"})
    CHECK(error_of_setting("model." + part + "_foreground_iou=0") ==
          "--set: model." + part + "_foreground_iou is 0; a number above 0 and up to 1 expected");
}

TEST_CASE("config: --set names a block, a key and a value") {
  CHECK(error_of_setting("gamma=1") ==
        "--set gamma=1: model.KEY=VALUE, train.KEY=VALUE or augmentations=LIST expected");
  CHECK(error_of_setting("train.gamma") ==
        "--set train.gamma: model.KEY=VALUE, train.KEY=VALUE or augmentations=LIST expected");
  CHECK(error_of_setting("train.gamma=much") == "--set: train.gamma is \"much\"; a number from 0 to 1 expected");
  RunConfig c;
  apply_setting(c, "model.backbone=resnet18");  // needs no quotes
  CHECK(c.model.backbone == "resnet18");
}

TEST_CASE("config: a seed is any integer of 64 bits from 0 on") {
  for (const char* seed : {"0", "3000000000", "18446744073709551615"}) {
    RunConfig c, back;
    apply_setting(c, std::string("train.seed=") + seed);
    CHECK(std::to_string(c.train.seed) == seed);
    apply_text(back, to_json(c), "back");
    CHECK(back.train.seed == c.train.seed);
  }
  for (const char* seed : {"-1", "1.5", "18446744073709551616", "one"})
    CHECK(contains(error_of_setting(std::string("train.seed=") + seed),
                   "an integer from 0 to 18446744073709551615 expected"));
}

TEST_CASE("config: the IoU of the background is at most that of the foreground") {
  for (const std::string part : {"roi", "rpn"}) {
    RunConfig c;
    apply_setting(c, "model." + part + "_foreground_iou=0.4");
    apply_setting(c, "model." + part + "_background_iou=0.6");
    CHECK(error_of([&] { complete(c, 4, true); }) ==
          "config: model." + part + "_background_iou is 0.6, at most model." + part + "_foreground_iou (0.4) expected");
  }
}

TEST_CASE("config: without pretrained weights the norms and all layers train, unless set") {
  RunConfig pretrained, scratch, set;
  complete(pretrained, 4, true);
  CHECK(pretrained.model.norm == NormKind::frozen_bn);
  CHECK(pretrained.model.trainable_layers == 3);
  CHECK(pretrained.model.num_classes == 4);
  apply_setting(scratch, "train.pretrained=false");
  complete(scratch, 4, false);
  CHECK(scratch.model.norm == NormKind::batch_norm);
  CHECK(scratch.model.trainable_layers == 5);
  for (const char* setting : {"train.pretrained=false", "model.norm=group_norm", "model.num_classes=9"})
    apply_setting(set, setting);
  complete(set, 4, false);
  CHECK(set.model.norm == NormKind::group_norm);
  CHECK(set.model.num_classes == 9);
  RunConfig frozen = scratch;
  apply_setting(frozen, "model.norm=frozen_bn");
  CHECK(contains(error_of([&] { complete(frozen, 4, false); }), "model.norm is \"frozen_bn\", but without pretrained"));
  complete(frozen, 4, true);  // a checkpoint's statistics
  RunConfig part = scratch;
  apply_setting(part, "model.trainable_layers=3");
  CHECK(contains(error_of([&] { complete(part, 4, false); }), "model.trainable_layers is 3, but without pretrained"));
  apply_setting(set, "model.num_classes=3");
  CHECK(error_of([&] { complete(set, 4, false); }) ==
        "model.num_classes is 3; the annotations need at least 4, background included");
}

TEST_CASE("config: a photo size that a Resize would silence is an error") {
  RunConfig c;
  apply_setting(c, "model.min_size=256");
  CHECK(error_of([&] { complete(c, 4, true); }) ==
        "model.min_size has no effect beside the augmentation Resize of the default list; give one of the two");
  apply_setting(c, R"(augmentations=[{"name": "ToImage", "params": {}}])");
  complete(c, 4, true);
  CHECK(preparation(c).size.min_size == 256);
}

TEST_CASE("config: epochs become steps, and batches may span epochs") {
  TrainConfig t;
  t.batch_size = 4;
  t.max_epochs = 3;
  CHECK(total_steps(t, 10) == 8);  // 30 photos
  CHECK(steps_of_epochs(t, 2, 10) == 5);
  CHECK(epochs_of_steps(t, 5, 10) == 2);
  CHECK(schedule(t, 10).step_size == 25);
  t.max_steps = 7;
  CHECK(total_steps(t, 10) == 7);
}

TEST_CASE("config: however deeply nested, it is refused, not followed") {
  const std::string deep(300000, '[');
  CHECK(contains(error_of_text(deep), "c.json: not JSON at line 1, column 300001: "));
  CHECK(error_of_text(deep + std::string(300000, ']')) ==
        "c.json: a list of lists or objects; an object with the blocks model, train and augmentations expected");
  CHECK(error_of_text("{\"train\": {\"gamma\": " + deep + std::string(300000, ']') + "}}") ==
        "c.json: train.gamma is a list of lists or objects; a number from 0 to 1 expected");
  CHECK(contains(error_of_setting("augmentations=" + deep + std::string(300000, ']')), "augmentation 1 is "));
  CHECK(contains(error_of_setting("train.gamma=" + deep), "--set: train.gamma is \"[["));
}

TEST_CASE("config: a block given twice is an error") {
  CHECK(error_of_text(R"({"train": {"gamma": 0.1}, "train": {}})") == "c.json: the block train is given twice");
}

TEST_CASE("config: a NUL does not end a key or a value") {
  CHECK(contains(error_of_text(R"({"train": {"gamma\u0000x": 0.1}})"),
                 "unknown key \"gamma\\u0000x\"; allowed in train: "));
  CHECK(contains(error_of_text(R"({"model": {"backbone": "resnet18\u0000x"}})"), "is \"resnet18\\u0000x\"; one of "));
  CHECK(
      contains(error_of_text(R"({"augmentations": [{"name": "ToImage\u0000"}]})"), "unknown name \"ToImage\\u0000\""));
}

TEST_CASE("config: a batch has at most 4096 photos") {
  CHECK(error_of_setting("train.batch_size=2147483647") ==
        "--set: train.batch_size is 2147483647; an integer from 1 to 4096 expected");
  CHECK(error_of_setting("train.batch_size=4096") == "no error");
}
