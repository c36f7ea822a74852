#include "cuda/census.h"

#include <fmt/core.h>

namespace sil::cuda {
namespace {

constexpr int kLeastCapability = 80;  // what CMakeLists.txt has nvcc compile for

std::string version(int v) { return fmt::format("{}.{}", v / 1000, v % 1000 / 10); }

}  // namespace

std::string problem(const Census& c, int index) {
  const std::string device = fmt::format("device cuda:{}: ", index);
  if (c.driver == 0)
    return device + fmt::format("the NVIDIA driver is not installed; this build needs one for CUDA {}, or use cpu",
                                version(c.runtime));
  // A driver serves all of its major version's toolkits, and older ones.
  if (c.driver / 1000 < c.runtime / 1000)
    return device + fmt::format("the NVIDIA driver supports CUDA {}; this build needs one for CUDA {}, or use cpu",
                                version(c.driver), version(c.runtime));
  if (c.gpus == 0) return device + "there is no NVIDIA GPU; use cpu";
  if (index >= c.gpus)
    return device + (c.gpus == 1 ? "there is 1 GPU; cuda:0 expected"
                                 : fmt::format("there are {} GPUs; cuda:0 to cuda:{} expected", c.gpus, c.gpus - 1));
  if (c.capability < kLeastCapability)
    return device + fmt::format("its compute capability is {}.{}; {}.{} or newer expected (A100, H100), or use cpu",
                                c.capability / 10, c.capability % 10, kLeastCapability / 10, kLeastCapability % 10);
  return {};
}

}  // namespace sil::cuda
