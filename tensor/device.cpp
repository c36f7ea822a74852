#include "tensor/device.h"

#include "tensor/check.h"
#include "tensor/cuda_device.h"
#include "tensor/kernels.h"

namespace sil {

Device Device::cuda(int index) {
  open_cuda_device(index);
  Device d;
  d.kind_ = Kind::cuda;
  d.index_ = index;
  return d;
}

Device Device::simt() {
  Device d;
  d.kind_ = Kind::simt;
  return d;
}

Device Device::parse(const std::string& text) {
  if (text == "cpu") return cpu();
  if (text == "cuda") return cuda(0);
  if (text.starts_with("cuda:") && text.size() > 5 && text.size() <= 8 &&
      text.find_first_not_of("0123456789", 5) == std::string::npos)
    return cuda(std::stoi(text.substr(5)));
  fail("device is '{}'; cpu, cuda or cuda:N expected", text);
}

std::string Device::str() const {
  return kind_ == Kind::cpu ? "cpu" : kind_ == Kind::simt ? "simt" : "cuda:" + std::to_string(index_);
}

const Kernels& Device::kernels() const {
  static const Kernels simt = simt_kernels(cpu_kernels());
  return kind_ == Kind::cpu ? cpu_kernels() : kind_ == Kind::simt ? simt : *cuda_kernels();
}

}  // namespace sil
