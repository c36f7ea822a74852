#include "models/rois.h"

#include <algorithm>

#include "tensor/kernels.h"

namespace sil {

Tensor photo_of_rows(int64_t photos, int64_t each, Device device) {
  Tensor image({photos, each}, DType::i32, device);
  for (int64_t n = 0; n < photos; ++n) {
    Tensor own = image.rows(n, n + 1);
    device.kernels().fill({}, double(n), own);
  }
  return image.view({photos * each});
}

Tensor packed(const Tensor& rows) {
  if (rows.device().kind() != Device::Kind::cpu) return rows;
  std::vector<int32_t> real = rows.to_vector<int32_t>();
  std::erase_if(real, [](int32_t row) { return row < 0; });
  return Tensor::of({int64_t(real.size())}, real);
}

}  // namespace sil
