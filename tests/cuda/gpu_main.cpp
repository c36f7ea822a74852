// Exit code 77 and one line where there is no GPU: not a test that passed.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
#include <fmt/core.h>

#include "cuda/library.h"
#include "tensor/check.h"
#include "tensor/device.h"
#include "tests/models/small.h"

sil::Device sil::test::where() { return sil::Device::cuda(0); }

int main(int argc, char** argv) {
  try {
    sil::Device::cuda(0);
    fmt::print("libraries: cuDNN {}, cuBLASLt {}\n", sil::cuda::cudnn_version(), sil::cuda::cublas_version());
  } catch (const sil::Error& e) {
    fmt::print("skipped: {}\n", e.what());
    return 77;
  }
  return doctest::Context(argc, argv).run();
}
