#include "train/memory_advice.h"

#include <doctest/doctest.h>

using namespace sil;

namespace {

OutOfMemory out_of_memory(int64_t asked, int64_t in_use, int64_t held, int64_t free) {
  OutOfMemory e("out of memory");
  e.asked = asked, e.in_use = in_use, e.held = held, e.free = free;
  return e;
}

}  // namespace

TEST_CASE("memory: the batch that would fit is what the photos asked for, scaled to what there is") {
  // 1000 in all, of which 300 are fixed; 8 photos have asked for 900 + 100 - 100 until it failed.
  CHECK(memory_advice(out_of_memory(100, 900, 950, 50), 300, 100, 8) ==
        "train.batch_size=6 may fit, or smaller photos");
  // By the numbers it fits, but it did not: less than now, in any case.
  CHECK(memory_advice(out_of_memory(10, 400, 500, 500), 300, 100, 8) ==
        "train.batch_size=7 may fit, or smaller photos");
  // The first thing asked for: 8 photos have not used a byte more than before.
  CHECK(memory_advice(out_of_memory(0, 100, 500, 500), 300, 100, 8) == "train.batch_size=7 may fit, or smaller photos");
  CHECK(memory_advice(out_of_memory(10, 50, 500, 500), 300, 100, 8) == "train.batch_size=7 may fit, or smaller photos");
}

TEST_CASE("memory: of what a library asked for, and did not say, only a smaller batch is known to help") {
  CHECK(memory_advice(out_of_memory(0, 0, 0, 50), 300, 100, 8) == "train.batch_size=7 may fit, or smaller photos");
  CHECK(memory_advice(out_of_memory(0, 0, 0, 50), 300, 100, 1) ==
        "smaller photos (Resize, or model.min_size and model.max_size) may fit");
}

TEST_CASE("memory: where no smaller batch fits, other advice is given") {
  CHECK(memory_advice(out_of_memory(100, 900, 950, 50), 300, 100, 1) ==
        "smaller photos (Resize, or model.min_size and model.max_size) may fit");
  CHECK(memory_advice(out_of_memory(100, 900, 950, 50), 1000, 100, 4) ==
        "weights, gradients and optimizer state alone need 1000 bytes");
}
