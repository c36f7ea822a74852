// Kernel ladders, as in llm.c's dev/cuda: one problem, solved by several kernels from naive to best.  The best is the
// library's own, called by the table; so what a ladder shows is what the model runs.
//
// The same sources twice: nvcc's, which kernel_ladders checks and times on a GPU, and g++'s, which the tests check at
// small sizes on a machine without one.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "cuda/simt.h"
#include "tensor/tensor.h"

namespace sil {

// small: what fibers do in a moment.  real: what a training step or an evaluation asks for.
enum class LadderSize { small, real };

struct Ladder {
  struct Version {
    const char* what;
    std::function<void()> run;  // holds the tensors that its pointers point into
  };
  double bytes = 0, flop = 0;       // that the problem asks for: its arguments read once, its results written once
  std::vector<Tensor> outputs{};    // where every version leaves its results
  std::vector<Tensor> expected{};   // the CPU's
  std::vector<Version> versions{};  // naive to best
  double roundings = 16;            // how far a float may be off, in roundings of the tensor's largest value
};

// Overwrites the outputs with bytes 0xFF: NaN, -1.
void spoil(const Ladder&);
// What is wrong with the outputs, in one line; empty: nothing.
std::string mistake(const Ladder&);

namespace SIL_GPU {

Ladder roi_align_ladder(Device, LadderSize);
Ladder roi_align_backward_ladder(Device, LadderSize);
Ladder nms_ladder(Device, LadderSize);
Ladder mask_loss_ladder(Device, LadderSize);
Ladder top_k_ladder(Device, LadderSize);
Ladder paste_ladder(Device, LadderSize);

struct LadderMaker {
  const char* name;
  Ladder (*make)(Device, LadderSize);
};
inline std::vector<LadderMaker> ladders() {
  return {{"roi_align", roi_align_ladder},
          {"roi_align_backward", roi_align_backward_ladder},
          {"nms", nms_ladder},
          {"mask_loss", mask_loss_ladder},
          {"top_k", top_k_ladder},
          {"paste", paste_ladder}};
}

}  // namespace SIL_GPU
}  // namespace sil
