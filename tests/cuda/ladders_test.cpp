// Every version of every kernel ladder gives the CPU's answer, on fibers at small sizes.
#include <doctest/doctest.h>

#include "bench/kernels/ladder.h"

using namespace sil;

TEST_CASE("ladders: every version gives the CPU's answer") {
  for (const auto& [name, make] : SIL_GPU::ladders()) {
    CAPTURE(std::string(name));
    const Ladder ladder = make(Device::simt(), LadderSize::small);
    CHECK(ladder.versions.size() >= 3);
    REQUIRE(ladder.outputs.size() == ladder.expected.size());
    for (const Ladder::Version& version : ladder.versions) {
      CAPTURE(std::string(version.what));
      spoil(ladder);
      CHECK(mistake(ladder) != "");
      version.run();
      CHECK(mistake(ladder) == "");
    }
  }
}
