// The residual network, He et al. 2015 (Deep residual learning), as torchvision has it: stride in the 3x3 convolution.
// Shapes: N photos, H x W pixels, C channels; c_l is the output of stage l - 1, at stride 2^l.
#pragma once
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "nn/conv_norm.h"

namespace sil {

// Fig. 5: two 3x3 convolutions (left), or 1x1, 3x3, 1x1 (right).  The last one adds the skip before its ReLU.
struct ResidualBlock {
  std::vector<ConvNorm> convs;
  std::optional<ConvNorm> downsample;  // where the skip has another shape

  Var operator()(const Var& x, Mode);
  void visit(Visitor&);
};

std::vector<std::string> backbone_names();  // resnet18, resnet34, ...

struct ResNet {
  ConvNorm stem;                                     // 7x7, stride 2
  std::array<std::vector<ResidualBlock>, 4> stages;  // layer1..layer4

  // One of backbone_names().
  ResNet(const std::string& backbone, NormKind, float eps);

  // photos [N, H, W, 3] -> c2, c3, c4, c5
  std::vector<Var> operator()(const Var& photos, Mode);
  void visit(Visitor&);

  std::array<int, 4> channels() const;  // of c2..c5
  // Freezes all but the last `layers` of layer4, layer3, layer2, layer1, conv1.
  void freeze_all_but(int layers);
  void fold();

 private:
  std::vector<ConvNorm*> conv_norms();
};

}  // namespace sil
