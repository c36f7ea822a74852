#include <doctest/doctest.h>

#include <cmath>

#include "tensor/ops.h"

using namespace sil;

namespace {

Tensor ints(const std::vector<int32_t>& v) { return Tensor::of<int32_t>({int64_t(v.size())}, v); }

Tensor tensor(RngKey key) { return Tensor::of<int64_t>({1}, {int64_t(key.state)}); }

// Rows 0, 1, 2, ...: `positives` matched, then `negatives`, then `ignored`.
std::vector<int32_t> rows_of(int positives, int negatives, int ignored) {
  std::vector<int32_t> m(size_t(positives), 3);
  m.resize(m.size() + size_t(negatives), -1);
  m.resize(m.size() + size_t(ignored), -2);
  return m;
}

struct Counts {
  int positive = 0, negative = 0, ignored = 0;
  friend bool operator==(const Counts&, const Counts&) = default;
};

Counts count(const std::vector<int32_t>& matched, const std::vector<uint8_t>& picked) {
  Counts c;
  for (size_t r = 0; r < matched.size(); ++r)
    (matched[r] >= 0 ? c.positive : matched[r] == -1 ? c.negative : c.ignored) += picked[r];
  return c;
}

// Which rows were drawn, as flags.
std::vector<uint8_t> sample(const Tensor& matched, const Tensor& image, int64_t images, RngKey key, SamplerGeom g) {
  std::vector<uint8_t> picked(size_t(matched.numel()));
  for (int32_t row : ops::sample(matched, image, {}, images, tensor(key), g).rows.to_vector<int32_t>())
    if (row >= 0) ++picked[size_t(row)];
  return picked;
}

Counts drawn(const std::vector<int32_t>& matched, SamplerGeom g) {
  const Tensor image = Tensor::zeros({int64_t(matched.size())}, DType::i32);
  return count(matched, sample(ints(matched), image, 1, RngKey{5}, g));
}

}  // namespace

TEST_CASE("sampler: at most the share of positives, negatives fill up, ignored rows never come") {
  CHECK(drawn(rows_of(300, 1000, 50), {256, 0.5f}) == Counts{128, 128, 0});
  CHECK(drawn(rows_of(20, 1000, 50), {256, 0.5f}) == Counts{20, 236, 0});
  CHECK(drawn(rows_of(300, 10, 50), {256, 0.5f}) == Counts{128, 10, 0});
  CHECK(drawn(rows_of(0, 10, 50), {256, 0.5f}) == Counts{0, 10, 0});
  CHECK(drawn(rows_of(600, 600, 0), {512, 0.25f}) == Counts{128, 384, 0});
  CHECK(drawn(rows_of(6, 3, 1), {1000000, 0.5f}) == Counts{6, 3, 0});
  CHECK(drawn(rows_of(5, 5, 0), {0, 0.5f}) == Counts{0, 0, 0});
  CHECK(drawn({}, {256, 0.5f}) == Counts{0, 0, 0});
}

TEST_CASE("sampler: the share is rounded down in double, as Python's: 29 % of 100 are 28") {
  CHECK(drawn(rows_of(100, 100, 0), {100, 0.29}) == Counts{28, 72, 0});
}

TEST_CASE("sampler: each image has its own counts, empty rows never come") {
  const std::vector<int32_t> matched{0, 0, 0, -1, -1, -1, 0, -1}, image{0, 1, 0, 1, 0, 1, -1, -1};
  const auto picked = sample(ints(matched), ints(image), 3, RngKey{1}, {2, 0.5f});
  CHECK(picked[0] + picked[2] == 1);
  CHECK(picked[4] == 1);
  CHECK(picked[1] == 1);
  CHECK(picked[3] + picked[5] == 1);
  CHECK(picked[6] + picked[7] == 0);
}

TEST_CASE(
    "sampler: what was drawn is listed image by image, empty rows behind; a label a row, the matched ones' places") {
  // All are drawn: 16 an image, as many of them positive.
  const std::vector<int32_t> matched{1, -1, -2, 0, -1, -1, 2}, image{1, 0, 0, 0, -1, 1, 0};
  const ops::Sampled s = ops::sample(ints(matched), ints(image), ints({7, 8, 9}), 2, tensor(RngKey{1}), {16, 1});
  CHECK(s.rows.to_vector<int32_t>() == std::vector<int32_t>{1, 3, 6, 0, 5, -1, -1});
  CHECK(s.labels.to_vector<int32_t>() == std::vector<int32_t>{0, 7, 9, 8, 0, -1, -1});
  CHECK(s.positive.to_vector<int32_t>() == std::vector<int32_t>{1, 2, 3, -1, -1, -1, -1});
  CHECK(s.count.to_vector<int32_t>() == std::vector<int32_t>{5});
  // Without labels an object's is 1; without images they have as many rows each; room is what can be drawn.
  const ops::Sampled halves = ops::sample(ints({-1, 4, -2, 4, -1, -1}), {}, {}, 2, tensor(RngKey{1}), {2, 0.5});
  CHECK(halves.rows.to_vector<int32_t>() == std::vector<int32_t>{0, 1, 3, halves.rows.to_vector<int32_t>()[3]});
  CHECK(halves.labels.to_vector<int32_t>() == std::vector<int32_t>{0, 1, 1, 0});
  CHECK(halves.positive.to_vector<int32_t>() == std::vector<int32_t>{1, 2});
  CHECK(ops::sample(ints({}), {}, {}, 0, tensor(RngKey{1}), {}).count.to_vector<int32_t>() == std::vector<int32_t>{0});
}

TEST_CASE("sampler: the key decides, not the number of threads, not rows of other images, not empty rows") {
  std::vector<int32_t> matched, image, padded_matched, padded_image;
  for (int r = 0; r < 4000; ++r) {
    matched.push_back(r % 9 ? -1 : r % 5), image.push_back(r / 1000);
    padded_matched.push_back(matched.back()), padded_image.push_back(image.back());
    if (r % 1000 == 999)
      padded_matched.insert(padded_matched.end(), 24, -1), padded_image.insert(padded_image.end(), 24, -1);
  }
  const auto draw = [&](uint64_t key) { return sample(ints(matched), ints(image), 4, RngKey{key}, {64, 0.5f}); };
  const auto first = draw(1);
  CHECK(draw(1) == first);
  CHECK(draw(2) != first);
  std::vector<uint8_t> serial;
#pragma omp parallel num_threads(2)
#pragma omp single
  serial = draw(1);
  CHECK(serial == first);

  // A device with a fixed number of rows an image draws the same.
  const auto padded = sample(ints(padded_matched), ints(padded_image), 4, RngKey{1}, {64, 0.5f});
  for (size_t r = 0; r < 4000; ++r) CHECK(padded[r + r / 1000 * 24] == first[r]);

  // Two images of equal rows draw differently.
  CHECK(!std::equal(first.begin(), first.begin() + 1000, first.begin() + 1000));
}

TEST_CASE("sampler: every row is equally likely, and so is every pair: chi-square over 1,000 draws") {
  // 1,000 draws of 8 among 24: a row comes with probability 1/3, a pair with 8 * 7 / (24 * 23).
  constexpr int kRows = 24, kDraws = 1000;
  const std::vector<int32_t> matched = rows_of(0, kRows, 0);
  const Tensor image = Tensor::zeros({kRows}, DType::i32), match = ints(matched);
  std::vector<double> single(kRows), pair(kRows * kRows);
  for (uint64_t d = 0; d < kDraws; ++d) {
    const auto picked = sample(match, image, 1, RngKey{42}.fold(d), {8, 0.5f});
    for (size_t i = 0; i < kRows; ++i)
      for (size_t j = 0; j < kRows; ++j) (i == j ? single[i] : pair[i * kRows + j]) += picked[i] && picked[j];
  }
  // Each statistic over its degrees of freedom: near 1; the bounds lie beyond the 99.9th percentile (2.1 of 23 degrees;
  // pairs: 1.3 of 275).
  double rows = 0, pairs = 0;
  const double expected = kDraws * 8.0 / kRows, expected_pair = expected * 7 / (kRows - 1);
  for (size_t i = 0; i < kRows; ++i) {
    rows += (single[i] - expected) * (single[i] - expected) / (expected * (1 - 8.0 / kRows));
    for (size_t j = i + 1; j < kRows; ++j)
      pairs += (pair[i * kRows + j] - expected_pair) * (pair[i * kRows + j] - expected_pair) /
               (expected_pair * (1 - expected_pair / kDraws));
  }
  CHECK(rows / (kRows - 1) < 2.2);
  CHECK(rows / (kRows - 1) > 0.3);
  CHECK(pairs / 275 < 1.4);
  CHECK(pairs / 275 > 0.7);
}
