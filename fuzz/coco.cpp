// COCO JSON: what reads must validate, rasterise and write; what was written must read back.
#include "data/annotations.h"
#include "data/validate.h"
#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const auto path = fuzz::file_with(bytes, size, "f.json");
  fuzz::expect_error_at_most([&] {
    std::vector<sil::Fault> faults;
    const sil::Annotations all = sil::read_annotations(path, &faults);
    for (const sil::Photo& photo : all.photos)  // the time is for parsing: no huge canvases
      if (int64_t(photo.width) * photo.height > 1 << 20) return;
    sil::check_annotations(all, sil::Depth::full);
    const auto copy = path.parent_path() / "g.json";
    sil::write_coco(copy, all);
    if (sil::read_annotations(copy).annotations.size() != all.annotations.size()) fuzz::finding();
  });
  return 0;
}
