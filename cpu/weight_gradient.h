// The gradient of a convolution's weights as matrix products, float32.
#pragma once
#include "cpu/conv_shape.h"

namespace sil::cpu {

// Whether it beats oneDNN's convolution here.  GFLOP per CPU second, one thread of a busy AVX2 Zen 3, oneDNN 2.6 and
// this: 3x3 of 256 channels at 200x200 11 and 59, at 50x50 20 and 57, at 14x14 44 and 49; 3x3 stride 2 of 256 channels
// at 100x100 9 and 48; the 2x2 of the mask head 31 and 55; 1x1 stride 2 52 and 62.  oneDNN stays ahead at 1x1 and where
// there are few channels: conv1 31 and 13.  Not measured with AVX512, where oneDNN keeps all.
bool weight_gradient_wins(const ConvShape&);
void weight_gradient(const ConvShape&, const float* dy, const float* x, float* dw, Scratch&);

}  // namespace sil::cpu
