#include "tensor/reading.h"

#include <utility>

#include "tensor/check.h"
#include "tensor/kernels.h"

namespace sil {

Reading::Reading(const Tensor& t)
    : device_(t.device()),
      count_(size_t(t.numel())),
      begun_(device_.kernels().begin_download({}, t.data<float>(), t.bytes())) {}

Reading::Reading(Reading&& o) noexcept
    : device_(o.device_), count_(o.count_), begun_(std::exchange(o.begun_, nullptr)) {}

Reading::~Reading() {
  if (begun_) device_.kernels().finish_download(begun_, nullptr, 0);
}

std::vector<float> Reading::values() {
  check(begun_ != nullptr, "reading: its values were read already");
  std::vector<float> out(count_);
  device_.kernels().finish_download(std::exchange(begun_, nullptr), out.data(), count_ * sizeof(float));
  return out;
}

}  // namespace sil
