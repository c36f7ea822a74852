#include "data/transforms.h"

namespace sil {

Tensor to_float(const Tensor& image) {
  Tensor out(image.shape(), DType::f32);
  const uint8_t* in = image.data<uint8_t>();
  float* to = out.data<float>();
  for (int64_t i = 0, n = image.numel(); i < n; ++i) to[i] = float(in[i]) / 255.0f;
  return out;
}

void normalize(Tensor& photo, const Normalize& by) {
  float* p = photo.data<float>();
  const auto [mean_r, mean_g, mean_b] = by.mean;
  const auto [std_r, std_g, std_b] = by.std;
  for (float* end = p + photo.numel(); p < end; p += 3) {
    p[0] = (p[0] - mean_r) / std_r;
    p[1] = (p[1] - mean_g) / std_g;
    p[2] = (p[2] - mean_b) / std_b;
  }
}

}  // namespace sil
