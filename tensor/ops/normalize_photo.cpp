#include "tensor/ops.h"
#include "tensor/ops/arguments.h"

namespace sil::ops {
namespace {

void want_photo(const Tensor& photo, size_t n, const PhotoGeom& g, int64_t height, int64_t width) {
  check(photo.defined() && (photo.dtype() == DType::u8 || photo.dtype() == DType::f32) && photo.rank() == 3 &&
            photo.dim(0) > 0 && photo.dim(1) > 0 && photo.dim(2) == 3,
        "normalize_photos: photo {} is {} {}; uint8 or float32 [H, W, 3] of at least one pixel expected", n,
        name(photo.dtype()), photo.shape());
  check(g.height >= 1 && g.height <= height && g.width >= 1 && g.width <= width,
        "normalize_photos: photo {} becomes {} x {}; 1 x 1 to the batch's {} x {} expected", n, g.height, g.width,
        height, width);
}

}  // namespace

Tensor normalize_photos(const std::vector<Tensor>& photos, const std::vector<PhotoGeom>& geometry, int64_t height,
                        int64_t width) {
  check(!photos.empty() && photos.size() == geometry.size(),
        "normalize_photos: {} photos, {} geometries; one for each expected", photos.size(), geometry.size());
  for (size_t n = 0; n < photos.size(); ++n) {
    want_photo(photos[n], n, geometry[n], height, width);
    want_same_device("normalize_photos", "photo 0", photos[0], "another", photos[n]);
  }
  const Device device = photos[0].device();
  const Tensor batch({int64_t(photos.size()), height, width, 3}, DType::f32, device);
  for (size_t n = 0; n < photos.size(); ++n) {
    Tensor y = batch.rows(int64_t(n), int64_t(n) + 1).view({height, width, 3});
    device.kernels().normalize_photo({}, photos[n], y, geometry[n]);
  }
  return batch;
}

}  // namespace sil::ops
