#include "models/rois.h"

#include <algorithm>

namespace sil {

Tensor photo_of_rows(int64_t photos, int64_t each, Device device) {
  std::vector<int32_t> image(static_cast<size_t>(photos * each));
  for (size_t i = 0; i < image.size(); ++i) image[i] = int32_t(int64_t(i) / each);
  return Tensor::of({photos * each}, image, device);
}

Tensor packed(const Tensor& rows) {
  if (rows.device().kind() != Device::Kind::cpu) return rows;
  std::vector<int32_t> real = rows.to_vector<int32_t>();
  std::erase_if(real, [](int32_t row) { return row < 0; });
  return Tensor::of({int64_t(real.size())}, real);
}

}  // namespace sil
