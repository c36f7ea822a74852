#include <doctest/doctest.h>

#include <algorithm>
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

// The values of what was found, and what was expected of its dtype: what is infinite as float16 may not be as float32.
std::vector<double> doubles(const Tensor& t, DType dtype) {
  std::vector<double> v;
  if (t.dtype() == DType::f16)
    for (int64_t i = 0; i < t.numel(); ++i) v.push_back(double(float(t.data<float16>()[i])));
  else
    v = test::doubles(t);
  if (dtype == DType::f16)
    for (double& x : v) x = double(float(float16(float(x))));
  return v;
}

// The largest difference in roundings of the largest finite value; infinite where only one side is NaN or infinite.
double difference(const Tensor& a, const Tensor& b, DType dtype) {
  const std::vector<double> x = doubles(a, dtype), y = doubles(b, dtype);
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

// Where the CPU computes what a row is held to: in float64 what has long sums in float32, in float32 what is float16.
On reference(const KernelCase& row, DType dtype) {
  if (dtype == DType::f16) return {Device::cpu(), DType::f32, dtype};
  return {Device::cpu(), dtype == DType::f32 && row.longest_sum > 0 ? DType::f64 : dtype, dtype};
}

double most_roundings(const KernelCase& row, DType dtype) {
  return dtype == DType::f32 ? std::max(row.roundings, std::sqrt(double(row.longest_sum))) : row.roundings;
}

void hold_row(const KernelCase& row, DType dtype, Device device, bool twice) {
  CAPTURE(std::string(row.kernel));
  CAPTURE(std::string(row.what));
  CAPTURE(std::string(name(dtype)));
  const On cpu = reference(row, dtype);
  const std::vector<Tensor> expected = row.run(cpu);
  const std::vector<Tensor> found = results(row, {device, dtype, dtype}, {1, 0x7FC00000});
  // Other orders of threads and another pattern in memory that nobody has written.
  const std::vector<Tensor> again = twice ? results(row, {device, dtype, dtype}, {2, 0x42F6E979}) : found;
  REQUIRE(found.size() == expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    CAPTURE(i);
    CHECK(same_bits(found[i], again[i]));
    REQUIRE(found[i].shape() == expected[i].shape());
    const DType got = found[i].dtype(), want = expected[i].dtype();
    REQUIRE((got == want || (got == dtype && want == cpu.dtype)));
    if (got == DType::f32 || got == DType::bf16 || got == DType::f16)
      CHECK(difference(found[i], expected[i], got) <= most_roundings(row, dtype));
    else
      CHECK(same_bits(found[i], expected[i]));
  }
}

}  // namespace

void hold_to_cpu(const std::vector<KernelCase>& cases, Device device, bool once) {
  for (const KernelCase& row : cases)
    for (DType dtype : {DType::f32, DType::bf16, DType::f16}) {
      const bool is_cpus_own = row.longest_sum > 0 && device.kind() == Device::Kind::simt;  // it has no float16
      if (dtype == DType::f16 && (is_cpus_own || row.no_f16)) continue;
      if (dtype == DType::f32 || (!row.only_f32 && !once)) hold_row(row, dtype, device, !once);
    }
}

}  // namespace sil
