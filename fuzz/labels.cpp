// Label files: a folder with one photo of 6 x 4, whose labels are the bytes.
#include "data/annotations.h"
#include "data/image.h"
#include "data/validate.h"
#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const auto labels = fuzz::file_with(bytes, size, "set/labels/a.json");
  const auto folder = labels.parent_path().parent_path();
  static const bool once = [&] {
    std::filesystem::create_directories(folder / "images");
    sil::write_png(folder / "images/a.png", sil::Tensor::zeros({4, 6, 3}, sil::DType::u8));
    return true;
  }();
  (void)once;
  fuzz::expect_error_at_most([&] {
    std::vector<sil::Fault> faults;
    sil::check_annotations(sil::read_annotations(folder, &faults), sil::Depth::full);
  });
  return 0;
}
