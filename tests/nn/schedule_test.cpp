#include "nn/schedule.h"

#include <doctest/doctest.h>

using namespace sil;

TEST_CASE("schedule: warm-up rises linearly and is full at its last step") {
  Schedule s;
  s.base = 0.1, s.warmup_steps = 4;
  CHECK(s(0) == doctest::Approx(0.025));
  CHECK(s(3) == doctest::Approx(0.1));
  CHECK(s(100) == doctest::Approx(0.1));
}

TEST_CASE("schedule: steps multiply by gamma") {
  Schedule s;
  s.kind = Schedule::Kind::step, s.base = 1, s.step_size = 10, s.gamma = 0.1;
  CHECK(s(9) == doctest::Approx(1));
  CHECK(s(10) == doctest::Approx(0.1));
  CHECK(s(29) == doctest::Approx(0.01));
}

TEST_CASE("schedule: cosine with warm-up is min(1, (s + 1) / w) (1 + cos(pi s / n)) / 2") {
  Schedule s;
  s.kind = Schedule::Kind::cosine, s.base = 2e-4, s.warmup_steps = 30, s.total_steps = 300;
  CHECK(s(0) == doctest::Approx(2e-4 / 30));
  CHECK(s(15) == doctest::Approx(2e-4 * 16 / 30 * 0.99384417029756889));
  CHECK(s(150) == doctest::Approx(1e-4));
  CHECK(s(300) == doctest::Approx(0).epsilon(1e-12));
  CHECK(s(400) == doctest::Approx(0).epsilon(1e-12));
}
