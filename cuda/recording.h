// Recorded work of Device::simt(): launches, copies, convolutions and products, kept as functions and called again by a
// replay, with the arguments of the first time, as a CUDA graph's nodes are.
#pragma once
#include <functional>

#include "tensor/kernels.h"

namespace sil::simt {

bool is_recording();  // on this thread
void write_down(std::function<void()> work);

// The table with its entries for recording; what it had of work is written down meanwhile, uploads and downloads fail.
void add_recording(Kernels&);

}  // namespace sil::simt
