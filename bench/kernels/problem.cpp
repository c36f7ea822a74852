#include "bench/kernels/problem.h"

#include "tensor/rng.h"
#include "tensor/threads.h"

namespace sil {

Tensor random_floats(const Shape& shape, uint64_t seed, float lo, float hi) {
  Tensor t(shape, DType::f32);
  float* x = t.data<float>();
  parallel_for(t.numel(), 1 << 16, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) x[i] = lo + (hi - lo) * RngKey{seed}.uniform(uint64_t(i));
  });
  return t;
}

Tensor random_boxes(int64_t count, uint64_t seed, float width, float height) {
  std::vector<float> v;
  for (int64_t i = 0; i < count; ++i) {
    const auto u = [key = RngKey{seed}.fold(uint64_t(i))](uint64_t k) { return key.uniform(k); };
    const float w = (0.02f + 0.98f * u(0) * u(0) * u(0)) * width, h = (0.02f + 0.98f * u(1) * u(1) * u(1)) * height;
    const float x = u(2) * (width - w), y = u(3) * (height - h);
    v.insert(v.end(), {x, y, x + w, y + h});
  }
  return Tensor::of({count, 4}, v);
}

RoiProblem roi_problem(LadderSize size) {
  const bool real = size == LadderSize::real;
  const int64_t photos = 2, channels = real ? 256 : 8, levels = real ? 4 : 2, of_photo = real ? 512 : 11;
  const int64_t height = real ? 800 : 48, width = real ? 1344 : 64;
  RoiProblem p;
  for (int64_t l = 0; l < levels; ++l)
    p.pyramid.push_back(random_floats({photos, height / (4 << l), width / (4 << l), channels}, uint64_t(l), -1, 1));
  p.rois = random_boxes(photos * of_photo, 9, float(width), float(height));
  std::vector<int32_t> image;
  for (int64_t r = 0; r < photos * of_photo; ++r) image.push_back(int32_t(r / of_photo));
  p.image = Tensor::of({int64_t(image.size())}, image);
  return p;
}

RoiProblem RoiProblem::to(Device device) const {
  RoiProblem p{{}, rois.to(device), image.to(device), geom};
  for (const Tensor& level : pyramid) p.pyramid.push_back(level.to(device));
  return p;
}

}  // namespace sil
