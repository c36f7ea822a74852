#include <doctest/doctest.h>

#include "nn/optimizer.h"
#include "nn/schedule.h"
#include "small.h"

using namespace sil;
using namespace sil::test;

namespace {

struct Square {
  int x, y, side, label;
};

// A noisy dark picture with bright squares, red for class 1 and green for class 2.
Example picture(const std::string& name, const std::vector<Square>& squares) {
  Tensor photo = formula_photo(name, 64, 64);
  Example e;
  e.photo = photo, e.original = e.size = {64, 64}, e.normalize = {{0, 0, 0}, {1, 1, 1}};
  float* pixels = photo.data<float>();
  for (int64_t i = 0; i < photo.numel(); ++i) pixels[i] = 0.2f * pixels[i] - 1;
  for (const Square& s : squares) {
    for (int y = s.y; y < s.y + s.side; ++y)
      for (int x = s.x; x < s.x + s.side; ++x) pixels[(y * 64 + x) * 3 + s.label - 1] = 2;
    const std::array<double, 4> xywh{double(s.x), double(s.y), double(s.side), double(s.side)};
    for (int v : {s.x, s.y, s.x + s.side, s.y + s.side}) e.boxes.push_back(float(v));
    e.labels.push_back(s.label);
    e.masks.push_back(rectangle(xywh, 64, 64));
  }
  return e;
}

// Whether it finds each square of two pictures after 130 steps on them.
void check_learns(DType dtype) {
  CAPTURE(name(dtype));
  ModelConfig config = small_config();
  config.norm = NormKind::batch_norm, config.trainable_layers = 5;
  config.fpn_channels = 32, config.mask_head_width = 32, config.box_head_width = 64, config.num_classes = 3;
  config.mask_size = 14;
  config.box.sampler.per_image = 64;
  MaskRcnn model(config, 1);
  model.compute_in(dtype);
  const Batch batch = collate({picture("a", {{6, 8, 24, 1}, {36, 30, 20, 2}}), picture("b", {{30, 4, 28, 2}})});

  OptimizerConfig adamw;
  adamw.kind = OptimizerConfig::Kind::adamw, adamw.weight_decay = 1e-4;
  Optimizer optimizer(leaves(model), adamw);
  Schedule schedule;
  schedule.kind = Schedule::Kind::cosine, schedule.base = 2e-3, schedule.warmup_steps = 5, schedule.total_steps = 130;
  for (int64_t step = 0; step < schedule.total_steps; ++step) {
    optimizer.zero_grad();
    backward(model.losses(batch, Mode::train, RngKey{7}.fold(uint64_t(step))).all());
    optimizer.step(schedule(step), {gradient_norm(optimizer.parameters()), 10});
  }

  const std::vector<PhotoDetections> found = model.detect(batch);
  const std::vector<std::vector<Square>> truth{{{6, 8, 24, 1}, {36, 30, 20, 2}}, {{30, 4, 28, 2}}};
  for (size_t n = 0; n < 2; ++n) {
    for (const Square& s : truth[n]) {
      const Rle mask = rectangle({double(s.x), double(s.y), double(s.side), double(s.side)}, 64, 64);
      double best = 0;
      for (size_t i = 0; i < found[n].scores.size(); ++i)
        if (found[n].labels[i] == s.label && found[n].scores[i] > 0.5f)
          best = std::max(best, iou(found[n].masks[i], mask, false));
      CHECK(best > 0.75);  // a pixel of error all round 20 is 0.81
    }
  }
}

}  // namespace

TEST_CASE("mask_rcnn: a tiny model learns two pictures by heart") { check_learns(DType::f32); }

TEST_CASE("mask_rcnn: so it does in bfloat16, with float32 weights") { check_learns(DType::bf16); }
