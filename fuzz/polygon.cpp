// Outlines of any doubles: rasterised, a mask has its size's pixels.
#include <cstring>

#include "data/contour.h"
#include "data/rle.h"
#include "data/validate.h"
#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  if (size < 2) return 0;
  const int64_t height = bytes[0], width = bytes[1];
  sil::Polygon outline((size - 2) / sizeof(double));
  if (!outline.empty()) std::memcpy(outline.data(), bytes + 2, outline.size() * sizeof(double));
  fuzz::expect_error_at_most([&] {
    const sil::Rle mask = sil::rasterise(outline, height, width);
    sil::validate(mask);
    if (sil::encode(sil::decode(mask)) != mask) fuzz::finding();
    if (sil::rasterise(sil::to_polygons(mask), height, width) != mask) fuzz::finding();
    sil::self_crossing(outline);
  });
  return 0;
}
