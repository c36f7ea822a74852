#include "tensor/check.h"
#include "tensor/ops.h"
#include "tensor/ops/check_boxes.h"

namespace sil::ops {

Tensor sample(const Tensor& matched, const Tensor& image, int64_t images, RngKey key, SamplerGeom g) {
  check(matched.defined() && matched.rank() == 1 && matched.dtype() == DType::i32,
        "sample: matched is {} {}; int32 [R] expected", name(matched.dtype()), matched.shape());
  check(images >= 0, "sample: images is {}; 0 or more expected", images);
  check(g.per_image >= 0, "sample: per_image is {}; 0 or more expected", g.per_image);
  check(g.positive >= 0 && g.positive <= 1, "sample: positive is {}; a share from 0 to 1 expected", g.positive);
  check_index("sample", "image", image, {matched.dim(0)}, "whose a row is", -1, images - 1);
  check_like("sample", "image", image, "matched", matched);
  Tensor picked(matched.shape(), DType::u8, matched.device());
  Scratch scratch(matched.device());
  matched.device().kernels().sample({}, matched, image, images, key, picked, g, scratch);
  return picked;
}

}  // namespace sil::ops
