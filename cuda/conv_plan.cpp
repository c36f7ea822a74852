#include "cuda/conv_plan.h"

#include <algorithm>
#include <array>
#include <tuple>

namespace sil::cuda {
namespace {

using Kind = ConvProblem::Kind;

// Tensors by their names in a plan.
enum Id : int64_t { kX = 'x', kW = 'w', kY = 'y', kSkip = 's', kBias = 'b', kBetween = 1000 };

cudnnDataType_t type_of(DType t) {
  switch (t) {
    case DType::f32:
      return CUDNN_DATA_FLOAT;
    case DType::bf16:
      return CUDNN_DATA_BFLOAT16;
    case DType::f16:
      return CUDNN_DATA_HALF;
    default:
      fail("conv2d: {} is for the CPU; float32, bfloat16 or float16 expected on a GPU", name(t));
  }
}

using Four = std::array<int64_t, 4>;  // N, C, H, W

Four four(const int (&v)[4]) { return {v[0], v[1], v[2], v[3]}; }

// Tensors of one dtype and alignment.
struct TensorMaker {
  cudnnDataType_t type;
  int64_t alignment;

  Descriptor operator()(int64_t id, const Nchw& t) const { return made(id, type, four(t.extent), four(t.step)); }
  // w [K, C, kH, kW] as K, kH, kW, C.
  Descriptor filter(const int (&w)[4]) const {
    return made(kW, type, four(w), {int64_t(w[1]) * w[2] * w[3], 1, int64_t(w[3]) * w[1], w[1]});
  }
  Descriptor of_channels(int64_t id, int64_t channels) const {
    return made(id, type, {1, channels, 1, 1}, {channels, 1, channels, channels});
  }
  // float32 on its way to the next operation, never stored.
  Descriptor in_between(int64_t id, const Nchw& t) const {
    const bool yes = true;
    Descriptor d = begun(id, CUDNN_DATA_FLOAT, four(t.extent), four(t.step), 16);
    d.set(CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, 1, &yes);
    d.finalize();
    return d;
  }

 private:
  Descriptor made(int64_t id, cudnnDataType_t dtype, const Four& extent, const Four& step) const {
    Descriptor d = begun(id, dtype, extent, step, alignment);
    d.finalize();
    return d;
  }
  static Descriptor begun(int64_t id, cudnnDataType_t dtype, const Four& extent, const Four& step, int64_t bytes) {
    Descriptor d(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
    d.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, id);
    d.set(CUDNN_ATTR_TENSOR_DATA_TYPE, dtype);
    d.set(CUDNN_ATTR_TENSOR_DIMENSIONS, extent);
    d.set(CUDNN_ATTR_TENSOR_STRIDES, step);
    d.set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, bytes);
    return d;
  }
};

Descriptor geometry(const ConvShapes& s) {
  const int64_t padding[] = {s.padding, s.padding}, stride[] = {s.stride, s.stride};
  const int64_t dilation[] = {s.dilation, s.dilation};
  const cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION;
  Descriptor g(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  g.set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_DATA_FLOAT);
  g.set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, 1, &mode);
  g.set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, 2);
  g.set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, padding);
  g.set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, padding);
  g.set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, stride);
  g.set(CUDNN_ATTR_CONVOLUTION_DILATIONS, dilation);
  g.finalize();
  return g;
}

// What cuDNN calls the same thing in each kind of convolution.
struct Names {
  cudnnBackendDescriptorType_t operation;
  cudnnBackendAttributeName_t geometry, alpha, beta, x, w, y;
};
Names names_of(Kind kind) {
  switch (kind) {
    case Kind::forward:
      return {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y};
    case Kind::backward_input:
      return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY};
    case Kind::backward_weight:
      break;
  }
  return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY};
}

Descriptor convolution(const ConvProblem& p, const Descriptor& x, const Descriptor& w, const Descriptor& y) {
  const Names n = names_of(p.kind);
  const float one = 1, zero = 0;
  Descriptor c(n.operation);
  c.set(n.geometry, geometry(p.shapes));
  c.set(n.alpha, CUDNN_TYPE_FLOAT, 1, &one);
  c.set(n.beta, CUDNN_TYPE_FLOAT, 1, &zero);
  c.set(n.x, x), c.set(n.w, w), c.set(n.y, y);
  c.finalize();
  return c;
}

// to = mode(from, with), in float32.
Descriptor pointwise(cudnnPointwiseMode_t mode, const Descriptor& from, const Descriptor* with, const Descriptor& to) {
  Descriptor how(CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
  how.set(CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, 1, &mode);
  how.set(CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_DATA_FLOAT);
  how.finalize();
  Descriptor p(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
  p.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, how);
  p.set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, from);
  if (with) p.set(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, *with);
  p.set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, to);
  p.finalize();
  return p;
}

// The operations one after another: a convolution, then what follows it.  cuDNN's engines know skip, bias, ReLU in this
// order, and none that begins with the bias.
std::vector<Descriptor> operations(const ConvProblem& p) {
  const TensorMaker tensor{type_of(p.dtype), p.alignment};
  const ConvShapes& s = p.shapes;
  int left = p.skip + p.bias + p.relu;
  const auto next = [&] { return left ? tensor.in_between(kBetween + left, s.y) : tensor(kY, s.y); };
  Descriptor last = next();
  std::vector<Descriptor> steps;
  steps.push_back(convolution(p, tensor(kX, s.x), tensor.filter(s.w), last));
  const auto follow = [&](cudnnPointwiseMode_t mode, const Descriptor* with) {
    --left;
    Descriptor to = next();
    steps.push_back(pointwise(mode, last, with, to));
    last = std::move(to);
  };
  const Descriptor skip = tensor(kSkip, s.y), bias = tensor.of_channels(kBias, s.w[0]);
  if (p.skip) follow(CUDNN_POINTWISE_ADD, &skip);
  if (p.bias) follow(CUDNN_POINTWISE_ADD, &bias);
  if (p.relu) follow(CUDNN_POINTWISE_RELU_FWD, nullptr);
  return steps;
}

std::optional<Descriptor> graph_of(const std::vector<Descriptor>& steps, const ConvGpu& gpu, std::string& refusal) {
  std::vector<cudnnBackendDescriptor_t> list;
  for (const Descriptor& step : steps) list.push_back(step.get());
  Descriptor graph(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  if (gpu.handle) graph.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, 1, &gpu.handle);
  graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, int64_t(list.size()), list.data());
  if (!graph.try_to_finalize(refusal)) return std::nullopt;
  return graph;
}

// Configurations of engines, best first.
std::vector<Descriptor> proposals(const Descriptor& graph, const ConvGpu& gpu, cudnnBackendHeurMode_t mode,
                                  std::string& refusal) {
  Descriptor heuristics(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  heuristics.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
  heuristics.set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, &mode);
  if (gpu.properties) heuristics.set(CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, *gpu.properties);
  if (!heuristics.try_to_finalize(refusal)) return {};
  return heuristics.descriptors(CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
}

std::vector<cudnnBackendNumericalNote_t> notes_of(const Descriptor& engine) {
  std::vector<cudnnBackendNumericalNote_t> notes(CUDNN_NUMERICAL_NOTE_TYPE_COUNT);
  int64_t count = 0;
  cudnn().check("notes of an engine",
                cudnn().get_attribute(engine.get(), CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE,
                                      int64_t(notes.size()), &count, notes.data()));
  notes.resize(std::min(notes.size(), size_t(count)));
  return notes;
}

bool is_allowed(const ConvProblem& p, cudnnBackendNumericalNote_t note) {
  const bool exact = p.dtype == DType::f32 && !p.tf32;
  switch (note) {
    case CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC:
    case CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION:
      return false;
    case CUDNN_NUMERICAL_NOTE_TENSOR_CORE:
    case CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS:
      return !exact;
    default:
      return true;
  }
}

std::optional<ConvPlan> plan_of(const ConvProblem& p, Descriptor config, const ConvGpu& gpu, std::string& refusal) {
  const std::vector<Descriptor> engine =
      config.descriptors(CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_BACKEND_ENGINE_DESCRIPTOR);
  if (engine.empty()) {
    refusal = "it has no engine";
    return std::nullopt;
  }
  std::vector<cudnnBackendNumericalNote_t> notes = notes_of(engine[0]);
  for (const auto note : notes)
    if (!is_allowed(p, note)) {
      refusal = note == CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC              ? "it does not give the same bits each time"
                : note == CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION ? "it rounds sums"
                                                                           : "it rounds operands";
      return std::nullopt;
    }
  Descriptor plan(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
  if (gpu.handle) plan.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, 1, &gpu.handle);
  if (gpu.properties) plan.set(CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, *gpu.properties);
  plan.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, config);
  if (!plan.try_to_finalize(refusal)) return std::nullopt;
  const auto workspace = size_t(plan.integer(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE));
  if (workspace > gpu.most_workspace) {
    refusal = fmt::format("it wants {} bytes to work in, of {}", workspace, gpu.most_workspace);
    return std::nullopt;
  }
  ConvPlan made{std::move(plan), {}, workspace, std::move(notes)};
  made.parts.push_back(std::move(config));
  return made;
}

}  // namespace

bool operator<(const ConvProblem& a, const ConvProblem& b) {
  const auto key = [](const ConvProblem& p) {
    return std::tie(p.kind, p.dtype, p.skip, p.bias, p.relu, p.alignment, p.tf32, p.shapes);
  };
  return key(a) < key(b);
}

std::string ConvProblem::str() const {
  const char* kinds[] = {"conv2d", "conv2d_backward_input", "conv2d_backward_weight"};
  const ConvShapes& s = shapes;
  return fmt::format("{} of {}, x {} x {} x {} x {} and w {} x {} x {} x {} (N, C, H, W), stride {}, padding {}",
                     kinds[int(kind)], name(dtype), s.x.extent[0], s.x.extent[1], s.x.extent[2], s.x.extent[3], s.w[0],
                     s.w[1], s.w[2], s.w[3], s.stride, s.padding);
}

std::optional<ConvPlan> plan_convolution(const ConvProblem& p, const ConvGpu& gpu, std::string& refusal) {
  refusal = "it proposes none";
  std::vector<Descriptor> steps = operations(p);
  std::optional<Descriptor> graph = graph_of(steps, gpu, refusal);
  if (!graph) return std::nullopt;
  // The second list is of what works where nothing is fast: for a lone convolution.
  const bool alone = !p.skip && !p.bias && !p.relu;
  for (const cudnnBackendHeurMode_t mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK}) {
    if (mode == CUDNN_HEUR_MODE_FALLBACK && !alone) break;
    for (Descriptor& config : proposals(*graph, gpu, mode, refusal)) {
      std::optional<ConvPlan> plan = plan_of(p, std::move(config), gpu, refusal);
      if (!plan) continue;
      for (Descriptor& step : steps) plan->parts.push_back(std::move(step));
      plan->parts.push_back(std::move(*graph));
      return plan;
    }
  }
  return std::nullopt;
}

void execute(cudnnHandle_t handle, const ConvPlan& plan, const ConvTensors& t, void* workspace) {
  std::vector<int64_t> ids = {kX, kW, kY};
  std::vector<const void*> places = {t.x, t.w, t.y};
  if (t.skip) ids.push_back(kSkip), places.push_back(t.skip);
  if (t.bias) ids.push_back(kBias), places.push_back(t.bias);
  Descriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, ids);
  pack.set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, int64_t(places.size()), places.data());
  pack.set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1, &workspace);
  pack.finalize();
  cudnn().check("convolution", cudnn().execute(handle, plan.plan.get(), pack.get()));
}

}  // namespace sil::cuda
