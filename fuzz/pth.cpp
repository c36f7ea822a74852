// State dicts of torch: a zip or a stream of pickles.  What is read survives a round trip.
#include "nn/pth.h"

#include <cstring>

#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const auto path = fuzz::file_with(bytes, size, "a.pth");
  fuzz::expect_error_at_most([&] {
    const sil::StateDict tensors = sil::read_pth(path);
    sil::write_pth(path, tensors);
    const sil::StateDict again = sil::read_pth(path);
    if (again.size() != tensors.size()) fuzz::finding();
    for (const auto& [name, t] : tensors)
      if (const sil::Tensor& u = again.at(name); t.shape() != u.shape() || t.dtype() != u.dtype() ||
                                                 (t.bytes() && std::memcmp(t.raw(), u.raw(), t.bytes()) != 0))
        fuzz::finding();
  });
  return 0;
}
