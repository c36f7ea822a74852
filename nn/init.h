// Weights at the start, as torch draws them, in the order of its layouts.  fan_in and fan_out, the numbers of weights
// that meet in one output and in one input element, are those of the file's shape [a, b, ...]: all but a, all but b,
// multiplied; so they are of a transposed convolution's weight [I, O, H, W] too, where their names are the wrong way
// round (torch's habit).
#pragma once
#include "nn/module.h"
#include "nn/torch_random.h"

namespace sil {

int64_t fan_in(const Parameter&);
int64_t fan_out(const Parameter&);

void draw_normal(Parameter&, double deviation, TorchRandom&);
void draw_uniform(Parameter&, double bound, TorchRandom&);

// He et al. 2015 (Delving deep into rectifiers), eq. 10, backward: deviation sqrt(2 / fan_out).
void draw_kaiming_normal(Parameter&, TorchRandom&);
// The same for layers without ReLU (a = 1), forward: bound sqrt(3 / fan_in).
void draw_kaiming_uniform(Parameter&, TorchRandom&);

}  // namespace sil
