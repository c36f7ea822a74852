// The GPU itself, and who watches it.
#pragma once

namespace sil {

// Throws an Error that says why there is no such GPU to be used: no CUDA in this build, no driver, no GPU, fewer of
// them.
void open_cuda_device(int index);

// A range of a profiler's timeline, as tensor/range.h's; nothing without CUDA.
void push_range(const char* name);
void pop_range();

}  // namespace sil
