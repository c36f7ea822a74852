// What to change when a training step does not fit into memory.
#pragma once
#include <cstdint>
#include <string>

#include "tensor/arena.h"

namespace sil {

// In bytes: `fixed` is what weights, gradients and optimizer state need whatever the batch, `before` what tensors used
// when the step began.  What the step asked for until it failed is taken as what its photos need; where
// that is not known (OutOfMemory::asked is 0), one photo less is advised.
std::string memory_advice(const OutOfMemory&, int64_t fixed, int64_t before, int batch_size);

}  // namespace sil
