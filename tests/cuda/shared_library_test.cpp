#include "cuda/shared_library.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/folder.h"

using sil::cuda::SharedLibrary;
using sil::test::error_of;

TEST_CASE("shared_library: a function is found and runs") {
  const SharedLibrary math("libm", "libm.so.6");
  double (*const cube_root)(double) = math.function("cbrt");
  CHECK(cube_root(27) == doctest::Approx(3));
}

TEST_CASE("shared_library: a missing library or function is one line that says what to do") {
  const std::string missing = error_of([] { SharedLibrary("cuDNN", "libcudnn_of_nobody.so.9"); });
  CHECK(missing.starts_with("cuDNN cannot be used: libcudnn_of_nobody.so.9: "));
  CHECK(missing.ends_with("; install it, or name its folder in LD_LIBRARY_PATH, or use cpu"));
  const SharedLibrary math("libm", "libm.so.6");
  CHECK(error_of([&] { math.function("convolve"); }) ==
        "libm cannot be used: libm.so.6 has no convolve; a newer one expected");
}
