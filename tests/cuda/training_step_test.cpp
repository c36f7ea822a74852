// Recorded work on Device::simt(), which repeats launches with the arguments of the first time, as a CUDA graph does:
// what a step forgets to put into memory, or puts into memory that others get, shows here.
#include "train/training_step.h"

#include <doctest/doctest.h>

#include "cuda/bad_luck.h"
#include "tensor/ops.h"
#include "tensor/recorded.h"
#include "tests/cuda/tiny_training.h"
#include "tests/folder.h"
#include "tests/models/small.h"

using namespace sil;
using namespace sil::test;

namespace {

const Device kSimt = Device::simt();

Tensor on_simt(const std::vector<float>& values) { return Tensor::of({int64_t(values.size())}, values, kSimt); }

// Batches of one shape and other contents: two_photos, a little noise added and an object's box moved.
Batch batch_of(int step) {
  std::vector<Example> examples = two_examples();
  for (Example& e : examples) {
    float* pixel = e.photo.data<float>();
    for (int64_t i = 0; i < e.photo.numel(); ++i)
      pixel[i] += 0.1f * RngKey{5}.fold(uint64_t(step)).uniform(uint64_t(i));
  }
  examples[0].boxes[0] += float(step);
  return collate(examples, kSimt);
}

struct Training {
  MaskRcnn model{tiny_model_config(), 1};
  std::vector<Leaf> all = leaves((model.move_to(kSimt), model));
  Optimizer optimizer;

  explicit Training(OptimizerConfig::Kind kind) : optimizer(all, {.kind = kind}) {}
};

RngKey key(int step) { return RngKey{3}.fold(uint64_t(step)); }
double rate(int step) { return 1e-3 / (1 + step); }

// A step as one would write it down, launch by launch.
std::vector<float> by_hand(Training& t, const Batch& batch, int step) {
  t.optimizer.zero_grad();
  const std::vector<Var> losses = t.model.losses(batch, Mode::train, key(step)).all();
  backward(losses);
  const Tensor norm = gradient_norm(t.optimizer.parameters());
  t.optimizer.step(rate(step), {norm, 2});
  std::vector<float> numbers;
  for (const Var& loss : losses) numbers.push_back(float(loss.value().item()));
  numbers.push_back(float(norm.item()));
  return numbers;
}

void check_same_bits(const StateDict& a, const StateDict& b) {
  REQUIRE(a.size() == b.size());
  for (const auto& [name, t] : a) {
    CAPTURE(name);
    const Tensor x = t.to(Device::cpu()), y = b.at(name).to(Device::cpu());
    REQUIRE(x.bytes() == y.bytes());
    CHECK(std::memcmp(x.raw(), y.raw(), x.bytes()) == 0);
  }
}

void check_same_bits(const Training& a, const Training& b) {
  check_same_bits(state_dict(a.all), state_dict(b.all));
  check_same_bits(a.optimizer.state(), b.optimizer.state());
}

}  // namespace

TEST_CASE("recorded: what is queued is done by each replay, with what the memory then holds, and not before") {
  Tensor x = on_simt({1, 2, 3}), y = Tensor::zeros({3}, DType::f32, kSimt);
  Recorded work(kSimt, [&] { ops::assign(y, ops::add(ops::scale(x, 2), y)); });
  CHECK(y.to_vector<float>() == std::vector<float>{0, 0, 0});
  work.replay();
  ops::assign(x, on_simt({10, 20, 30}));
  work.replay();
  CHECK(y.to_vector<float>() == std::vector<float>{22, 44, 66});
}

TEST_CASE("recorded: its memory is nobody else's until it is gone, also what others gave back meanwhile") {
  Tensor x = on_simt(std::vector<float>(1000, 1)), y = Tensor::zeros({1000}, DType::f32, kSimt);
  Arena& arena = Arena::of(kSimt);
  arena.trim();
  {
    Recorded work(kSimt, [&] {
      Tensor a = ops::scale(x, 2);
      for (int i = 0; i < 3; ++i) a = ops::scale(a, 2);
      ops::assign(y, a);
    });
    std::vector<Tensor> others;
    for (int i = 0; i < 8; ++i) others.push_back(Tensor::full({1000}, i, DType::f32, kSimt));
    work.replay();
    CHECK(y.to_vector<float>() == std::vector<float>(1000, 16));
    for (int i = 0; i < 8; ++i) CHECK(others[size_t(i)].to_vector<float>() == std::vector<float>(1000, float(i)));
    others.clear();
    const int64_t held = arena.held();
    arena.trim();
    CHECK(arena.held() < held);
    work.replay();
    CHECK(y.to_vector<float>() == std::vector<float>(1000, 16));
  }
  const int64_t held = arena.held();
  arena.trim();
  CHECK(arena.held() < held);  // what was its own
}

TEST_CASE("recorded: a smaller piece of work takes the memory of a larger one") {
  Arena& arena = Arena::of(kSimt);
  const auto record = [](float n) {
    const Tensor x = Tensor::full({int64_t(n)}, 1, DType::f32, kSimt);
    return std::make_unique<Recorded>(kSimt, [&] { ops::add(ops::scale(x, 2), ops::scale(x, 3)); });
  };
  const std::unique_ptr<Recorded> large = record(100'000);
  const int64_t held = arena.held();
  std::vector<std::unique_ptr<Recorded>> smaller;
  for (float n : {51'000, 60'000, 70'000, 80'000, 90'000}) {
    smaller.push_back(record(n));
    arena.trim();
    CHECK(arena.held() <= held);
  }
}

TEST_CASE("recorded: a larger block that is still in use when its recording ends goes back whole") {
  Arena& arena = Arena::of(kSimt);
  arena.trim();
  const int64_t held = arena.held();
  Tensor kept;
  {
    const Tensor large = Tensor::full({100'000}, 1, DType::f32, kSimt), small = large.rows(0, 60'000);
    const Recorded first(kSimt, [&] { ops::scale(large, 2); });
    const Recorded second(kSimt, [&] { kept = ops::scale(small, 2); });
  }
  kept = {};
  arena.trim();
  CHECK(arena.held() == held);
}

TEST_CASE("recorded: one that failed leaves the others' memory to them") {
  Tensor x = on_simt(std::vector<float>(1000, 1)), y = Tensor::zeros({1000}, DType::f32, kSimt);
  Recorded work(kSimt, [&] { ops::assign(y, ops::scale(ops::scale(x, 2), 2)); });
  for (int i = 0; i < 2; ++i)
    CHECK(error_of([&] { Recorded(kSimt, [&] { ops::scale(x, 3).to_vector<float>(); }); }) != "");
  std::vector<Tensor> others;
  for (int i = 0; i < 8; ++i) others.push_back(Tensor::full({1000}, i, DType::f32, kSimt));
  work.replay();
  CHECK(y.to_vector<float>() == std::vector<float>(1000, 4));
  for (int i = 0; i < 8; ++i) CHECK(others[size_t(i)].to_vector<float>() == std::vector<float>(1000, float(i)));
}

TEST_CASE("recorded: what would not be repeated is an error, after which all goes on") {
  const Tensor x = on_simt({1, 2});
  CHECK(error_of([&] { Recorded(kSimt, [&] { x.to_vector<float>(); }); }) ==
        "simt: download while work is recorded; it would not be repeated");
  CHECK(error_of([&] { Recorded(kSimt, [&] { on_simt({1}); }); }) ==
        "simt: upload while work is recorded; it would not be repeated");
  CHECK(error_of([&] { Recorded(kSimt, [&] { Reading{x}; }); }) ==
        "simt: download while work is recorded; it would not be repeated");
  CHECK(error_of([&] { Recorded(Device::cpu(), [] {}); }) == "recorded: cpu records no work");
  CHECK(ops::scale(x, 2).to_vector<float>() == std::vector<float>{2, 4});
}

TEST_CASE("reading: values as they were when asked for, once") {
  Tensor x = on_simt({1, 2});
  Reading early(x), dropped(x);
  ops::assign(x, on_simt({3, 4}));
  CHECK(early.values() == std::vector<float>{1, 2});
  CHECK(error_of([&] { early.values(); }) == "reading: its values were read already");
}

TEST_CASE("training step: recorded and replayed, it computes the same bits as launch by launch, free of the host") {
  Training replayed(OptimizerConfig::Kind::sgd), plain(OptimizerConfig::Kind::sgd);
  TrainingStep step(replayed.model, replayed.optimizer, 2);
  for (int s = 0; s < 3; ++s) {
    CAPTURE(s);
    const Batch batch = batch_of(s);
    simt::set_bad_luck({});
    Reading numbers = step(batch, key(s), rate(s));
    CHECK(simt::downloads_since_then() == 0);
    CHECK(simt::uploads_since_then() == (s == 0 ? 3 : 2));  // the samples' keys and the rate; at first a counter
    CHECK(numbers.values() == by_hand(plain, batch, s));
  }
  CHECK(step.counts().first == 1);
  CHECK(step.counts().replayed == 2);
  CHECK(step.counts().not_recorded == 0);
  check_same_bits(replayed, plain);
}

TEST_CASE("training step: another shape is another recording, and both go on") {
  Training replayed(OptimizerConfig::Kind::adamw), plain(OptimizerConfig::Kind::adamw);
  TrainingStep step(replayed.model, replayed.optimizer, 2);
  for (int s = 0; s < 4; ++s) {
    CAPTURE(s);
    Batch batch = batch_of(s);
    if (s % 2) batch.photos = ops::pad(batch.photos, 2, 0, 32);
    CHECK(step(batch, key(s), rate(s)).values() == by_hand(plain, batch, s));
  }
  CHECK(step.counts().first == 2);
  CHECK(step.counts().replayed == 2);
  check_same_bits(replayed, plain);
}

TEST_CASE("training step: a batch stays the caller's, also the one that was recorded") {
  Training replayed(OptimizerConfig::Kind::sgd), plain(OptimizerConfig::Kind::sgd);
  TrainingStep step(replayed.model, replayed.optimizer, 2);
  const Batch recorded = batch_of(1);
  const std::vector<float> photos = recorded.photos.to_vector<float>();
  for (int s : {0, 1, 2, 1}) {
    CAPTURE(s);
    const Batch own = batch_of(s);
    CHECK(step(s == 1 ? recorded : own, key(s), rate(s)).values() == by_hand(plain, own, s));
  }
  CHECK(recorded.photos.to_vector<float>() == photos);
}

TEST_CASE("training step: what cannot be recorded runs as it is, counted, with the reason") {
  Training t(OptimizerConfig::Kind::sgd);
  Parameter idle(Tensor::zeros({1}, DType::f32, kSimt));
  std::vector<Leaf> more = t.all;
  more.push_back({"idle", &idle, nullptr});
  Optimizer optimizer(more, {});
  TrainingStep step(t.model, optimizer, {});
  for (int s = 0; s < 2; ++s) CHECK(step(batch_of(s), key(s), rate(s)).values().size() == 5);
  CHECK(step.counts().first == 1);
  CHECK(step.counts().not_recorded == 1);
  CHECK(step.counts().reason == "idle has no gradient in this step");
}

TEST_CASE("training step: one that cannot be recorded is counted once by the optimizer") {
  Training t(OptimizerConfig::Kind::sgd);
  by_hand(t, batch_of(0), 0);
  Parameter idle(Tensor::zeros({1}, DType::f32, kSimt));  // has taken a step too, and has no gradient from now on
  std::vector<Leaf> more = t.all;
  more.push_back({"idle", &idle, nullptr});
  StateDict state = t.optimizer.state();
  state["step.idle"] = Tensor::of<int64_t>({}, {1}), state["momentum.idle"] = Tensor::zeros({1});
  Optimizer optimizer(more, {});
  optimizer.load_state(state, "before");
  TrainingStep step(t.model, optimizer, {});
  for (int s = 1; s < 4; ++s) step(batch_of(s), key(s), rate(s)).values();
  CHECK(step.counts().not_recorded == 2);
  const StateDict after = optimizer.state();
  CHECK(after.at("step.idle").item() == 1);
  CHECK(after.at("step." + optimizer.parameters()[0].name).item() == 4);
}

TEST_CASE("training step: a parameter whose first gradient comes while a step is recorded has begun nothing") {
  Parameter early(on_simt({1, 2})), late(on_simt({3}));
  Optimizer optimizer({{"early", &early, nullptr}, {"late", &late, nullptr}}, {});
  const Tensor rate = Tensor::of<double>({1}, {0.1}, kSimt), gradient = on_simt({1, 1}), other = on_simt({1});
  early.var.set_grad(gradient);
  optimizer.step(rate, {});
  late.var.set_grad(other);
  CHECK(error_of([&] { Recorded(kSimt, [&] { optimizer.step(rate, {}); }); }) ==
        "simt: download while work is recorded; it would not be repeated");
  CHECK(!optimizer.state().contains("momentum.late"));
  CHECK(optimizer.state().at("step.late").item() == 0);
}

TEST_CASE("training step: recordings give way where memory runs out, and the bits stay") {
  Training replayed(OptimizerConfig::Kind::sgd), plain(OptimizerConfig::Kind::sgd);
  TrainingStep step(replayed.model, replayed.optimizer, 2);
  const auto run = [&](int s, int64_t by, bool short_of_memory) {
    CAPTURE(s);
    Batch batch = batch_of(s);
    batch.photos = ops::pad(batch.photos, 2, 0, by);
    Arena::of(kSimt).trim();
    if (short_of_memory) simt::set_bad_luck({.memory = 1 << 22});  // less than a step's
    const std::vector<float> found = step(batch, key(s), rate(s)).values();
    simt::set_bad_luck({});
    CHECK(found == by_hand(plain, batch, s));
  };
  for (int s = 0; s < 2; ++s) run(s, 0, false);
  CHECK(step.counts().replayed == 1);
  SUBCASE("of a step that runs launch by launch") {
    run(2, 32, true);
    CHECK(step.counts().first == 2);
    CHECK(step.counts().not_recorded == 0);
  }
  SUBCASE("of a step that is to be recorded, and is the next time") {
    run(2, 128, false);
    run(3, 128, true);
    CHECK(step.counts().not_recorded == 1);
    run(4, 128, false);
    CHECK(step.counts().replayed == 2);
  }
  CHECK(step.counts().dropped == 1);
  check_same_bits(replayed, plain);
}
