// Results files.
#include "data/annotations.h"
#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const auto path = fuzz::file_with(bytes, size, "r.json");
  fuzz::expect_error_at_most([&] {
    const auto detections = sil::read_results(path);
    const auto copy = path.parent_path() / "s.json";
    sil::write_results(copy, detections, nullptr);
    if (sil::read_results(copy).size() != detections.size()) fuzz::finding();
  });
  return 0;
}
