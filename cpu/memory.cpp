// Memory on the CPU.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "cpu/cpu.h"

namespace sil::cpu {

void* allocate(size_t bytes) {
  // Large blocks on huge pages where the system gives them: feature maps span thousands of small ones.
  constexpr size_t kHuge = size_t(2) << 20;
  if (bytes < kHuge) return std::aligned_alloc(64, (bytes + 63) / 64 * 64);
  void* p = std::aligned_alloc(kHuge, (bytes + kHuge - 1) / kHuge * kHuge);
  if (p) madvise(p, bytes, MADV_HUGEPAGE);
  return p;
}

void release(void* p) { std::free(p); }

void memory(size_t& free, size_t& total) {
  const size_t page = size_t(sysconf(_SC_PAGESIZE));
  free = page * size_t(sysconf(_SC_AVPHYS_PAGES));
  total = page * size_t(sysconf(_SC_PHYS_PAGES));
}

void upload(Stream, const void* host, void* device, size_t bytes) {
  if (bytes) std::memcpy(device, host, bytes);
}

void download(Stream, const void* device, void* host, size_t bytes) {
  if (bytes) std::memcpy(host, device, bytes);
}

void* begin_download(Stream, const void* device, size_t bytes) {
  void* taken = std::malloc(bytes);
  if (bytes) std::memcpy(taken, device, bytes);
  return taken;
}

void finish_download(void* begun, void* host, size_t bytes) {
  if (host && bytes) std::memcpy(host, begun, bytes);
  std::free(begun);
}

void copy(Stream, In x, Out y) {
  if (x.bytes()) std::memcpy(y.raw(), x.raw(), x.bytes());
}

void fill(Stream, double value, Out y) {
  const auto n = y.numel();
  switch (y.dtype()) {
    case DType::f32:
      std::fill_n(y.data<float>(), n, float(value));
      break;
    case DType::f64:
      std::fill_n(y.data<double>(), n, value);
      break;
    case DType::bf16:
      std::fill_n(y.data<bfloat16>(), n, bfloat16(float(value)));
      break;
    case DType::i32:
      std::fill_n(y.data<int32_t>(), n, int32_t(value));
      break;
    case DType::i64:
      std::fill_n(y.data<int64_t>(), n, int64_t(value));
      break;
    case DType::u8:
      std::fill_n(y.data<uint8_t>(), n, uint8_t(value));
      break;
    case DType::f16:
      break;  // never on the CPU: checked by ops
  }
}

}  // namespace sil::cpu
