// What cuDNN would do on GPUs that need not be here: from their properties it says which engine, or that it has none.
// Nothing is computed; that the shapes are the right ones is dense_shapes_test.cpp's to show.
#include "cuda/conv_plan.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "tests/folder.h"

using namespace sil;
using cuda::ConvPlan;
using cuda::ConvProblem;
using cuda::Descriptor;
using Kind = ConvProblem::Kind;

namespace {

// A GPU's properties, as cuDNN writes them down: what differs between two of NVIDIA's generations.
struct Properties {
  const char* name;
  int version, multiprocessors, clock_khz, memory_clock_khz;
  int shared_bytes, l2_bytes;  // the most of a block, if asked for; of the GPU
};
constexpr Properties kH100{"NVIDIA H100 80GB HBM3", 900, 132, 1980000, 2619000, 232448, 52428800};
constexpr Properties kA100{"NVIDIA A100-SXM4-80GB", 800, 108, 1410000, 1593000, 166912, 41943040};

Descriptor gpu(const Properties& p) {
  const std::string json = fmt::format(
      R"({{"deviceVer":{},"cudaDeviceId":0,"driverVer":13000,"totalGlobalMem":85017493504,)"
      R"("maxGridSize":[2147483647,65535,65535],"maxBlockSize":[1024,1024,64],"regsPerBlock":65536,)"
      R"("multiProcessorCount":{},"warpSize":32,"maxSharedMemoryPerBlock":49152,"maxSharedMemoryPerBlockOptin":{},)"
      R"("reservedSharedMemoryPerBlock":1024,"maxRegistersPerSM":65536,"maxCtasPerSM":32,"maxThreadsPerBlock":1024,)"
      R"("maxThreadsPerSM":2048,"pciDeviceId":0,"isTccDriver":0,"supportCoopLaunch":1,"smClockRateKHz":{},)"
      R"("memClockRateKHz":{},"l2CacheSize":{},"deviceName":"{}"}})",
      p.version, p.multiprocessors, p.shared_bytes, p.clock_khz, p.memory_clock_khz, p.l2_bytes, p.name);
  Descriptor d(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
  d.set(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR, int64_t(json.size()), json.data());
  d.finalize();
  return d;
}

struct Layer {
  const char* name;
  int n, c, h, w, k, kernel, stride, padding, dilation = 1;
};
// ResNet-50-FPN's Mask R-CNN on 8 photos of 800 x 1344, 128 positive RoIs each, 91 classes.
constexpr Layer kLayers[] = {{"stem", 8, 3, 800, 1344, 64, 7, 2, 3},
                             {"layer1, 1 x 1", 8, 64, 200, 336, 256, 1, 1, 0},
                             {"layer2, stride", 8, 128, 200, 336, 128, 3, 2, 1},
                             {"layer4, shortcut", 8, 1024, 50, 84, 2048, 1, 2, 0},
                             {"pyramid", 8, 256, 200, 336, 256, 3, 1, 1},
                             {"objectness", 8, 256, 200, 336, 3, 1, 1, 0},
                             {"p6's deltas", 8, 256, 13, 21, 12, 1, 1, 0},
                             {"mask head", 1024, 256, 14, 14, 256, 3, 1, 1},
                             {"deconvolution", 1024, 256, 28, 28, 256, 2, 2, 0},
                             {"masks", 1024, 256, 28, 28, 91, 1, 1, 0}};
constexpr Layer kStem = kLayers[0], kPyramid = kLayers[4], kOdd = {"odd channels", 2, 5, 17, 13, 7, 3, 1, 1},
                kDilated = {"dilated", 2, 16, 17, 13, 8, 3, 1, 2, 2};

ConvProblem problem(const Layer& l, DType dtype, Kind kind) {
  const int reach = l.dilation * (l.kernel - 1) + 1;
  const int h = (l.h + 2 * l.padding - reach) / l.stride + 1, w = (l.w + 2 * l.padding - reach) / l.stride + 1;
  const auto nhwc = [](int n, int c, int height, int width) {
    return cuda::Nchw{{n, c, height, width}, {height * width * c, 1, width * c, c}};
  };
  return {
      kind,
      {nhwc(l.n, l.c, l.h, l.w), nhwc(l.n, l.k, h, w), {l.k, l.c, l.kernel, l.kernel}, l.padding, l.stride, l.dilation},
      dtype};
}

// The gradients, and forward alone and with a bias and each of what may go with it.
std::vector<ConvProblem> all_of(const Layer& l, DType dtype, int alignment = 16) {
  std::vector<ConvProblem> all(5, problem(l, dtype, Kind::forward));
  for (size_t i = 1; i < 5; ++i) {
    all[i].bias = true;
    all[i].relu = i & 1;
    all[i].skip = i & 2;
  }
  for (Kind kind : {Kind::backward_input, Kind::backward_weight}) all.push_back(problem(l, dtype, kind));
  for (ConvProblem& p : all) p.alignment = alignment;
  return all;
}

bool has(const ConvPlan& plan, cudnnBackendNumericalNote_t note) {
  return std::find(plan.notes.begin(), plan.notes.end(), note) != plan.notes.end();
}

void expect_plans(const std::vector<ConvProblem>& problems, const Descriptor& properties) {
  for (const ConvProblem& p : problems) {
    CAPTURE(p.str());
    CAPTURE(p.bias);
    CAPTURE(p.skip);
    CAPTURE(p.relu);
    std::string refusal;
    const auto plan = plan_convolution(p, {nullptr, &properties}, refusal);
    REQUIRE_MESSAGE(plan.has_value(), refusal);
    CHECK(plan->workspace <= cuda::kMostWorkspace);
    CHECK(!has(*plan, CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC));
    CHECK(!has(*plan, CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION));
    CHECK((p.dtype != DType::f32 || !has(*plan, CUDNN_NUMERICAL_NOTE_TENSOR_CORE)));
  }
}

}  // namespace

TEST_CASE("conv_plan: cuDNN has an engine for each layer's forward, with what follows it, and backward") {
  const Descriptor h100 = gpu(kH100), a100 = gpu(kA100);
  for (DType t : {DType::bf16, DType::f16, DType::f32}) {
    for (const Layer& l : kLayers) expect_plans(all_of(l, t), h100);
    for (const Layer& l : {kOdd, kDilated}) expect_plans(all_of(l, t), h100);
    for (const Layer& l : {kStem, kPyramid}) expect_plans(all_of(l, t), a100);
  }
}

TEST_CASE("conv_plan: tensors that begin at any element") {
  const Descriptor h100 = gpu(kH100);
  for (const Layer& l : {kOdd, kPyramid})
    for (DType t : {DType::bf16, DType::f16, DType::f32}) expect_plans(all_of(l, t, int(size_of(t))), h100);
}

TEST_CASE("conv_plan: float32 goes to tensor cores where TF32 is allowed alone") {
  const Descriptor h100 = gpu(kH100);
  for (ConvProblem p : all_of(kPyramid, DType::f32)) {
    p.tf32 = true;
    std::string refusal;
    const auto plan = plan_convolution(p, {nullptr, &h100}, refusal);
    REQUIRE_MESSAGE(plan.has_value(), refusal);
    CHECK(has(*plan, CUDNN_NUMERICAL_NOTE_TENSOR_CORE));
  }
}

TEST_CASE("conv_plan: what cuDNN does not do is no plan, and what it is not for an Error") {
  const Descriptor h100 = gpu(kH100);
  ConvProblem p = problem(kPyramid, DType::f32, Kind::forward);
  p.relu = true;  // without a bias before it
  std::string refusal;
  CHECK(!plan_convolution(p, {nullptr, &h100}, refusal).has_value());
  CHECK(refusal == "it proposes none");
  CHECK(test::error_of([&] {
          plan_convolution(problem(kOdd, DType::f64, Kind::forward), {nullptr, &h100}, refusal);
        }) == "conv2d: float64 is for the CPU; float32, bfloat16 or float16 expected on a GPU");
  CHECK(problem(kOdd, DType::bf16, Kind::backward_input).str() ==
        "conv2d_backward_input of bfloat16, x 2 x 5 x 17 x 13 and w 7 x 5 x 3 x 3 (N, C, H, W), stride 1, padding 1");
}
