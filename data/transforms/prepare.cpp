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
  void operator()(const ToImage&) const { e.photo = to_float(e.photo); }
  void operator()(const Normalize& a) const { normalize(e.photo, a); }
};

bool has_normalize(const Augmentations& list) {
  for (const Augmentation& a : list)
    if (std::holds_alternative<Normalize>(a)) return true;
  return false;
}

}  // namespace

Example prepare(Example e, const Preparation& preparation, std::optional<RngKey> random) {
  const Augmentations& list = preparation.augmentations;
  for (size_t i = 0; i < list.size(); ++i) {
    const std::optional<RngKey> key = random ? std::optional(random->fold(uint64_t(i))) : std::nullopt;
    std::visit(Apply{e, key}, list[i]);
  }
  if (e.photo.dtype() == DType::u8) e.photo = to_float(e.photo);
  if (!has_normalize(list)) normalize(e.photo, Normalize{});
  if (!has_resize(list)) resize_for_model(e, preparation.size);
  return e;
}

}  // namespace sil
