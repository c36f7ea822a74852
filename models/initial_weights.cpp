#include "models/initial_weights.h"

#include <cmath>

#include "nn/init.h"

namespace sil {
namespace {

// torch draws weight and bias of a layer when it makes it, bound 1 / sqrt(fan_in).  Where torchvision then sets them
// another way, these numbers are passed over.
template <class Layer>
void pass_over(const Layer& layer, TorchRandom& random) {
  random.skip(layer.weight.value().numel() + (layer.bias.defined() ? layer.bias.value().numel() : 0));
}

// He et al. 2015 for the convolutions.  torchvision makes the whole network first, with the linear layer for ImageNet's
// 1,000 classes that a detector leaves out.
void draw(ResNet& body, TorchRandom& random) {
  std::vector<Parameter*> weights;
  for (const Leaf& leaf : leaves(body))
    if (leaf.layout() == Layout::channels_last) weights.push_back(leaf.parameter);
  for (const Parameter* w : weights) random.skip(w->value().numel());
  random.skip(1000 * (body.channels()[3] + 1));
  for (Parameter* w : weights) draw_kaiming_normal(*w, random);
}

void draw(Fpn& fpn, TorchRandom& random) {
  for (const auto* blocks : {&fpn.inner_blocks, &fpn.layer_blocks})
    for (const Conv2d& conv : *blocks) pass_over(conv, random);
  for (auto* blocks : {&fpn.inner_blocks, &fpn.layer_blocks})
    for (Conv2d& conv : *blocks) draw_kaiming_uniform(conv.weight, random);
}

void draw(RpnHead& rpn, TorchRandom& random) {
  for (const Conv2d* conv : {&rpn.conv, &rpn.cls_logits, &rpn.bbox_pred}) pass_over(*conv, random);
  for (Conv2d* conv : {&rpn.conv, &rpn.cls_logits, &rpn.bbox_pred}) draw_normal(conv->weight, 0.01, random);
}

// As torch makes them.
void draw(BoxHead& head, TorchRandom& random) {
  for (Linear* layer : {&head.fc6, &head.fc7, &head.cls_score, &head.bbox_pred}) {
    const double bound = 1 / std::sqrt(double(fan_in(layer->weight)));
    draw_uniform(layer->weight, bound, random);
    draw_uniform(layer->bias, bound, random);
  }
}

// The predictor's biases stay as torch makes them.
void draw(MaskHead& head, TorchRandom& random) {
  for (const Conv2d& conv : head.convs) pass_over(conv, random);
  for (Conv2d& conv : head.convs) draw_kaiming_normal(conv.weight, random);
  const auto draw_bias = [&](Parameter& weight, Parameter& bias) {
    random.skip(weight.value().numel());
    draw_uniform(bias, 1 / std::sqrt(double(fan_in(weight))), random);
  };
  draw_bias(head.conv5_mask.weight, head.conv5_mask.bias);
  draw_bias(head.mask_fcn_logits.weight, head.mask_fcn_logits.bias);
  draw_kaiming_normal(head.conv5_mask.weight, random);
  draw_kaiming_normal(head.mask_fcn_logits.weight, random);
}

}  // namespace

void draw_weights(const ModelParts& parts, uint64_t seed) {
  TorchRandom random(seed);  // one stream: the order is torchvision's
  draw(parts.body, random);
  draw(parts.fpn, random);
  draw(parts.mask_head, random);
  draw(parts.rpn, random);
  draw(parts.box_head, random);
}

}  // namespace sil
