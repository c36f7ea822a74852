// Which GPUs there are, and what to say where the one that is wanted cannot be used.
#pragma once
#include <string>

namespace sil::cuda {

struct Census {
  int gpus;             // that the driver shows
  int driver;           // what it supports, as CUDA counts: 12080 is 12.8; 0: there is none
  int runtime;          // what this build needs
  int capability = 90;  // of the GPU that is wanted, if it is there: 90 is 9.0
};

// Why cuda:`index` cannot be used; empty if it can.
std::string problem(const Census&, int index);

}  // namespace sil::cuda
