#include "bench/kernels/ladder.h"

#include <fmt/core.h>

#include <cmath>
#include <cstring>

#include "tensor/kernels.h"

namespace sil {
namespace {

// The largest difference in roundings of the largest value; infinite where only one is finite.
double difference(const Tensor& found, const Tensor& expected) {
  const float *a = found.data<float>(), *b = expected.data<float>();
  double worst = 0, largest = 1e-30;
  for (int64_t i = 0; i < expected.numel(); ++i) {
    if (std::isfinite(a[i]) != std::isfinite(b[i])) return INFINITY;
    if (!std::isfinite(b[i])) continue;
    largest = std::max(largest, std::abs(double(b[i])));
    worst = std::max(worst, std::abs(double(a[i]) - double(b[i])));
  }
  return worst / largest / 0x1p-23;
}

}  // namespace

void spoil(const Ladder& ladder) {
  for (const Tensor& t : ladder.outputs) {
    const std::vector<unsigned char> bytes(t.bytes(), 0xFF);
    t.device().kernels().upload({}, bytes.data(), t.raw(), bytes.size());
  }
}

std::string mistake(const Ladder& ladder) {
  for (size_t i = 0; i < ladder.outputs.size(); ++i) {
    const Tensor found = ladder.outputs[i].to(Device::cpu());
    const Tensor& expected = ladder.expected[i];
    if (found.shape() != expected.shape() || found.dtype() != expected.dtype())
      return fmt::format("output {} is {} {}; {} {} expected", i, name(found.dtype()), found.shape(),
                         name(expected.dtype()), expected.shape());
    if (found.dtype() != DType::f32) {
      if (found.bytes() && std::memcmp(found.raw(), expected.raw(), found.bytes()) != 0)
        return fmt::format("output {} differs from the CPU's", i);
    } else if (const double off = difference(found, expected); !(off <= ladder.roundings)) {
      return fmt::format("output {} is {:.3g} roundings off the CPU's; at most {} expected", i, off, ladder.roundings);
    }
  }
  return "";
}

}  // namespace sil
