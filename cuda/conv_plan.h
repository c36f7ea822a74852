// How cuDNN computes a convolution or a gradient of it: a plan of its graph API, worked out from the shapes and the
// GPU's properties alone, so that a machine without a GPU can ask what another one would do.
#pragma once
#include <optional>
#include <string>

#include "cuda/cudnn_descriptor.h"
#include "cuda/dense_shapes.h"

namespace sil::cuda {

// NHWC, one dtype, summed in float32.
struct ConvProblem {
  enum class Kind { forward, backward_input, backward_weight };
  Kind kind;
  ConvShapes shapes;
  DType dtype;
  // Of forward alone: y = conv(x, w) (+ skip) (+ bias) (then ReLU), rounded once.
  bool skip = false, bias = false, relu = false;
  int alignment = 16;  // bytes that each tensor's address is a multiple of
  bool tf32 = false;   // float32 operands may be rounded to 10 bits of mantissa, for tensor cores

  friend bool operator<(const ConvProblem&, const ConvProblem&);  // in some order
  std::string str() const;
};

// Bytes: with 2 GiB the largest gradients in float32 have slow engines.
constexpr size_t kMostWorkspace = size_t(4) << 30;

// Which GPU: one that is open, or else its properties as cuDNN describes them.
struct ConvGpu {
  cudnnHandle_t handle = nullptr;
  const Descriptor* properties = nullptr;
  size_t most_workspace = kMostWorkspace;
};

struct ConvPlan {
  Descriptor plan;
  std::vector<Descriptor> parts;                   // what it was made of, kept: cuDNN does not say that it copies
  size_t workspace;                                // bytes
  std::vector<cudnnBackendNumericalNote_t> notes;  // what its engine does to numbers
};

// The first of cuDNN's proposals that gives the same bits each time, adds up in float32, takes at most most_workspace
// bytes and rounds no float32 operand unless tf32 says so.  Nothing: `refusal` is why the last was not taken.  A ReLU
// may turn a NaN into 0.
std::optional<ConvPlan> plan_convolution(const ConvProblem&, const ConvGpu&, std::string& refusal);

// On what the problem's letters name: x, w, y and, where there are any, skip and bias, all on the GPU.
struct ConvTensors {
  const void *x, *w, *y, *skip = nullptr, *bias = nullptr;
};
void execute(cudnnHandle_t, const ConvPlan&, const ConvTensors&, void* workspace);

}  // namespace sil::cuda
