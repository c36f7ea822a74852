#include "train/trainer.h"

#include <doctest/doctest.h>
#include <rapidjson/document.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <sstream>

#include "data/loader.h"
#include "tests/train/tiny.h"
#include "train/detect.h"

using namespace sil;
using namespace sil::test;

namespace {

std::vector<rapidjson::Document> log_of(const fs::path& folder) {
  std::vector<rapidjson::Document> lines;
  std::istringstream text(bytes_of(folder / "log.jsonl"));
  for (std::string line; std::getline(text, line);) lines.emplace_back().Parse(line.c_str());
  return lines;
}

// Losses of the steps, one after the other.
std::vector<double> losses_of(const fs::path& folder) {
  std::vector<double> losses;
  for (const rapidjson::Document& line : log_of(folder))
    if (line.HasMember("losses"))
      for (const auto& loss : line["losses"].GetObject()) losses.push_back(loss.value.GetDouble());
  return losses;
}

struct Setting {
  Folder folder{"trainer"};
  RunConfig config = tiny_config();
  Dataset training = tiny_data(folder.path / "data", config, Purpose::training);
  Dataset validation = tiny_data(folder.path / "val", config, Purpose::validation, 2);

  fs::path run_folder(const std::string& name) const {
    fs::create_directories(folder.path / name);
    return folder.path / name;
  }
  Progress run(const std::string& name, std::optional<Checkpoint> resumed = {},
               const std::function<bool()>& stop_wanted = {}) const {
    MaskRcnn model = tiny_model(config);
    if (resumed) load_state_dict_exact(leaves(model), resumed->weights, name);
    return train(model, {config, training, &validation, run_folder(name), std::move(resumed), stop_wanted}).progress;
  }
};

}  // namespace

TEST_CASE("trainer: a resumed run has the losses and the weights of one that did not stop") {
  Setting s;
  s.config.train.scheduler = "step";
  s.config.train.validate_every = 2;
  CHECK(s.run("whole").step == 4);

  const fs::path folder = s.run_folder("cut");
  s.config.train.max_steps = 2;
  CHECK(s.run("cut").step == 2);
  std::ofstream(folder / "log.jsonl", std::ios::app) << R"({"step": 3, "losses": {"box": 5}})"
                                                     << "\n"
                                                     << R"({"st)";
  s.config.train.max_steps = 4;
  CHECK(s.run("cut", read_checkpoint(folder / "last.safetensors")).step == 4);

  CHECK(losses_of(s.run_folder("whole")).size() == 4 * 5);
  CHECK(losses_of(folder) == losses_of(s.run_folder("whole")));
  CHECK(bytes_of(folder / "last.safetensors") == bytes_of(s.run_folder("whole") / "last.safetensors"));
  CHECK(bytes_of(folder / "best.safetensors") == bytes_of(s.run_folder("whole") / "best.safetensors"));
}

TEST_CASE("trainer: a run in bfloat16 keeps float32 weights, says so, and resumes as one that did not stop") {
  Setting s;
  s.config.train.scheduler = "step";
  CHECK(s.run("f32").step == 4);
  s.config.train.dtype = DType::bf16;
  CHECK(s.run("whole").step == 4);
  const fs::path folder = s.run_folder("cut"), whole = s.run_folder("whole");
  s.config.train.max_steps = 2;
  s.run("cut");
  s.config.train.max_steps = 4;
  CHECK(s.run("cut", read_checkpoint(folder / "last.safetensors")).step == 4);
  CHECK(losses_of(folder) == losses_of(whole));
  CHECK(bytes_of(folder / "last.safetensors") == bytes_of(whole / "last.safetensors"));

  const Checkpoint last = read_checkpoint(whole / "last.safetensors");
  CHECK(last.config.train.dtype == DType::bf16);
  for (const StateDict* state : {&last.weights, &last.optimizer})
    for (const auto& [name, tensor] : *state)
      CHECK_MESSAGE((tensor.dtype() == DType::f32 || tensor.dtype() == DType::i64), name);
  RunConfig back;
  apply_config(back, whole / "config.json");
  CHECK(back.train.dtype == DType::bf16);

  // It did compute in bfloat16; the first step is nearly float32's.
  const std::vector<double> f32 = losses_of(s.run_folder("f32")), bf16 = losses_of(whole);
  for (size_t i = 0; i < 5; ++i) {
    CHECK(bf16[i] != f32[i]);
    CHECK(bf16[i] == doctest::Approx(f32[i]).epsilon(0.05));
  }
}

TEST_CASE("trainer: a run that is asked to stop finishes its step, and resumes as if it had not") {
  Setting s;
  s.config.train.max_steps = 3;
  s.run("whole");
  int asked = 0;
  CHECK(s.run("stopped", {}, [&] { return ++asked == 2; }).step == 2);
  const fs::path folder = s.run_folder("stopped");
  CHECK(read_checkpoint(folder / "last.safetensors").progress.step == 2);
  CHECK_FALSE(fs::exists(folder / "best.safetensors"));  // nothing was validated
  CHECK(s.run("stopped", read_checkpoint(folder / "last.safetensors")).step == 3);
  CHECK(bytes_of(folder / "last.safetensors") == bytes_of(s.run_folder("whole") / "last.safetensors"));
}

TEST_CASE("trainer: between validations last.safetensors is written every checkpoint_minutes") {
  Setting s;
  s.config.train.max_steps = 3;
  const fs::path last = s.run_folder("often") / "last.safetensors";
  std::vector<int64_t> saved;
  const auto look = [&] { return saved.push_back(fs::exists(last) ? read_checkpoint(last).progress.step : -1), false; };
  s.config.train.checkpoint_minutes = 0;
  s.config.train.validate_every = 3;
  s.run("often", {}, look);
  CHECK(saved == std::vector<int64_t>{1, 2, 2, 2});  // asked after two steps, and before each photo of the validation
  CHECK(read_checkpoint(last).progress.step == 3);
  saved.clear();
  fs::remove(last);
  s.config.train.checkpoint_minutes = 10;
  s.run("often", {}, look);
  CHECK(saved == std::vector<int64_t>{-1, -1, -1, -1});
  CHECK(read_checkpoint(last).progress.step == 3);
}

TEST_CASE("trainer: the folder holds config, log, checkpoints and metrics; another seed is another run") {
  Setting s;
  s.config.train.max_steps = 2;
  s.run("a");
  const fs::path folder = s.run_folder("a");
  RunConfig back;
  apply_config(back, folder / "config.json");
  CHECK(to_json(back) == to_json(s.config));

  const std::vector<rapidjson::Document> log = log_of(folder);
  REQUIRE(log.size() == 3);  // two steps, the last one's validation
  for (const char* key : {"step", "epoch", "rate", "losses", "loss", "gradient_norm", "seconds", "images_per_second"})
    CHECK(log[1].HasMember(key));
  CHECK(log[0]["rate"].GetDouble() == doctest::Approx(0.0005));  // half way through the warm-up
  for (const char* key : {"segm", "bbox", "losses", "loss", "per_class"}) CHECK(log[2]["validation"].HasMember(key));
  CHECK(log[2]["validation"]["per_class"].Size() == 3);

  rapidjson::Document metrics;
  metrics.Parse(bytes_of(folder / "metrics.json").c_str());
  REQUIRE(metrics.IsObject());
  CHECK(metrics["segm"]["AP50"].GetDouble() == log[2]["validation"]["segm"]["AP50"].GetDouble());
  CHECK(metrics["per_class"].Size() == 3);
  CHECK(read_checkpoint(folder / "best.safetensors").optimizer.empty());

  s.config.train.seed = 5;
  s.run("b");
  CHECK(losses_of(folder) != losses_of(s.run_folder("b")));
}

TEST_CASE("trainer: validation neither moves weights and statistics nor draws anew") {
  Setting s;
  MaskRcnn model = tiny_model(s.config);
  const StateDict before = state_dict(leaves(model));
  const ValidationRecord a = validate(model, s.validation, 1, 0.5).value(),
                         b = validate(model, s.validation, 1, 0.5).value();
  CHECK(a.losses == b.losses);
  for (double loss : a.losses) CHECK(std::isfinite(loss));
  CHECK(to_json(a.metrics) == to_json(b.metrics));
  for (const auto& [name, tensor] : state_dict(leaves(model))) {
    CAPTURE(name);
    CHECK(std::memcmp(tensor.raw(), before.at(name).raw(), tensor.bytes()) == 0);
  }
}

namespace {

// With a photo that cannot be read the run ends after its second step of three, and says where; mended, it goes on to
// what it would have been.  Returns how far it had come.
Progress broken_and_mended(const Setting& s, const fs::path& photo) {
  s.run("whole");
  const std::string bytes = bytes_of(photo);
  fs::resize_file(photo, 1000);
  CHECK(contains(error_of([&] { s.run("broken"); }), photo.string()));
  const fs::path last = s.run_folder("broken") / "last.safetensors";
  REQUIRE(fs::exists(last));
  const Progress progress = read_checkpoint(last).progress;
  CHECK(progress.step == 2);
  write_text(photo, bytes);
  CHECK(s.run("broken", read_checkpoint(last)).step == 3);
  CHECK(bytes_of(last) == bytes_of(s.run_folder("whole") / "last.safetensors"));
  return progress;
}

}  // namespace

TEST_CASE("trainer: a photo that cannot be read ends the run with what was done, and mended it goes on") {
  Setting s;
  s.config.train.max_steps = 3;
  // The fifth photo of the order is in the third batch of two.
  const int64_t place = shuffled_order(5, s.config.train.seed, 0)[4];
  broken_and_mended(s, s.folder.path / "data/images" / s.training.photo(size_t(place)).file_name);
}

TEST_CASE("trainer: a validation that cannot be done ends the run with what was trained, and is made up for") {
  Setting s;
  s.config.train.max_steps = 3;
  s.config.train.validate_every = 2;
  const Progress broken = broken_and_mended(s, s.folder.path / "val/images" / s.validation.photo(1).file_name);
  CHECK(broken.validated == 0);
  CHECK(log_of(s.run_folder("broken")).size() == log_of(s.run_folder("whole")).size());
}

TEST_CASE("trainer: a run that is asked to stop in a validation stops there, and makes up for it") {
  Setting s;
  s.config.train.max_steps = 2;
  s.run("whole");
  int asked = 0;
  const Progress stopped =
      s.run("stopped", {}, [&] { return ++asked == 3; });  // after step 1, before each photo of two
  CHECK(stopped.step == 2);
  CHECK(stopped.validated == 0);
  const fs::path last = s.run_folder("stopped") / "last.safetensors";
  const Progress done = s.run("stopped", read_checkpoint(last));
  CHECK(done.validated == 2);
  CHECK(bytes_of(last) == bytes_of(s.run_folder("whole") / "last.safetensors"));
}

TEST_CASE(
    "trainer: a run that had stopped early stops when it is resumed, also where the last validation was cut short") {
  Setting s;
  s.config.train.max_steps = 30;
  s.config.train.validate_every = 1;
  s.config.train.learning_rate = 1e-30;  // no validation is better than the first above 0
  s.config.train.early_stopping_patience = 1;
  const auto progress = [&](int64_t validated) {
    Checkpoint c = read_checkpoint(s.run_folder("early") / "last.safetensors");
    c.progress.best_step = 1, c.progress.best_score = 2, c.progress.validated = validated;
    return c;
  };
  s.config.train.max_steps = 4;  // more than an epoch
  CHECK(s.run("early").step == 4);
  s.config.train.max_steps = 30;
  CHECK(s.run("early", progress(4)).step == 4);
  CHECK(s.run("early", progress(3)).step == 4);  // the validation of step 4 is made up for, and ends it too
}

TEST_CASE("trainer: early stopping waits for a validation, also where the run was cut before it") {
  Setting s;
  s.config.train.learning_rate = 1e-30;  // no validation is better than the first above 0
  s.config.train.validate_every = 6;
  s.config.train.early_stopping_patience = 2;
  s.config.train.max_steps = 6;
  s.run("late");
  Checkpoint from = read_checkpoint(s.run_folder("late") / "last.safetensors");
  from.progress.best_step = 6, from.progress.best_score = 2;
  s.config.train.max_steps = 30;
  CHECK(s.run("late", from).step == 12);
  int asked = 0;
  CHECK(s.run("cut", from, [&] { return ++asked == 5; }).step == 11);  // two epochs, of 2.5 steps, behind step 6
  CHECK(s.run("cut", read_checkpoint(s.run_folder("cut") / "last.safetensors")).step == 12);
}

TEST_CASE("trainer: objects without outline or without box are validated as they would be learned") {
  Setting s;
  Annotations annotations = s.validation.annotations();
  annotations.annotations[0].segmentation = std::monostate{};
  annotations.annotations[1].segmentation = std::vector<Polygon>{};
  annotations.annotations[2].has_bbox = false;
  const Dataset validation(annotations, s.folder.path / "val/images", s.validation.categories(), preparation(s.config),
                           Purpose::validation);
  MaskRcnn model = tiny_model(s.config);
  CHECK(validate(model, validation, 1, 0.5)->metrics.segm->AP >= 0);
}

TEST_CASE("trainer: a loss that is not finite stops the run and is named") {
  Setting s;
  s.config.train.optimizer = "sgd";
  s.config.train.learning_rate = 1e20;
  s.config.train.clip_norm.reset();
  s.config.train.warmup_steps = 0;
  const std::string text = error_of([&] { s.run("wild"); });
  CHECK(contains(text, "step "));
  CHECK(contains(text, ": loss "));
  CHECK_FALSE(fs::exists(s.run_folder("wild") / "last.safetensors"));
}

TEST_CASE("trainer: no steps at all validates and keeps the untrained model") {
  Setting s;
  s.config.train.max_steps = 0;
  CHECK(s.run("none").step == 0);
  CHECK(read_checkpoint(s.run_folder("none") / "last.safetensors").progress.step == 0);
  CHECK(log_of(s.run_folder("none")).size() == 1);
}

TEST_CASE("trainer: a folder that cannot be written is named before any step") {
  Setting s;
  MaskRcnn model = tiny_model(s.config);
  const fs::path file = s.folder.path / "a_file";
  std::ofstream(file) << "x";
  CHECK(contains(error_of([&] { train(model, {s.config, s.training, nullptr, file, {}, {}}); }), "a_file"));
}

TEST_CASE("trainer: a tiny model learns two pictures by heart") {
  const Folder folder("two_pictures");
  RunConfig config = tiny_config();
  config.augmentations = {ToImage{}, Normalize{}};
  config.train.max_steps = 150;
  config.train.learning_rate = 0.003;
  config.train.validate_every = 150;
  const Dataset training = tiny_data(folder.path / "data", config, Purpose::training, 2);
  const Dataset validation = tiny_data(folder.path / "val", config, Purpose::validation, 2);
  MaskRcnn model = tiny_model(config);
  const Progress done = train(model, {config, training, &validation, folder.path, {}, {}}).progress;
  CHECK(done.best_score > 0.8);
  const std::vector<rapidjson::Document> log = log_of(folder.path);
  CHECK(log[148]["loss"].GetDouble() < 0.3 * log[0]["loss"].GetDouble());

  // Trained as it is, it finds in bf16 what it finds in float32: each sure detection has its like, at its place, and
  // most masks are the same pixels.  Not all: pasting truncates a box's corners, and one that crosses a whole number
  // moves its mask by a pixel.  (An AP over eight objects moves in steps of 0.03, too coarse to hold.)
  const auto found = [&](DType dtype) {
    MaskRcnn folded(config.model);
    load_state_dict_exact(leaves(folded), state_dict(leaves(model)), "the trained model");
    folded.fold(dtype);
    std::vector<Detection> all;
    detect_all(folded, validation, [&](size_t, std::vector<Detection> of_photo) {
      all.insert(all.end(), of_photo.begin(), of_photo.end());
    });
    return all;
  };
  const std::vector<Detection> f32 = found(DType::f32), bf16 = found(DType::bf16);
  int different = 0;
  std::vector<double> masks;
  for (const Detection& a : f32) {
    if (a.score < 0.5) continue;
    const Detection* like = nullptr;
    const auto overlap = [&](const Detection* b) { return b ? iou(b->bbox, a.bbox, false) : 0; };
    for (const Detection& b : bf16)
      if (b.image_id == a.image_id && b.category_id == a.category_id && overlap(&b) > overlap(like)) like = &b;
    REQUIRE(like);
    CHECK(overlap(like) > 0.95);
    CHECK(std::abs(like->score - a.score) < 0.05);
    masks.push_back(iou(std::get<Rle>(like->segmentation), std::get<Rle>(a.segmentation), false));
    different += like->score != a.score;
  }
  REQUIRE(masks.size() >= 6);  // of eight objects
  std::sort(masks.begin(), masks.end());
  CHECK(masks[masks.size() / 2] > 0.95);
  CHECK(masks[0] > 0.7);
  CHECK(different > 0);  // it did compute in bf16
}
