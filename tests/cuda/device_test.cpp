// What the programs do with --device, on Device::simt(): the run, the validation, prediction and the stages of a model
// whose weights lie on a device give what they give on the CPU; and what a GPU that fails leaves behind.
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <csignal>

#include "cuda/bad_luck.h"
#include "models/stages.h"
#include "nn/optimizer.h"
#include "tests/cuda/tiny_training.h"
#include "tests/models/small.h"
#include "tests/train/tiny.h"
#include "train/detect.h"

using namespace sil;
using namespace sil::test;

namespace {

bool close(double a, double b, double relative) { return std::abs(a - b) <= relative * std::abs(b) + 1e-9; }

struct Setting {
  Folder folder{"device"};
  RunConfig config = tiny_config();
  Dataset training, validation;

  Setting() : training(data("data", Purpose::training, 3)), validation(data("val", Purpose::validation, 1)) {}

  Dataset data(const char* name, Purpose purpose, int images) {
    config.train.learning_rate = 1e-5;  // rounding does not grow into another run
    config.train.optimizer = "sgd";
    config.train.max_steps = 2;
    return tiny_data(folder.path / name, config, purpose, images);
  }
  fs::path last(const std::string& name) const { return folder.path / name / "last.safetensors"; }

  Progress run(const std::string& name, Device device, std::optional<Checkpoint> resumed = {},
               bool validates = true) const {
    MaskRcnn model = tiny_model(config);
    if (resumed) load_state_dict_exact(leaves(model), resumed->weights, name);
    model.move_to(device);
    fs::create_directories(folder.path / name);
    const Dataset* const validated = validates ? &validation : nullptr;
    return train(model, {config, training, validated, folder.path / name, std::move(resumed), {}}).progress;
  }
};

void check_close(const StateDict& found, const StateDict& expected, double relative) {
  REQUIRE(found.size() == expected.size());
  for (const auto& [name, want] : expected) {
    CAPTURE(name);
    const Tensor got = ops::cast(found.at(name), DType::f64), w = ops::cast(want, DType::f64);
    REQUIRE(got.shape() == w.shape());
    double largest = 1e-4, worst = 0;  // what was 0 has moved by rate times gradient, 1e-6 or so
    for (int64_t i = 0; i < w.numel(); ++i) {
      largest = std::max(largest, std::abs(w.data<double>()[i]));
      worst = std::max(worst, std::abs(got.data<double>()[i] - w.data<double>()[i]));
    }
    CHECK(worst <= relative * largest);
  }
}

std::vector<Detection> detections(MaskRcnn& model, const Dataset& photos) {
  std::vector<Detection> all;
  detect_all(model, photos,
             [&](size_t, std::vector<Detection> found) { all.insert(all.end(), found.begin(), found.end()); });
  return all;
}

}  // namespace

TEST_CASE("device: a run trains, validates, writes and resumes on the GPU's kernels as on the CPU") {
  Setting s;
  s.run("cpu", Device::cpu());
  s.config.train.max_steps = 1;
  s.run("simt", Device::simt());
  s.config.train.max_steps = 2;
  CHECK(s.run("simt", Device::simt(), read_checkpoint(s.last("simt"))).step == 2);

  const Checkpoint cpu = read_checkpoint(s.last("cpu")), simt = read_checkpoint(s.last("simt"));
  CHECK(simt.progress.step == cpu.progress.step);
  check_close(simt.weights, cpu.weights, 1e-4);
  CHECK(simt.optimizer.size() == cpu.optimizer.size());
}

TEST_CASE("device: what is detected and what is lost, folded or not, does not hang on the device") {
  Setting s;
  s.config.model.box.score_threshold = 0.3f;  // an untrained model is sure of nothing: few, of many
  for (bool folded : {false, true}) {
    CAPTURE(folded);
    MaskRcnn cpu = tiny_model(s.config), simt = tiny_model(s.config);
    simt.move_to(Device::simt());
    if (folded) cpu.fold(), simt.fold();
    const std::vector<Detection> want = detections(cpu, s.validation), got = detections(simt, s.validation);
    REQUIRE(got.size() == want.size());
    CHECK(!want.empty());
    for (size_t i = 0; i < want.size(); ++i) {
      CHECK(got[i].category_id == want[i].category_id);
      CHECK(close(got[i].score, want[i].score, 1e-4));
      for (size_t k = 0; k < 4; ++k) CHECK(std::abs(got[i].bbox[k] - want[i].bbox[k]) <= 1e-2);
    }
  }
  MaskRcnn cpu = tiny_model(s.config), simt = tiny_model(s.config);
  simt.move_to(Device::simt());
  const ValidationRecord want = validate(cpu, s.validation, 1, 0.5).value(),
                         got = validate(simt, s.validation, 1, 0.5).value();
  for (size_t i = 0; i < want.losses.size(); ++i) CHECK(close(got.losses[i], want.losses[i], 1e-3));
}

namespace {

std::vector<float> uniform(int64_t count, uint64_t seed, float lo, float hi) {
  std::vector<float> v;
  for (int64_t i = 0; i < count; ++i) v.push_back(lo + (hi - lo) * RngKey{seed}.uniform(uint64_t(i)));
  return v;
}

// What the heads might say of two photos with `each` proposals: as on a GPU, some of them empty, behind the others.
Detections selected(Device device, int64_t each, int64_t classes, const BoxConfig& config) {
  const int64_t rows = 2 * each;
  std::vector<float> boxes = uniform(4 * rows, 1, 0, 40);
  std::vector<int32_t> image;
  for (int64_t r = 0; r < rows; ++r) {
    for (size_t c = 2; c < 4; ++c) boxes[size_t(4 * r) + c] += boxes[size_t(4 * r) + c - 2] + 5;
    image.push_back(r % each < each - 7 + 5 * (r / each) ? int32_t(r / each) : -1);
    if (image.back() < 0) std::fill_n(boxes.begin() + 4 * r, 4, 0.0f);
  }
  const Tensor logits = Tensor::of({rows, classes}, uniform(rows * classes, 2, -2, 2), device),
               deltas = Tensor::of({rows, 4 * classes}, uniform(rows * 4 * classes, 3, -1, 1), device),
               sizes = Tensor::of<int32_t>({2, 2}, {64, 90, 80, 70}, device);
  const Rois proposals{Tensor::of({rows, 4}, boxes, device), Tensor::of({rows}, image, device)};
  simt::set_bad_luck({});
  return select_detections(logits, deltas, proposals, sizes, config);
}

// Row by row, the empty ones left out.
void check_same(const Detections& got, const Detections& want) {
  const std::vector<int32_t> whose = got.rois.image.to_vector<int32_t>(), labels = got.labels.to_vector<int32_t>();
  const Tensor boxes = got.rois.boxes.to(Device::cpu()), scores = got.scores.to(Device::cpu());
  int64_t i = 0;
  for (size_t r = 0; r < whose.size(); ++r) {
    if (whose[r] < 0) {
      CHECK(labels[r] == -1);
      continue;
    }
    REQUIRE(i < want.rois.count());
    CHECK(whose[r] == want.rois.image.data<int32_t>()[i]);
    CHECK(labels[r] == want.labels.data<int32_t>()[i]);
    CHECK(close(scores.data<float>()[r], want.scores.data<float>()[i], 1e-5));
    for (size_t c = 0; c < 4; ++c)
      CHECK(close(boxes.data<float>()[4 * r + c], want.rois.boxes.data<float>()[size_t(4 * i) + c], 1e-4));
    ++i;
  }
  CHECK(i == want.rois.count());
}

}  // namespace

TEST_CASE("device: what is selected is the CPU's, and nobody reads it from the device meanwhile") {
  BoxConfig config;
  for (const auto& [each, detections] : {std::pair{40, 30}, {40, 100}, {7, 5}})
    for (float threshold : {0.0f, 1e-30f, 0.05f, 0.3f, 0.6f, 1.0f}) {
      CAPTURE(each);
      CAPTURE(threshold);
      config.detections = detections, config.score_threshold = threshold;
      const Detections want = selected(Device::cpu(), each, 5, config);
      const Detections got = selected(Device::simt(), each, 5, config);
      CHECK(simt::downloads_since_then() == 0);
      REQUIRE(got.rois.count() == 2 * detections);
      if (threshold < 0.5f) CHECK(want.rois.count() > 0);
      if (threshold == 1) CHECK(want.rois.count() == 0);
      check_same(got, want);
    }
}

TEST_CASE("device: more candidates than a GPU compares by pairs are selected by the host") {
  BoxConfig config;
  config.score_threshold = 0, config.detections = 20;
  const Detections want = selected(Device::cpu(), 1200, 31, config);
  const Detections got = selected(Device::simt(), 1200, 31, config);
  CHECK(simt::downloads_since_then() > 0);
  CHECK(want.rois.count() == 40);
  check_same(got, want);
}

TEST_CASE("device: the stages of a step and the curve of some are those of the CPU") {
  const ModelConfig config = tiny_model_config();
  const auto stages = [&](Device device, const Stages& given) {
    MaskRcnn model(config, 1);
    model.move_to(device);
    return training_stages(model, two_photos(device), given);
  };
  const Stages cpu = stages(Device::cpu(), {});
  check_close(stages(Device::simt(), cpu), cpu, 3e-3);

  const auto curve = [&](Device device, const Stages& given) {
    MaskRcnn model(config, 1);
    model.move_to(device);
    return training_curve(model, two_photos(device), 2, 1e-5, {}, given);
  };
  const Stages want = curve(Device::cpu(), {}), got = curve(Device::simt(), want);
  REQUIRE(got.size() == want.size());
  for (const char* loss : kLossNames) {
    const std::string name = fmt::format("curve.{}", loss);
    for (int64_t i = 0; i < 2; ++i) CHECK(close(got.at(name).data<float>()[i], want.at(name).data<float>()[i], 1e-3));
  }
}

TEST_CASE("device: objects are filled up with empty ones, from none and to a full number, and losses stay the CPU's") {
  MaskRcnn cpu(tiny_model_config(), 1), simt(tiny_model_config(), 1);
  simt.move_to(Device::simt());
  for (const auto& [objects, filled] : {std::pair{0, 64}, {1, 64}, {64, 64}, {65, 128}}) {
    CAPTURE(objects);
    std::vector<Object> boxes;
    for (int i = 0; i < objects; ++i) boxes.push_back({{float(i % 8), float(i / 8), 40, 50}, 1 + i % 3});
    const std::vector<Example> one{example(formula_photo("photo", 64, 64), boxes, {64, 64})};
    const Batch batch = collate(one), there = collate(one, Device::simt());
    const Targets &t = there.targets, &own = batch.targets;
    CHECK(t.boxes.shape() == Shape{filled, 4});
    CHECK(t.size.shape() == Shape{filled, 2});
    CHECK(t.run_ends.numel() == std::max<int64_t>(1024, int64_t(std::bit_ceil(uint64_t(own.run_ends.numel())))));
    std::vector<int32_t> image(size_t(filled), -1), begin = own.run_begin.to_vector<int32_t>();
    std::fill_n(image.begin(), objects, 0);
    begin.resize(size_t(filled) + 1, int32_t(own.run_ends.numel()));
    CHECK(t.image.to_vector<int32_t>() == image);
    CHECK(t.run_begin.to_vector<int32_t>() == begin);

    const std::vector<Var> want = cpu.losses(batch, Mode::train, RngKey{3}).all();
    const std::vector<Var> got = simt.losses(there, Mode::train, RngKey{3}).all();
    for (size_t i = 0; i < want.size(); ++i) {
      CAPTURE(i);
      CHECK(close(got[i].value().item(), want[i].value().item(), 1e-3));
    }
    backward(got);
  }
}

TEST_CASE("device: a rate beside other weights is refused, and the next step goes on") {
  Parameter w(Tensor::full({2}, 1, DType::f32, Device::simt()));
  Optimizer optimizer({{"w", &w, nullptr}}, {.weight_decay = 0});
  w.var.set_grad(Tensor::full({2}, 1, DType::f32, Device::simt()));
  CHECK(error_of([&] { optimizer.step(Tensor::of<double>({1}, {0.5})); }) ==
        "sgd: rate is on cpu, parameter 0 on simt; one device expected");
  optimizer.step(0.5);
  CHECK(w.value().to_vector<float>() == std::vector<float>{0.5f, 0.5f});
}

TEST_CASE(
    "device: the host learns nothing of a step's losses and gradients while they are computed, so it never waits") {
  const Setting s;
  MaskRcnn model = tiny_model(s.config);
  model.move_to(Device::simt());
  const Batch batch = two_photos(Device::simt());
  simt::set_bad_luck({});
  const Losses losses = model.losses(batch, Mode::train, RngKey{3});
  backward(losses.all());
  CHECK(simt::downloads_since_then() == 0);
  CHECK(simt::uploads_since_then() == 1);  // the photos' sizes, before the first kernel
  CHECK(losses.all()[0].value().item() > 0);
  CHECK(simt::downloads_since_then() == 1);
}

TEST_CASE("device: a batch on another device than the model is refused") {
  MaskRcnn model(tiny_model_config(), 1);
  model.move_to(Device::simt());
  CHECK(model.device() == Device::simt());
  CHECK(error_of([&] { model.detect(two_photos()); }) ==
        "mask_rcnn: photos are on cpu, the model is on simt; one device expected");
}

TEST_CASE("device: a GPU that fails in the middle of a run leaves a good checkpoint, from which the run goes on") {
  Setting s;
  s.config.train.checkpoint_minutes = 0;  // one behind every step
  Arena::of(Device::simt()).trim();       // each run allocates anew, and so makes as many calls
  simt::set_bad_luck({});
  s.run("whole", Device::simt(), {}, false);
  const int64_t calls = simt::calls_since_then();
  const std::string whole = bytes_of(s.last("whole"));

  // In the second step, and while the last checkpoint is written: its tensors are the last to be copied.
  for (const int64_t good_calls : {calls * 3 / 4, calls - 2}) {
    CAPTURE(good_calls);
    const std::string name = fmt::format("fails_{}", good_calls);
    Arena::of(Device::simt()).trim();
    simt::set_bad_luck({.good_calls = good_calls});
    const std::string text = error_of([&] { s.run(name, Device::simt(), {}, false); });
    simt::set_bad_luck({});
    CHECK(contains(text, "unspecified launch failure (planted)"));
    CHECK(std::count(text.begin(), text.end(), '\n') == 0);
    const Checkpoint left = read_checkpoint(s.last(name));
    CHECK(left.progress.step == 1);
    CHECK(s.run(name, Device::simt(), left, false).step == 2);
    CHECK(bytes_of(s.last(name)) == whole);
  }
}

TEST_CASE("device: a run that does not fit says in one line what was asked, what is free and what to change") {
  Setting s;
  s.config.train.max_steps = 1;
  Arena& arena = Arena::of(Device::simt());
  const int64_t before = arena.in_use();
  arena.reset_peak();
  s.run("fits", Device::simt(), {}, false);
  const size_t needed = size_t(arena.peak() - before);
  const auto error_with = [&](size_t memory) {
    arena.trim();
    simt::set_bad_luck({.memory = memory});
    const std::string text = error_of([&] { s.run("does_not_fit", Device::simt(), {}, false); });
    simt::set_bad_luck({});
    return text;
  };
  const std::string text = error_with(needed * 3 / 4);
  INFO(text);
  CHECK(text.starts_with("step 1: out of memory on simt: "));
  CHECK(contains(text, " bytes asked, "));
  CHECK(contains(text, fmt::format(" of {} free, ", needed * 3 / 4)));
  CHECK(contains(text, " in use by tensors; weights, gradients and optimizer state alone need "));
  CHECK(error_with(needed / 10).starts_with("out of memory on simt: "));
  size_t weights = 0;
  {
    MaskRcnn model = tiny_model(s.config);
    model.move_to(Device::simt());
    weights = size_t(arena.in_use() - before);
  }
  CHECK(error_with(weights + 1000).starts_with("step 1: out of memory on simt: "));  // no room for a photo
  CHECK_FALSE(fs::exists(s.last("does_not_fit")));
}

namespace {

// The signal that ends a child process in which the host reads a device's memory; 0: none.
int signal_of_reading(const Tensor& t) {
  const pid_t child = fork();
  if (child == 0) {
    std::signal(SIGSEGV, SIG_DFL);
    const volatile float read = t.data<float>()[0];
    _exit(read == 0 ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

}  // namespace

TEST_CASE("device: the host touches no memory of a device: a run and its validation, with that memory out of reach") {
  Setting s;
  s.config.train.max_steps = 1;
  Arena::of(Device::simt()).trim();
  simt::guard_memory(true);
  const Tensor ones = Tensor::full({4}, 1, DType::f32, Device::simt());
  CHECK(signal_of_reading(ones) == SIGSEGV);
  CHECK(ones.to_vector<float>() == std::vector<float>(4, 1.0f));
  CHECK(s.run("guarded", Device::simt()).step == 1);
  MaskRcnn model = tiny_model(s.config);
  model.move_to(Device::simt());
  model.fold(DType::bf16);
  detections(model, s.validation);
  Arena::of(Device::simt()).trim();
  simt::guard_memory(false);
}
