#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <string>

#include "cuda/simt_host.h"
#include "tensor/arena.h"
#include "tests/cpu/random.h"
#include "tests/cuda/kernel_cases.h"

namespace sil {
namespace {

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && a.dtype() == b.dtype() &&
         (a.bytes() == 0 || std::memcmp(a.raw(), b.raw(), a.bytes()) == 0);
}

// The largest difference in roundings of the largest finite value; infinite where only one side is NaN or infinite.
double difference(const Tensor& a, const Tensor& b, DType dtype) {
  const std::vector<double> x = test::doubles(a), y = test::doubles(b);
  double worst = 0, largest = 1e-30;
  for (size_t i = 0; i < x.size(); ++i) {
    if (std::isfinite(y[i])) largest = std::max(largest, std::abs(y[i]));
    if (std::isnan(x[i]) != std::isnan(y[i]) || std::isinf(x[i]) != std::isinf(y[i]) ||
        (std::isinf(x[i]) && x[i] != y[i]))
      return INFINITY;
    if (std::isfinite(x[i])) worst = std::max(worst, std::abs(x[i] - y[i]));
  }
  return worst / largest / test::rounding(dtype);
}

// With threads in the order of this seed, in new memory that holds its pattern; a GPU has its own.
std::vector<Tensor> results(const KernelCase& row, const On& on, simt::Schedule schedule) {
  simt::set_schedule(schedule);
  Arena::of(on.device).trim();
  std::vector<Tensor> host;
  for (const Tensor& t : row.run(on)) host.push_back(t.to(Device::cpu()));
  simt::set_schedule({});
  return host;
}

void hold_row(const KernelCase& row, DType dtype, Device device, bool twice) {
  CAPTURE(std::string(row.kernel));
  CAPTURE(std::string(row.what));
  CAPTURE(std::string(name(dtype)));
  const std::vector<Tensor> expected = row.run({Device::cpu(), dtype});
  const std::vector<Tensor> found = results(row, {device, dtype}, {1, 0x7FC00000});
  // Other orders of threads and another pattern in memory that nobody has written.
  const std::vector<Tensor> again = twice ? results(row, {device, dtype}, {2, 0x42F6E979}) : found;
  REQUIRE(found.size() == expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    CAPTURE(i);
    CHECK(same_bits(found[i], again[i]));
    REQUIRE(found[i].shape() == expected[i].shape());
    REQUIRE(found[i].dtype() == expected[i].dtype());
    const bool real = found[i].dtype() == DType::f32 || found[i].dtype() == DType::bf16;
    if (!real)
      CHECK(same_bits(found[i], expected[i]));
    else
      CHECK(difference(found[i], expected[i], found[i].dtype()) <= row.roundings);
  }
}

}  // namespace

void hold_to_cpu(const std::vector<KernelCase>& cases, Device device, bool once) {
  for (const KernelCase& row : cases)
    for (DType dtype : {DType::f32, DType::bf16})
      if (dtype == DType::f32 || (!row.only_f32 && !once)) hold_row(row, dtype, device, !once);
}

}  // namespace sil
