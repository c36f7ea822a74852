#include "cuda/ring.h"

#include <doctest/doctest.h>

#include <deque>

#include "tensor/rng.h"

using sil::RngKey;
using sil::cuda::Ring;

TEST_CASE("ring: round the end, full, and too much") {
  Ring ring(1024);
  CHECK(ring.take(1) == 0);
  CHECK(ring.take(512) == 256);
  CHECK(ring.take(300) == std::nullopt);  // 256 are left
  CHECK(ring.take(256) == 768);
  CHECK(ring.take(1) == std::nullopt);
  ring.give_back_oldest();
  CHECK(ring.take(257) == std::nullopt);
  CHECK(ring.take(256) == 0);
  CHECK(ring.take(1) == std::nullopt);
  ring.give_back_oldest(), ring.give_back_oldest(), ring.give_back_oldest();
  CHECK(ring.empty());
  CHECK(ring.take(1025) == std::nullopt);
  CHECK(ring.take(1024) == 0);
}

TEST_CASE("ring: what is taken never overlaps, and all can be taken again") {
  Ring ring(64 * 256);
  struct Stretch {
    size_t begin, end;
  };
  std::deque<Stretch> taken;
  const RngKey key{1};
  for (uint64_t i = 0; i < 20000; ++i) {
    const size_t bytes = size_t(key.below(2 * i, 20 * 256)) + 1;
    if (const auto begin = ring.take(bytes)) {
      CHECK(*begin % 256 == 0);
      CHECK(*begin + bytes <= 64 * 256);
      for (const Stretch& s : taken) CHECK((*begin + bytes <= s.begin || *begin >= s.end));
      taken.push_back({*begin, *begin + bytes});
    } else {
      REQUIRE(!taken.empty());
      ring.give_back_oldest(), taken.pop_front();
    }
    if (key.below(2 * i + 1, 50) == 0) {
      for (; !taken.empty(); taken.pop_front()) ring.give_back_oldest();
      CHECK(ring.take(64 * 256) == 0);
      ring.give_back_oldest();
    }
  }
}
