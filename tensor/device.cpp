#include "tensor/device.h"

#include "tensor/check.h"
#include "tensor/kernels.h"

namespace sil {

Device Device::cuda(int index) {
  check(cuda_kernels() != nullptr,
        "device cuda:{}: this build has no CUDA; build with CUDA Toolkit 12.8 or newer and -DSIL_CUDA=ON, or use cpu",
        index);
  Device d;
  d.kind_ = Kind::cuda;
  d.index_ = index;
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

std::string Device::str() const { return kind_ == Kind::cpu ? "cpu" : "cuda:" + std::to_string(index_); }

const Kernels& Device::kernels() const { return kind_ == Kind::cpu ? cpu_kernels() : *cuda_kernels(); }

}  // namespace sil
