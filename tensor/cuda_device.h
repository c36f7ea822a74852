// The GPU itself.
#pragma once

namespace sil {

// Throws an Error that says why there is no such GPU to be used: no CUDA in this build, no driver, no GPU, fewer of
// them.
void open_cuda_device(int index);

}  // namespace sil
