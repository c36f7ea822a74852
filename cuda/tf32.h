// Whether products of float32 may round their operands to TF32 (10 bits of mantissa), which tensor cores multiply some
// ten times as fast.  Off unless SIL_TF32=1 asks for it: results of a CPU and of a GPU are compared without.
#pragma once

namespace sil::cuda {

bool parse_tf32(const char* setting);  // of the environment variable, null where there is none; an Error if not 0 or 1
bool allows_tf32();

}  // namespace sil::cuda
