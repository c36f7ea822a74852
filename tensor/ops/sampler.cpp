#include <algorithm>

#include "tensor/check.h"
#include "tensor/ops.h"
#include "tensor/ops/check_boxes.h"

namespace sil::ops {

Sampled sample(const Tensor& matched, const Tensor& image, const Tensor& labels, int64_t images, const Tensor& key,
               SamplerGeom g) {
  check(matched.defined() && matched.rank() == 1 && matched.dtype() == DType::i32,
        "sample: matched is {} {}; int32 [R] expected", name(matched.dtype()), matched.shape());
  check(images >= 0, "sample: images is {}; 0 or more expected", images);
  check(g.per_image >= 0, "sample: per_image is {}; 0 or more expected", g.per_image);
  check(g.positive >= 0 && g.positive <= 1, "sample: positive is {}; a share from 0 to 1 expected", g.positive);
  check(key.defined() && key.dtype() == DType::i64 && key.numel() == 1, "sample: key is {} {}; int64 [1] expected",
        name(key.dtype()), key.shape());
  check(key.device() == matched.device(), "sample: key is on {}, matched on {}; one device expected",
        key.device().str(), matched.device().str());
  if (image.defined()) {
    check_index("sample", "image", image, {matched.dim(0)}, "whose a row is", -1, images - 1);
    check_like("sample", "image", image, "matched", matched);
  } else {
    check(images > 0 ? matched.dim(0) % images == 0 : matched.dim(0) == 0,
          "sample: {} rows of {} images; as many of each expected where no image is given", matched.dim(0), images);
  }
  if (labels.defined()) {
    check_ints("sample", "labels", labels, {labels.rank() ? labels.dim(0) : 0}, "of what is matched");
    check_like("sample", "labels", labels, "matched", matched);
    check_index("sample", "matched", matched, {matched.dim(0)}, "what a row is matched with", -2, labels.dim(0) - 1);
  }
  const auto room = [&](int64_t of_image) {
    return Tensor({std::min(matched.dim(0), images * of_image)}, DType::i32, matched.device());
  };
  Sampled out{room(g.per_image), room(g.per_image), room(g.most_positive()), Tensor({1}, DType::i32, matched.device())};
  Scratch scratch(matched.device());
  matched.device().kernels().sample({}, matched, image, labels, images, key,
                                    {out.rows, out.labels, out.positive, out.count}, g, scratch);
  return out;
}

}  // namespace sil::ops
