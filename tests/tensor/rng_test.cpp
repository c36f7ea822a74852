#include "tensor/rng.h"

#include <doctest/doctest.h>

#include <cmath>
#include <set>
#include <vector>

using namespace sil;

TEST_CASE("rng: splitmix64's published first values") {
  // Seed 1234567: the sequence z += golden ratio, then the mix.
  CHECK(splitmix64(1234567) == 6457827717110365317ull);
  CHECK(splitmix64(1234567 + 0x9E3779B97F4A7C15ull) == 3203168211198807973ull);
}

TEST_CASE("rng: the same key gives the same numbers, another key others") {
  const RngKey key{42};
  CHECK(key.fold(1).bits(5) == RngKey{42}.fold(1).bits(5));
  CHECK(key.fold("a").bits(0) == RngKey{42}.fold("a").bits(0));
  std::set<uint64_t> seen;
  for (uint64_t n = 0; n < 100; ++n)
    for (uint64_t i = 0; i < 100; ++i) seen.insert(key.fold(n).bits(i));
  for (const char* name : {"a", "b", "ab", "ba", ""}) seen.insert(key.fold(name).bits(0));
  CHECK(seen.size() == 10005);
  CHECK(key.fold(1).fold(2).state != key.fold(2).fold(1).state);
}

TEST_CASE("rng: uniform numbers lie in [0, 1), with their mean and variance") {
  const RngKey key{7};
  double sum = 0, squares = 0, sum64 = 0;
  const int n = 100000;
  for (uint64_t i = 0; i < n; ++i) {
    const double u = key.uniform(i), v = key.uniform64(i);
    CHECK_FALSE((u < 0 || u >= 1 || v < 0 || v >= 1));
    sum += u, squares += u * u, sum64 += v;
  }
  CHECK(std::abs(sum / n - 0.5) < 0.005);
  CHECK(std::abs(sum64 / n - 0.5) < 0.005);
  CHECK(std::abs(squares / n - 1.0 / 3) < 0.005);
}

TEST_CASE("rng: below draws every number about equally often") {
  std::vector<int> seen(10);
  for (uint64_t i = 0; i < 10000; ++i) ++seen.at(size_t(RngKey{8}.below(i, 10)));
  for (int s : seen) CHECK(std::abs(s - 1000) < 150);
}
