// Convolutions by cuDNN, a plan for each shape (conv_plan.h), kept.  A transposed convolution is the gradient of a
// convolution's input, and its gradients are that convolution and its gradient of the weights.
#include <algorithm>
#include <map>

#include "cuda/conv_plan.h"
#include "cuda/library.h"
#include "cuda/queue.h"
#include "cuda/tf32.h"

namespace sil::cuda {
namespace {

using Kind = ConvProblem::Kind;

cudnnHandle_t handle() {
  static const cudnnHandle_t made = [] {
    cudnnHandle_t h = nullptr;
    cudnn().check("create", cudnn().create(&h));
    cudnn().check("stream", cudnn().set_stream(h, queue({})));  // plans are made on it too
    return h;
  }();
  return made;
}

// At most a sixteenth of the GPU's memory.
size_t most_workspace() {
  size_t free = 0, total = 0;
  memory(free, total);
  return std::min(kMostWorkspace, total / 16);
}

// A plan, or why there is none.
struct Planned {
  std::string refusal;
  std::optional<ConvPlan> plan;

  explicit Planned(const ConvProblem& p) : plan(plan_convolution(p, {handle(), nullptr, most_workspace()}, refusal)) {
    cudaGetLastError();  // of an engine that could not be loaded: the next launch would find it
  }
};

const Planned& known(const ConvProblem& p) {
  static auto& all = *new std::map<ConvProblem, Planned>;
  return all.try_emplace(p, p).first->second;
}

ConvProblem problem(Kind kind, const ConvShapes& s, DType dtype, const ConvTensors& t) {
  const bool skip = t.skip != nullptr, bias = t.bias != nullptr;
  return {kind, s, dtype, skip, bias, false, common_alignment({t.x, t.w, t.y, t.skip, t.bias}), allows_tf32()};
}

void run(Stream s, const ConvPlan& plan, const ConvTensors& t, Scratch& scratch) {
  cudnn().check("stream", cudnn().set_stream(handle(), queue(s)));
  execute(handle(), plan, t, scratch.take(plan.workspace));
}

void run(Stream s, Kind kind, const ConvShapes& shapes, DType dtype, const ConvTensors& t, Scratch& scratch) {
  const ConvProblem p = problem(kind, shapes, dtype, t);
  const Planned& planned = known(p);
  check(planned.plan.has_value(), "cudnn: no engine of its proposals does {}; of the last: {}", p.str(),
        planned.refusal);
  run(s, *planned.plan, t, scratch);
}

}  // namespace

void open_cudnn() {
  constexpr size_t kOldest = 90800;
  check(cudnn().version() >= kOldest, "cudnn: version {} was found; {} or newer expected", cudnn().version(), kOldest);
  handle();
}
size_t cudnn_version() { return cudnn().version(); }

// In one pass over y where cuDNN can: it can where there is a bias.
void conv2d(Stream s, In x, In w, In bias, In skip, bool relu, Out y, Conv2dGeom g, Scratch& scratch) {
  if (y.numel() == 0) return;
  const ConvShapes shapes = conv_shapes(x, w, y, g);
  if (bias.defined()) {
    const ConvTensors all{x.raw(), w.raw(), y.raw(), skip.defined() ? skip.raw() : nullptr, bias.raw()};
    ConvProblem p = problem(Kind::forward, shapes, y.dtype(), all);
    p.relu = relu;
    if (const auto& plan = known(p).plan) return run(s, *plan, all, scratch);
  }
  run(s, Kind::forward, shapes, y.dtype(), {x.raw(), w.raw(), y.raw()}, scratch);
  epilogue(s, bias, skip, relu, y);
}
void conv2d_backward_input(Stream s, In dy, In w, Out dx, Conv2dGeom g, Scratch& scratch) {
  if (dx.numel() == 0) return;
  run(s, Kind::backward_input, conv_shapes(dx, w, dy, g), dx.dtype(), {dx.raw(), w.raw(), dy.raw()}, scratch);
}
void conv2d_backward_weight(Stream s, In dy, In x, Out dw, Conv2dGeom g, Scratch& scratch) {
  if (dy.numel() == 0) return fill(s, 0, dw);
  run(s, Kind::backward_weight, conv_shapes(x, dw, dy, g), dw.dtype(), {x.raw(), dw.raw(), dy.raw()}, scratch);
}

void conv_transpose2d(Stream s, In x, In w, In bias, bool relu, Out y, int stride, Scratch& scratch) {
  if (y.numel() == 0) return;
  run(s, Kind::backward_input, conv_transpose_shapes(x, w, y, stride), y.dtype(), {y.raw(), w.raw(), x.raw()}, scratch);
  epilogue(s, bias, {}, relu, y);
}
void conv_transpose2d_backward_input(Stream s, In dy, In w, Out dx, int stride, Scratch& scratch) {
  if (dx.numel() == 0) return;
  run(s, Kind::forward, conv_transpose_shapes(dx, w, dy, stride), dx.dtype(), {dy.raw(), w.raw(), dx.raw()}, scratch);
}
void conv_transpose2d_backward_weight(Stream s, In dy, In x, Out dw, int stride, Scratch& scratch) {
  if (dy.numel() == 0) return fill(s, 0, dw);
  run(s, Kind::backward_weight, conv_transpose_shapes(x, dw, dy, stride), dw.dtype(), {dy.raw(), dw.raw(), x.raw()},
      scratch);
}

}  // namespace sil::cuda
