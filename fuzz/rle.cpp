// Compressed counts: what parses has the size's pixels, and survives every operation.
#include "data/rle.h"

#include "data/boundary.h"
#include "data/contour.h"
#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  if (size < 2) return 0;
  const int64_t height = bytes[0], width = bytes[1];
  const std::string_view text(reinterpret_cast<const char*>(bytes) + 2, size - 2);
  fuzz::expect_error_at_most([&] {
    const sil::Rle mask = sil::from_string(text, height, width);
    sil::validate(mask);
    if (sil::from_string(sil::to_string(mask), height, width) != mask) fuzz::finding();
    const sil::Rle again = sil::encode(sil::decode(mask));
    if (sil::area(again) != sil::area(mask) || sil::bounding_box(again) != sil::bounding_box(mask)) fuzz::finding();
    if (sil::merge(std::vector<sil::Rle>{mask, mask}) != again) fuzz::finding();
    if (sil::area(mask) > 0 && sil::iou(mask, again, false) != 1) fuzz::finding();
    if (sil::merge(std::vector<sil::Rle>{mask, again}, true) != again) fuzz::finding();
    if (sil::rasterise(sil::to_polygons(mask), height, width) != again) fuzz::finding();
    if (sil::boundary(mask) != sil::boundary(again)) fuzz::finding();
    if (sil::flip_horizontal(sil::flip_horizontal(mask)) != again) fuzz::finding();
    if (sil::crop_or_pad(mask, height, width) != again) fuzz::finding();
    if (height > 0 && width > 0 && sil::resize_nearest(mask, height, width) != again) fuzz::finding();
  });
  return 0;
}
