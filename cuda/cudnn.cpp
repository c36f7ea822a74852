// Convolutions by cuDNN, NHWC, summed in float32; TF32 is off.  Only deterministic algorithms, chosen once for each
// shape by cuDNN's heuristics.  A transposed convolution is the gradient of a convolution's input, and its gradients
// are that convolution and its gradient of the weights.  cuDNN 9 calls these functions deprecated and keeps them.
#include <cudnn.h>

#include <map>

#include "cuda/dense_shapes.h"
#include "cuda/library.h"
#include "tensor/check.h"

namespace sil::cuda {
namespace {

void check_cudnn(const char* what, cudnnStatus_t status) {
  check(status == CUDNN_STATUS_SUCCESS, "cudnn: {}: {}", what, cudnnGetErrorString(status));
}

cudnnHandle_t handle(Stream s) {
  static cudnnHandle_t h = [] {
    cudnnHandle_t made;
    check_cudnn("create", cudnnCreate(&made));
    return made;
  }();
  check_cudnn("stream", cudnnSetStream(h, static_cast<cudaStream_t>(s.handle)));
  return h;
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
    const cudnnDataType_t type = type_of(dtype);
    check_cudnn("create", cudnnCreateTensorDescriptor(&x));
    check_cudnn("create", cudnnCreateTensorDescriptor(&y));
    check_cudnn("create", cudnnCreateFilterDescriptor(&w));
    check_cudnn("create", cudnnCreateConvolutionDescriptor(&conv));
    check_cudnn("x", cudnnSetTensorNdDescriptor(x, type, 4, s.x.extent, s.x.step));
    check_cudnn("y", cudnnSetTensorNdDescriptor(y, type, 4, s.y.extent, s.y.step));
    check_cudnn("w", cudnnSetFilterNdDescriptor(w, type, CUDNN_TENSOR_NHWC, 4, s.w));
    check_cudnn("convolution",
                cudnnSetConvolution2dDescriptor(conv, s.padding, s.padding, s.stride, s.stride, s.dilation, s.dilation,
                                                CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT));
    check_cudnn("math", cudnnSetConvolutionMathType(conv, dtype == DType::f32 ? CUDNN_FMA_MATH : CUDNN_TENSOR_OP_MATH));
  }
  Descriptors(const Descriptors&) = delete;
  ~Descriptors() {
    cudnnDestroyTensorDescriptor(x);
    cudnnDestroyTensorDescriptor(y);
    cudnnDestroyFilterDescriptor(w);
    cudnnDestroyConvolutionDescriptor(conv);
  }
};

constexpr size_t kMostWorkspace = size_t(1) << 30;

template <class Algorithm>
struct Choice {
  Algorithm algorithm;
  size_t workspace;
};

// The first deterministic one of cuDNN's proposals, best first; `get` asks for them.
template <class Perf, class Get>
auto choose(const char* what, const ConvShapes& s, DType dtype, Get get) {
  using Algorithm = decltype(Perf::algo);
  static auto& chosen = *new std::map<std::pair<ConvShapes, DType>, Choice<Algorithm>>;
  const auto known = chosen.find({s, dtype});
  if (known != chosen.end()) return known->second;
  Perf proposals[16];
  int count = 0;
  check_cudnn(what, get(16, &count, proposals));
  for (int i = 0; i < count; ++i)
    if (proposals[i].status == CUDNN_STATUS_SUCCESS && proposals[i].determinism == CUDNN_DETERMINISTIC &&
        proposals[i].memory <= kMostWorkspace)
      return chosen[{s, dtype}] = {proposals[i].algo, proposals[i].memory};
  fail("cudnn: {}: no deterministic algorithm for x {} x {} x {} x {} and w {} x {} x {} x {} (N, C, H, W)", what,
       s.x.extent[0], s.x.extent[1], s.x.extent[2], s.x.extent[3], s.w[0], s.w[1], s.w[2], s.w[3]);
}

const float kOne = 1, kZero = 0;

void forward(Stream stream, const ConvShapes& s, In x, In w, Out y, Scratch& scratch) {
  const Descriptors d(s, y.dtype());
  const cudnnHandle_t h = handle(stream);
  const auto choice =
      choose<cudnnConvolutionFwdAlgoPerf_t>("conv2d", s, y.dtype(), [&](int most, int* count, auto* out) {
        return cudnnGetConvolutionForwardAlgorithm_v7(h, d.x, d.w, d.conv, d.y, most, count, out);
      });
  check_cudnn("conv2d",
              cudnnConvolutionForward(h, &kOne, d.x, x.raw(), d.w, w.raw(), d.conv, choice.algorithm,
                                      scratch.take(choice.workspace), choice.workspace, &kZero, d.y, y.raw()));
}

void backward_input(Stream stream, const ConvShapes& s, In dy, In w, Out dx, Scratch& scratch) {
  const Descriptors d(s, dx.dtype());
  const cudnnHandle_t h = handle(stream);
  const auto choice = choose<cudnnConvolutionBwdDataAlgoPerf_t>(
      "conv2d_backward_input", s, dx.dtype(), [&](int most, int* count, auto* out) {
        return cudnnGetConvolutionBackwardDataAlgorithm_v7(h, d.w, d.y, d.conv, d.x, most, count, out);
      });
  check_cudnn("conv2d_backward_input",
              cudnnConvolutionBackwardData(h, &kOne, d.w, w.raw(), d.y, dy.raw(), d.conv, choice.algorithm,
                                           scratch.take(choice.workspace), choice.workspace, &kZero, d.x, dx.raw()));
}

void backward_weight(Stream stream, const ConvShapes& s, In dy, In x, Out dw, Scratch& scratch) {
  const Descriptors d(s, dw.dtype());
  const cudnnHandle_t h = handle(stream);
  const auto choice = choose<cudnnConvolutionBwdFilterAlgoPerf_t>(
      "conv2d_backward_weight", s, dw.dtype(), [&](int most, int* count, auto* out) {
        return cudnnGetConvolutionBackwardFilterAlgorithm_v7(h, d.x, d.y, d.conv, d.w, most, count, out);
      });
  check_cudnn("conv2d_backward_weight",
              cudnnConvolutionBackwardFilter(h, &kOne, d.x, x.raw(), d.y, dy.raw(), d.conv, choice.algorithm,
                                             scratch.take(choice.workspace), choice.workspace, &kZero, d.w, dw.raw()));
}

}  // namespace

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
