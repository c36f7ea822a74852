#include "models/initial_weights.h"

#include <cmath>

#include "nn/init.h"

namespace sil {
namespace {

// torch draws weight and bias of a layer when it makes it.  Where torchvision then sets them another way, these numbers
// are passed over.
template <class Module>
void pass_over(Module& module, TorchRandom& random) {
  random.skip(count_elements(leaves(module)));
}

// As torch draws a layer's weight or bias.
void draw_default(Parameter& p, const Parameter& weight, TorchRandom& random) {
  draw_uniform(p, 1 / std::sqrt(double(fan_in(weight))), random);
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
  pass_over(fpn, random);
  for (auto* blocks : {&fpn.inner_blocks, &fpn.layer_blocks})
    for (Conv2d& conv : *blocks) draw_kaiming_uniform(conv.weight, random);
}

void draw(RpnHead& rpn, TorchRandom& random) {
  pass_over(rpn, random);
  for (Conv2d* conv : {&rpn.conv, &rpn.cls_logits, &rpn.bbox_pred}) draw_normal(conv->weight, 0.01, random);
}

// As torch makes them.
void draw(BoxHead& head, TorchRandom& random) {
  for (Linear* layer : {&head.fc6, &head.fc7, &head.cls_score, &head.bbox_pred})
    for (Parameter* p : {&layer->weight, &layer->bias}) draw_default(*p, layer->weight, random);
}

// The predictor's biases stay as torch makes them.
void draw(MaskHead& head, TorchRandom& random) {
  for (Conv2d& conv : head.convs) pass_over(conv, random);
  for (Conv2d& conv : head.convs) draw_kaiming_normal(conv.weight, random);
  const auto draw_bias = [&](auto& layer) {
    random.skip(layer.weight.value().numel());
    draw_default(layer.bias, layer.weight, random);
  };
  draw_bias(head.conv5_mask);
  draw_bias(head.mask_fcn_logits);
  draw_kaiming_normal(head.conv5_mask.weight, random);
  draw_kaiming_normal(head.mask_fcn_logits.weight, random);
}

}  // namespace

void draw_weights(ResNet& body, Fpn& fpn, RpnHead& rpn, BoxHead& box_head, MaskHead& mask_head, uint64_t seed) {
  TorchRandom random(seed);  // one stream: the order is torchvision's
  draw(body, random);
  draw(fpn, random);
  draw(mask_head, random);
  draw(rpn, random);
  draw(box_head, random);
}

}  // namespace sil
