// Photos of every format, and masks.
#include "data/image.h"

#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  fuzz::expect_error_at_most([&] {
    const sil::ImageInfo info = sil::image_info(bytes, size, "f");
    if (int64_t(info.height) * info.width > 1 << 20) return;  // the time is for parsing
    sil::decode_image(bytes, size, "f", sil::Exif::apply);
    sil::decode_grey(bytes, size, "f");
  });
  return 0;
}
