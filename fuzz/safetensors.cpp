// Weights as .safetensors: the header is JSON, the rest is bytes.
#include "nn/safetensors.h"

#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const auto path = fuzz::file_with(bytes, size, "a.safetensors");
  fuzz::expect_error_at_most([&] { sil::read_safetensors(path); });
  return 0;
}
