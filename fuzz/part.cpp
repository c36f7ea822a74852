// A part of an evaluation, past its header: what reads must be written back as the same bytes.
#include "eval/part.h"

#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  fuzz::expect_error_at_most([&] {
    const std::string_view text(reinterpret_cast<const char*>(bytes), size);
    const std::string again = sil::to_bytes(sil::measured_from(text, "part"));
    if (sil::to_bytes(sil::measured_from(again, "part")) != again) fuzz::finding();
  });
  return 0;
}
