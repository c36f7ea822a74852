#include "data/transforms.h"

namespace sil {
namespace {

// Applies one augmentation; without a key the random ones do nothing.
struct Apply {
  Example& e;
  const std::optional<RngKey>& key;

  void operator()(const RandomHorizontalFlip& a) const {
    if (key && key->uniform64(0) < a.p) flip_horizontal(e);
  }
  void operator()(const RandomPhotometricDistort& a) const {
    if (key) e.photo = distort(e.photo, draw(a, *key));
  }
  void operator()(const Resize& a) const { resize(e, a.height, a.width); }
  void operator()(const ToImage&) const {}
  void operator()(const Normalize& a) const { e.normalize = a; }
};

}  // namespace

Example prepare(Example e, const Preparation& preparation, std::optional<RngKey> random) {
  const Augmentations& list = preparation.augmentations;
  for (size_t i = 0; i < list.size(); ++i) {
    const std::optional<RngKey> key = random ? std::optional(random->fold(uint64_t(i))) : std::nullopt;
    std::visit(Apply{e, key}, list[i]);
  }
  e.size = {int(e.photo.dim(0)), int(e.photo.dim(1))};
  if (!has_resize(list)) resize_for_model(e, preparation.size);
  return e;
}

}  // namespace sil
