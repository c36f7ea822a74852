#include "tests/models/small.h"

namespace sil::test {

ModelConfig small_config() {
  ModelConfig c;
  c.backbone = "resnet18";
  c.fpn_channels = 64;
  c.anchor_sizes = {8, 16, 32, 64, 128};
  c.box_head_width = 128;
  c.mask_head_width = 64;
  c.mask_head_layers = 2;
  c.num_classes = 4;
  return c;
}

std::vector<double> formula(const std::string& name, int64_t n) {
  uint64_t h = 0xCBF29CE484222325;  // FNV-1a
  for (unsigned char c : name) h = (h ^ c) * 0x100000001B3;
  std::vector<double> u(static_cast<size_t>(n));
  for (size_t i = 0; i < u.size(); ++i) u[i] = double(splitmix64(h + i) >> 40) * 0x1p-24;
  return u;
}

Tensor formula_photo(const std::string& name, int64_t height, int64_t width) {
  std::vector<float> x;
  for (double u : formula(name, height * width * 3)) x.push_back(float(4 * u - 2));
  return Tensor::of({height, width, 3}, x);
}

Example example(const Tensor& photo, const std::vector<Object>& objects, std::array<int, 2> original) {
  Example e;
  e.photo = photo, e.original = original;
  e.size = {int(photo.dim(0)), int(photo.dim(1))}, e.normalize = {{0, 0, 0}, {1, 1, 1}};
  const int64_t height = photo.dim(0), width = photo.dim(1);
  for (const Object& o : objects) {
    const auto [x0, y0, x1, y1] = o.box;
    std::vector<uint8_t> bits;
    for (int64_t y = 0; y < height; ++y)
      for (int64_t x = 0; x < width; ++x) {
        const float fx = float(x), fy = float(y);
        bits.push_back(fx >= x0 && fx < x1 && fy >= y0 && fy < y1 && 2 * (fx - x0) >= fy - y0);
      }
    e.boxes.insert(e.boxes.end(), o.box.begin(), o.box.end());
    e.labels.push_back(o.label);
    e.masks.push_back(encode(Tensor::of({height, width}, bits)));
  }
  return e;
}

std::vector<Example> two_examples() {
  return {example(formula_photo("photo0", 128, 96),
                  {{{8.5f, 10.25f, 60, 70.5f}, 1}, {{30, 40, 95, 127}, 2}, {{2, 90, 20, 110}, 3}}, {200, 150}),
          example(formula_photo("photo1", 112, 128), {{{16, 16, 48, 100}, 3}, {{70.25f, 20, 120, 61}, 1}}, {112, 128})};
}

Batch two_photos(Device device) { return collate(two_examples(), device); }

}  // namespace sil::test
