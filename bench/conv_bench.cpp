// Times every convolution of Mask R-CNN with ResNet-50 and FPN on one 800x800 photo: forward (bias and ReLU fused), the
// gradient to its input and to its weights.  Prints milliseconds and GFLOP/s each, oneDNN's implementations, and the
// total of a forward and a backward pass.  bench/torch_conv.py times the same table.
//
//   conv_bench [repeats] [name]      SIL_THREADS sets the threads; `name` keeps the rows that contain it
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string>

#include "cpu/conv_shape.h"
#include "cpu/onednn.h"
#include "tensor/ops.h"
#include "tensor/threads.h"

namespace {

using namespace sil;

struct Layer {
  const char* name;
  int64_t images, side, in, out, kernel;
  int stride, count;
};

// Of each bottleneck: a 1x1 down, b 3x3 (where the stride is), c 1x1 up; proj on the shortcut.
constexpr Layer kLayers[] = {
    {"conv1", 1, 800, 3, 64, 7, 2, 1},
    {"layer1.0.a", 1, 200, 64, 64, 1, 1, 1},
    {"layer1.a", 1, 200, 256, 64, 1, 1, 2},
    {"layer1.b", 1, 200, 64, 64, 3, 1, 3},
    {"layer1.c, proj", 1, 200, 64, 256, 1, 1, 4},
    {"layer2.0.a", 1, 200, 256, 128, 1, 1, 1},
    {"layer2.0.b", 1, 200, 128, 128, 3, 2, 1},
    {"layer2.0.proj", 1, 200, 256, 512, 1, 2, 1},
    {"layer2.a", 1, 100, 512, 128, 1, 1, 3},
    {"layer2.b", 1, 100, 128, 128, 3, 1, 3},
    {"layer2.c", 1, 100, 128, 512, 1, 1, 4},
    {"layer3.0.a", 1, 100, 512, 256, 1, 1, 1},
    {"layer3.0.b", 1, 100, 256, 256, 3, 2, 1},
    {"layer3.0.proj", 1, 100, 512, 1024, 1, 2, 1},
    {"layer3.a", 1, 50, 1024, 256, 1, 1, 5},
    {"layer3.b", 1, 50, 256, 256, 3, 1, 5},
    {"layer3.c", 1, 50, 256, 1024, 1, 1, 6},
    {"layer4.0.a", 1, 50, 1024, 512, 1, 1, 1},
    {"layer4.0.b", 1, 50, 512, 512, 3, 2, 1},
    {"layer4.0.proj", 1, 50, 1024, 2048, 1, 2, 1},
    {"layer4.a", 1, 25, 2048, 512, 1, 1, 2},
    {"layer4.b", 1, 25, 512, 512, 3, 1, 2},
    {"layer4.c", 1, 25, 512, 2048, 1, 1, 3},
    {"fpn.inner2", 1, 200, 256, 256, 1, 1, 1},
    {"fpn.inner3", 1, 100, 512, 256, 1, 1, 1},
    {"fpn.inner4", 1, 50, 1024, 256, 1, 1, 1},
    {"fpn.inner5", 1, 25, 2048, 256, 1, 1, 1},
    {"fpn.layer2, rpn.conv", 1, 200, 256, 256, 3, 1, 2},
    {"fpn.layer3, rpn.conv", 1, 100, 256, 256, 3, 1, 2},
    {"fpn.layer4, rpn.conv", 1, 50, 256, 256, 3, 1, 2},
    {"fpn.layer5, rpn.conv", 1, 25, 256, 256, 3, 1, 2},
    {"rpn.conv p6", 1, 13, 256, 256, 3, 1, 1},
    {"rpn.objectness p2", 1, 200, 256, 3, 1, 1, 1},
    {"rpn.deltas p2", 1, 200, 256, 12, 1, 1, 1},
    {"rpn.deltas p6", 1, 13, 256, 12, 1, 1, 1},
    {"mask head", 100, 14, 256, 256, 3, 1, 4},
    {"mask logits", 100, 28, 256, 91, 1, 1, 1},
};

template <class F>
double best_seconds(int repeats, F f) {
  double best = 1e30;
  for (int i = 0; i < repeats + 1; ++i) {  // the first makes the primitive
    const auto start = std::chrono::steady_clock::now();
    f();
    if (i) best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

struct Total {
  double seconds = 0, flops = 0;
  void add(const Layer& l, double s, double f) { seconds += s * l.count, flops += f * l.count; }
};

}  // namespace

int main(int argc, char** argv) {
  const int repeats = argc > 1 ? std::max(1, std::atoi(argv[1])) : 3;
  const std::string only = argc > 2 ? argv[2] : "";
  const char* kinds[] = {"forward", "backward input", "backward weight"};
  Total totals[3];
  fmt::print("{} threads; ms and GFLOP/s: {}, {}, {}\n", threads(), kinds[0], kinds[1], kinds[2]);
  for (const Layer& l : kLayers) {
    if (std::string(l.name).find(only) == std::string::npos) continue;
    const Conv2dGeom g{l.stride, int(l.kernel / 2), 1};
    const Tensor x = Tensor::full({l.images, l.side, l.side, l.in}, 0.5);
    const Tensor w = Tensor::full({l.out, l.kernel, l.kernel, l.in}, 0.01), bias = Tensor::full({l.out}, 0.1);
    const Tensor y = ops::conv2d(x, w, g, bias, {}, true);
    const double flops = 2.0 * double(y.numel()) * double(l.kernel * l.kernel * l.in);
    const double seconds[] = {
        best_seconds(repeats, [&] { ops::conv2d(x, w, g, bias, {}, true); }),
        best_seconds(repeats, [&] { ops::conv2d_backward_input(y, w, x.shape(), g); }),
        best_seconds(repeats, [&] { ops::conv2d_backward_weight(y, x, w.shape(), g); }),
    };
    fmt::print("{:22} x{}", l.name, l.count);
    for (int k = 0; k < 3; ++k) {
      totals[k].add(l, seconds[k], flops);
      fmt::print(" | {:8.2f} {:6.1f}", seconds[k] * 1e3, flops / seconds[k] * 1e-9);
    }
    fmt::print(" | {}\n", cpu::onednn::conv_implementations(cpu::ConvShape(x, w, y, g), DType::f32));
  }
  for (int k = 0; k < 3; ++k)
    fmt::print("{:16} {:8.1f} ms  {:6.1f} GFLOP/s\n", kinds[k], totals[k].seconds * 1e3,
               totals[k].flops / totals[k].seconds * 1e-9);
}
