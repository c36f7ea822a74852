// A convolution, its norm, and what follows in a residual network: y = relu(norm(conv(x)) + skip).
#pragma once
#include <variant>

#include "nn/layers.h"
#include "nn/norm.h"

namespace sil {

// What stands behind the convolution; nothing once it is folded.
using Norm = std::variant<std::monostate, FrozenBatchNorm, BatchNorm, GroupNorm>;
Norm make_norm(NormKind, int64_t channels, float eps);

struct ConvNorm {
  Conv2d conv;
  Norm norm;
  bool relu = true;

  // A frozen norm, or batch norm in Mode::test, is folded: conv, norm, skip and ReLU are one kernel.
  Var operator()(const Var& x, Mode, const Var& skip = {});

  // For good: a batch norm moves into the convolution's weight and bias, by its running statistics.
  void fold();

  // torchvision names a convolution and its norm side by side.
  void visit(Visitor&, std::string_view conv_name, std::string_view norm_name);
};

}  // namespace sil
