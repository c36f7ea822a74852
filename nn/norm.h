// Normalisation of feature maps [N, H, W, C].  Statistics and weights are float32 also of bfloat16 maps.
#pragma once
#include "autograd/ops.h"
#include "nn/module.h"

namespace sil {

enum class NormKind { frozen_bn, batch_norm, group_norm };

// y = x * scale + shift per channel.
struct Affine {
  Tensor scale, shift;  // [C]
};

// Batch norm whose statistics and weights are constants; it folds into the convolution before it.
struct FrozenBatchNorm {
  Tensor weight, bias, running_mean, running_var;  // [C]
  float eps;

  FrozenBatchNorm(int64_t channels, float eps);
  Affine affine() const;
  void visit(Visitor& v) {
    v("weight", weight)("bias", bias)("running_mean", running_mean)("running_var", running_var);
  }
};

// Ioffe, Szegedy 2015, with torch's running statistics: momentum 0.1, the unbiased variance.
struct BatchNorm {
  static constexpr double kMomentum = 0.1;
  Parameter weight, bias;            // [C]
  Tensor running_mean, running_var;  // [C]
  Tensor num_batches_tracked;        // int64 []
  float eps;

  BatchNorm(int64_t channels, float eps);
  Var operator()(const Var& x);  // by the batch's statistics, which it folds into the running ones
  Affine affine() const;         // by the running statistics
  void visit(Visitor& v) {
    v("weight", weight)("bias", bias)("running_mean", running_mean)("running_var", running_var)("num_batches_tracked",
                                                                                                num_batches_tracked);
  }
};

// Wu, He 2018: 32 groups.
struct GroupNorm {
  static constexpr int kGroups = 32;
  Parameter weight, bias;  // [C]
  float eps;

  GroupNorm(int64_t channels, float eps);
  Var operator()(const Var& x) const;
  void visit(Visitor& v) { v("weight", weight)("bias", bias); }
};

}  // namespace sil
