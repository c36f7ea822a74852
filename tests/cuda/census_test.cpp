#include "cuda/census.h"

#include <doctest/doctest.h>

using sil::cuda::problem;

TEST_CASE("cuda: a GPU that cannot be used is one line that says why") {
  CHECK(problem({.gpus = 0, .driver = 0, .runtime = 13000}, 0) ==
        "device cuda:0: the NVIDIA driver is not installed; this build needs one for CUDA 13.0, or use cpu");
  CHECK(problem({.gpus = 1, .driver = 12080, .runtime = 13000}, 0) ==
        "device cuda:0: the NVIDIA driver supports CUDA 12.8; this build needs one for CUDA 13.0, or use cpu");
  CHECK(problem({.gpus = 0, .driver = 13000, .runtime = 13000}, 2) == "device cuda:2: there is no NVIDIA GPU; use cpu");
  CHECK(problem({.gpus = 1, .driver = 13000, .runtime = 13000}, 1) == "device cuda:1: there is 1 GPU; cuda:0 expected");
  CHECK(problem({.gpus = 8, .driver = 13000, .runtime = 13000}, 8) ==
        "device cuda:8: there are 8 GPUs; cuda:0 to cuda:7 expected");
  CHECK(problem({.gpus = 1, .driver = 13000, .runtime = 13000, .capability = 75}, 0) ==
        "device cuda:0: its compute capability is 7.5; 8.0 or newer expected (A100, H100), or use cpu");
}

TEST_CASE("cuda: a driver serves the toolkits of its major version, and older ones") {
  CHECK(problem({.gpus = 1, .driver = 12080, .runtime = 12090}, 0) == "");
  CHECK(problem({.gpus = 1, .driver = 13000, .runtime = 12080}, 0) == "");
  CHECK(problem({.gpus = 8, .driver = 13000, .runtime = 13000}, 7) == "");
  CHECK(problem({.gpus = 1, .driver = 13000, .runtime = 13000, .capability = 80}, 0) == "");
}
