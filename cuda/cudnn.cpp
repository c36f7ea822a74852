// Convolutions by cuDNN, NHWC, summed in float32; TF32 is off.  Only deterministic algorithms, chosen once for each
// shape by cuDNN's heuristics.  A transposed convolution is the gradient of a convolution's input, and its gradients
// are that convolution and its gradient of the weights.  cuDNN 9 calls these functions deprecated and keeps them.
#include <cudnn.h>

#include <map>

#include "cuda/dense_shapes.h"
#include "cuda/library.h"
#include "cuda/queue.h"
#include "cuda/shared_library.h"
#include "tensor/check.h"

namespace sil::cuda {
namespace {

struct Cudnn {
  SharedLibrary library{"cuDNN", fmt::format("libcudnn.so.{}", CUDNN_MAJOR)};
  decltype(&cudnnGetErrorString) text = library.function("cudnnGetErrorString");
  decltype(&cudnnCreate) create = library.function("cudnnCreate");
  decltype(&cudnnSetStream) set_stream = library.function("cudnnSetStream");
  decltype(&cudnnCreateTensorDescriptor) create_tensor = library.function("cudnnCreateTensorDescriptor");
  decltype(&cudnnSetTensorNdDescriptor) set_tensor = library.function("cudnnSetTensorNdDescriptor");
  decltype(&cudnnDestroyTensorDescriptor) destroy_tensor = library.function("cudnnDestroyTensorDescriptor");
  decltype(&cudnnCreateFilterDescriptor) create_filter = library.function("cudnnCreateFilterDescriptor");
  decltype(&cudnnSetFilterNdDescriptor) set_filter = library.function("cudnnSetFilterNdDescriptor");
  decltype(&cudnnDestroyFilterDescriptor) destroy_filter = library.function("cudnnDestroyFilterDescriptor");
  decltype(&cudnnCreateConvolutionDescriptor) create_convolution = library.function("cudnnCreateConvolutionDescriptor");
  decltype(&cudnnSetConvolution2dDescriptor) set_convolution = library.function("cudnnSetConvolution2dDescriptor");
  decltype(&cudnnSetConvolutionMathType) set_math = library.function("cudnnSetConvolutionMathType");
  decltype(&cudnnDestroyConvolutionDescriptor) destroy_convolution =
      library.function("cudnnDestroyConvolutionDescriptor");
  decltype(&cudnnGetConvolutionForwardAlgorithm_v7) forward_algorithms =
      library.function("cudnnGetConvolutionForwardAlgorithm_v7");
  decltype(&cudnnConvolutionForward) forward = library.function("cudnnConvolutionForward");
  decltype(&cudnnGetConvolutionBackwardDataAlgorithm_v7) data_algorithms =
      library.function("cudnnGetConvolutionBackwardDataAlgorithm_v7");
  decltype(&cudnnConvolutionBackwardData) backward_data = library.function("cudnnConvolutionBackwardData");
  decltype(&cudnnGetConvolutionBackwardFilterAlgorithm_v7) filter_algorithms =
      library.function("cudnnGetConvolutionBackwardFilterAlgorithm_v7");
  decltype(&cudnnConvolutionBackwardFilter) backward_filter = library.function("cudnnConvolutionBackwardFilter");
  cudnnHandle_t handle;

  Cudnn() { check("create", create(&handle)); }

  void check(const char* what, cudnnStatus_t status) const {
    sil::check(status == CUDNN_STATUS_SUCCESS, "cudnn: {}: {}", what, text(status));
  }
};

const Cudnn& cudnn() {
  static const auto& made = *new Cudnn;
  return made;
}

// The same, its work going to the stream.
const Cudnn& cudnn(Stream s) {
  const Cudnn& c = cudnn();
  c.check("stream", c.set_stream(c.handle, queue(s)));
  return c;
}

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

// cuDNN's descriptors of one convolution.
struct Descriptors {
  cudnnTensorDescriptor_t x, y;
  cudnnFilterDescriptor_t w;
  cudnnConvolutionDescriptor_t conv;

  Descriptors(const ConvShapes& s, DType dtype) {
    const Cudnn& c = cudnn();
    const cudnnDataType_t type = type_of(dtype);
    c.check("create", c.create_tensor(&x));
    c.check("create", c.create_tensor(&y));
    c.check("create", c.create_filter(&w));
    c.check("create", c.create_convolution(&conv));
    c.check("x", c.set_tensor(x, type, 4, s.x.extent, s.x.step));
    c.check("y", c.set_tensor(y, type, 4, s.y.extent, s.y.step));
    c.check("w", c.set_filter(w, type, CUDNN_TENSOR_NHWC, 4, s.w));
    c.check("convolution", c.set_convolution(conv, s.padding, s.padding, s.stride, s.stride, s.dilation, s.dilation,
                                             CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT));
    c.check("math", c.set_math(conv, dtype == DType::f32 ? CUDNN_FMA_MATH : CUDNN_TENSOR_OP_MATH));
  }
  Descriptors(const Descriptors&) = delete;
  ~Descriptors() {
    const Cudnn& c = cudnn();
    c.destroy_tensor(x);
    c.destroy_tensor(y);
    c.destroy_filter(w);
    c.destroy_convolution(conv);
  }
};

constexpr size_t kMostWorkspace = size_t(1) << 30;

template <class Algorithm>
struct Choice {
  Algorithm algorithm;
  cudnnMathType_t math;
  size_t workspace;
};

// Tensor cores would round float32 operands to TF32.
bool is_allowed(DType dtype, cudnnMathType_t math) {
  return dtype != DType::f32 || math == CUDNN_FMA_MATH || math == CUDNN_DEFAULT_MATH;
}

// The first deterministic one of cuDNN's proposals, best first; `get` asks for them.
template <class Perf, class Get>
Choice<decltype(Perf::algo)> first_allowed(const char* what, const ConvShapes& s, DType dtype, Get get) {
  Perf proposals[16];
  int count = 0;
  cudnn().check(what, get(16, &count, proposals));
  for (int i = 0; i < count; ++i)
    if (proposals[i].status == CUDNN_STATUS_SUCCESS && proposals[i].determinism == CUDNN_DETERMINISTIC &&
        proposals[i].memory <= kMostWorkspace && is_allowed(dtype, proposals[i].mathType))
      return {proposals[i].algo, dtype == DType::f32 ? CUDNN_FMA_MATH : proposals[i].mathType, proposals[i].memory};
  fail("cudnn: {}: no deterministic algorithm for x {} x {} x {} x {} and w {} x {} x {} x {} (N, C, H, W)", what,
       s.x.extent[0], s.x.extent[1], s.x.extent[2], s.x.extent[3], s.w[0], s.w[1], s.w[2], s.w[3]);
}

// Asks once for each shape, and sets the convolution to the chosen algorithm's math.
template <class Perf, class Get>
auto choose(const char* what, const ConvShapes& s, DType dtype, const Descriptors& d, Get get) {
  static auto& chosen = *new std::map<std::pair<ConvShapes, DType>, Choice<decltype(Perf::algo)>>;
  auto known = chosen.find({s, dtype});
  if (known == chosen.end()) known = chosen.insert({{s, dtype}, first_allowed<Perf>(what, s, dtype, get)}).first;
  cudnn().check("math", cudnn().set_math(d.conv, known->second.math));
  return known->second;
}

const float kOne = 1, kZero = 0;

void forward(Stream stream, const ConvShapes& s, In x, In w, Out y, Scratch& scratch) {
  const Descriptors d(s, y.dtype());
  const Cudnn& c = cudnn(stream);
  const auto choice =
      choose<cudnnConvolutionFwdAlgoPerf_t>("conv2d", s, y.dtype(), d, [&](int most, int* count, auto* out) {
        return c.forward_algorithms(c.handle, d.x, d.w, d.conv, d.y, most, count, out);
      });
  c.check("conv2d", c.forward(c.handle, &kOne, d.x, x.raw(), d.w, w.raw(), d.conv, choice.algorithm,
                              scratch.take(choice.workspace), choice.workspace, &kZero, d.y, y.raw()));
}

void backward_input(Stream stream, const ConvShapes& s, In dy, In w, Out dx, Scratch& scratch) {
  const Descriptors d(s, dx.dtype());
  const Cudnn& c = cudnn(stream);
  const auto choice = choose<cudnnConvolutionBwdDataAlgoPerf_t>(
      "conv2d_backward_input", s, dx.dtype(), d, [&](int most, int* count, auto* out) {
        return c.data_algorithms(c.handle, d.w, d.y, d.conv, d.x, most, count, out);
      });
  c.check("conv2d_backward_input",
          c.backward_data(c.handle, &kOne, d.w, w.raw(), d.y, dy.raw(), d.conv, choice.algorithm,
                          scratch.take(choice.workspace), choice.workspace, &kZero, d.x, dx.raw()));
}

void backward_weight(Stream stream, const ConvShapes& s, In dy, In x, Out dw, Scratch& scratch) {
  const Descriptors d(s, dw.dtype());
  const Cudnn& c = cudnn(stream);
  const auto choice = choose<cudnnConvolutionBwdFilterAlgoPerf_t>(
      "conv2d_backward_weight", s, dw.dtype(), d, [&](int most, int* count, auto* out) {
        return c.filter_algorithms(c.handle, d.x, d.y, d.conv, d.w, most, count, out);
      });
  c.check("conv2d_backward_weight",
          c.backward_filter(c.handle, &kOne, d.x, x.raw(), d.y, dy.raw(), d.conv, choice.algorithm,
                            scratch.take(choice.workspace), choice.workspace, &kZero, d.w, dw.raw()));
}

}  // namespace

void open_cudnn() { cudnn(); }

void conv2d(Stream s, In x, In w, In bias, In skip, bool relu, Out y, Conv2dGeom g, Scratch& scratch) {
  if (y.numel() == 0) return;
  forward(s, conv_shapes(x, w, y, g), x, w, y, scratch);
  epilogue(s, bias, skip, relu, y);
}
void conv2d_backward_input(Stream s, In dy, In w, Out dx, Conv2dGeom g, Scratch& scratch) {
  if (dx.numel() == 0) return;
  backward_input(s, conv_shapes(dx, w, dy, g), dy, w, dx, scratch);
}
void conv2d_backward_weight(Stream s, In dy, In x, Out dw, Conv2dGeom g, Scratch& scratch) {
  if (dy.numel() == 0) return fill(s, 0, dw);
  backward_weight(s, conv_shapes(x, dw, dy, g), dy, x, dw, scratch);
}

void conv_transpose2d(Stream s, In x, In w, In bias, bool relu, Out y, int stride, Scratch& scratch) {
  if (y.numel() == 0) return;
  backward_input(s, conv_transpose_shapes(x, w, y, stride), x, w, y, scratch);
  epilogue(s, bias, {}, relu, y);
}
void conv_transpose2d_backward_input(Stream s, In dy, In w, Out dx, int stride, Scratch& scratch) {
  if (dx.numel() == 0) return;
  forward(s, conv_transpose_shapes(dx, w, dy, stride), dy, w, dx, scratch);
}
void conv_transpose2d_backward_weight(Stream s, In dy, In x, Out dw, int stride, Scratch& scratch) {
  if (dy.numel() == 0) return fill(s, 0, dw);
  backward_weight(s, conv_transpose_shapes(x, dw, dy, stride), x, dy, dw, scratch);
}

}  // namespace sil::cuda
