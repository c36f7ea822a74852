// What goes wrong with GPUs, planted into Device::simt(): tests of what a program does then.
#pragma once
#include <cstddef>
#include <cstdint>
#include <limits>

#include "tensor/kernels.h"

namespace sil::simt {

struct BadLuck {
  size_t memory = std::numeric_limits<size_t>::max();  // how much the device has beyond what is allocated now, in bytes
  // So many launches, copies and allocations succeed; the next fails and, as after a fault on a GPU, all that follow.
  int64_t good_calls = std::numeric_limits<int64_t>::max();
};
void set_bad_luck(BadLuck);
int64_t calls_since_then();    // launches, copies and allocations
int64_t uploads_since_then();  // copies from the host, and to it; it waits for the latter alone
int64_t downloads_since_then();

// From now on device memory is beyond the host's reach, as a GPU's is, but while a kernel, a copy, a convolution or a
// product runs: what the host reads or writes there ends with SIGSEGV.  What is allocated already stays as it is. Slow,
// until false lets the host at all of it again.
void guard_memory(bool);

// While it lives, a kernel runs.
struct DeviceWork {
  DeviceWork();
  ~DeviceWork();
  DeviceWork(const DeviceWork&) = delete;
};

// Throws an Error, as a failing call of CUDA does, once the good calls are used up.
void count_call(const char* what);

// The table's memory and copies, which then run out, or fail; its convolutions and products are let at guarded memory.
Kernels unlucky(Kernels);

}  // namespace sil::simt
