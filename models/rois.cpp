#include "models/rois.h"

#include <algorithm>

#include "tensor/ops.h"

namespace sil {

Tensor photo_of_rows(int64_t photos, int64_t each, Device device) {
  return each == 0 ? ops::arange(0, device) : ops::split_index(ops::arange(photos * each, device), each).first;
}

Tensor packed(const Tensor& rows) {
  if (rows.device().kind() != Device::Kind::cpu) return rows;
  std::vector<int32_t> real = rows.to_vector<int32_t>();
  std::erase_if(real, [](int32_t row) { return row < 0; });
  return Tensor::of({int64_t(real.size())}, real);
}

}  // namespace sil
