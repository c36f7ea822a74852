#include <doctest/doctest.h>

#include "tensor/ops.h"
#include "tests/cpu/golden.h"
#include "tests/cpu/random_boxes.h"

using namespace sil;

namespace {

Tensor ints(const std::vector<int32_t>& v) { return Tensor::of<int32_t>({int64_t(v.size())}, v); }

// The whole matrix of overlaps, then the rules one after the other.
std::vector<int32_t> plain_match(const std::vector<PlainBox>& boxes, const std::vector<int32_t>& image,
                                 const std::vector<PlainBox>& truth, const std::vector<int32_t>& truth_image,
                                 MatcherGeom g, bool single = false) {
  const auto rounded = [=](double v) { return single ? double(float(v)) : v; };
  std::vector<std::vector<double>> overlap(boxes.size(), std::vector<double>(truth.size(), -1));
  for (size_t r = 0; r < boxes.size(); ++r)
    for (size_t o = 0; o < truth.size(); ++o)
      if (image[r] >= 0 && image[r] == truth_image[o]) overlap[r][o] = rounded(plain_iou(truth[o], boxes[r]));
  std::vector<int32_t> matched;
  for (size_t r = 0; r < boxes.size(); ++r) {
    const auto best = std::max_element(overlap[r].begin(), overlap[r].end());
    const double most = best == overlap[r].end() ? -1 : *best;
    const int32_t nearest = int32_t(best - overlap[r].begin());
    bool positive = most >= double(g.foreground);
    for (size_t o = 0; g.low_quality && o < truth.size(); ++o) {
      double reached = 0;
      for (size_t q = 0; q < boxes.size(); ++q) reached = std::max(reached, overlap[q][o]);
      positive = positive || (reached > 0 && overlap[r][o] == reached);
    }
    matched.push_back(positive ? nearest : most >= double(g.background) ? -2 : -1);
  }
  return matched;
}

}  // namespace

TEST_CASE("matcher: positive from the foreground threshold, ignored from the background's, else negative") {
  // Overlaps with the object of 10 x 1: 7/10, 5/10, 3/10, 2/10, 0.
  const Tensor rows = Tensor::of<float>({5, 4}, {0, 0, 7, 1, 0, 0, 5, 1, 0, 0, 3, 1, 0, 0, 2, 1, 50, 0, 60, 1});
  const Tensor truth = Tensor::of<float>({1, 4}, {0, 0, 10, 1}), whose = ints({0});
  CHECK(ops::match_boxes(rows, {}, truth, whose, 1, {0.7f, 0.3f, false}).to_vector<int32_t>() ==
        std::vector<int32_t>{0, -2, -2, -1, -1});
}

TEST_CASE("matcher: an object's best rows are restored for their own best object, ties kept") {
  // Object 1 (6..12) overlaps rows 0 and 1 best, by 3/9 each; row 0 overlaps object 0 (0..8) by 5/9, so that is its
  // match.
  const Tensor rows = Tensor::of<float>({4, 4}, {3, 0, 9, 1, 9, 0, 15, 1, 0, 0, 8, 1, 40, 0, 41, 1});
  const Tensor truth = Tensor::of<float>({2, 4}, {0, 0, 8, 1, 6, 0, 12, 1});
  CHECK(ops::match_boxes(rows, {}, truth, ints({0, 0}), 1, {0.7f, 0.3f, true}).to_vector<int32_t>() ==
        std::vector<int32_t>{0, 1, 0, -1});
  CHECK(ops::match_boxes(rows, {}, truth, ints({0, 0}), 1, {0.7f, 0.3f, false}).to_vector<int32_t>() ==
        std::vector<int32_t>{-2, -2, 0, -1});
  const Tensor twins = Tensor::of<float>({3, 4}, {0, 0, 4, 1, 0, 0, 4, 1, 90, 0, 91, 1});
  const Tensor wide = Tensor::of<float>({1, 4}, {0, 0, 100, 1});
  CHECK(ops::match_boxes(twins, {}, wide, ints({0}), 1, {0.7f, 0.3f, true}).to_vector<int32_t>() ==
        std::vector<int32_t>{0, 0, -1});
}

TEST_CASE("matcher: an object that touches no row restores none") {
  const Tensor rows = Tensor::of<float>({2, 4}, {0, 0, 4, 4, 8, 8, 12, 12});
  const Tensor truth = Tensor::of<float>({2, 4}, {20, 20, 24, 24, 2, 2, 2, 2});
  CHECK(ops::match_boxes(rows, {}, truth, ints({0, 0}), 1, {0.7f, 0.3f, true}).to_vector<int32_t>() ==
        std::vector<int32_t>{-1, -1});
}

TEST_CASE("matcher: shared rows meet each image's objects; an image without objects is all negative") {
  const Tensor rows = Tensor::of<float>({2, 4}, {0, 0, 4, 4, 8, 8, 12, 12});
  const Tensor truth = Tensor::of<float>({2, 4}, {8, 8, 12, 12, 0, 0, 4, 4});
  CHECK(ops::match_boxes(rows, {}, truth, ints({2, 0}), 3, {0.7f, 0.3f, true}).to_vector<int32_t>() ==
        std::vector<int32_t>{1, -1, -1, -1, -1, 0});
}

TEST_CASE("matcher: empty rows and empty objects take no part") {
  const Tensor rows = Tensor::of<float>({3, 4}, {0, 0, 4, 4, 0, 0, 4, 4, 0, 0, 4, 4});
  const Tensor truth = Tensor::of<float>({2, 4}, {0, 0, 4, 4, 0, 0, 4, 4});
  CHECK(ops::match_boxes(rows, ints({-1, 0, 1}), truth, ints({-1, 1}), 2, {0.5f, 0.5f, false}).to_vector<int32_t>() ==
        std::vector<int32_t>{-1, -1, 1});
  CHECK(ops::match_boxes(Tensor::zeros({0, 4}), {}, truth, ints({0, 0}), 2, {}).numel() == 0);
  CHECK(ops::match_boxes(rows, {}, Tensor::zeros({0, 4}), ints({}), 1, {}).to_vector<int32_t>() ==
        std::vector<int32_t>{-1, -1, -1});
}

TEST_CASE("matcher: the table of cases equals the whole matrix") {
  struct Row {
    int64_t rows, objects;
    BoxKind boxes, truth;
  };
  for (const Row& c :
       {Row{1, 1, BoxKind::ordinary, BoxKind::ordinary}, Row{700, 31, BoxKind::ordinary, BoxKind::ordinary},
        Row{600, 40, BoxKind::whole_pixels, BoxKind::whole_pixels},
        Row{300, 500, BoxKind::ordinary, BoxKind::one_pixel}, Row{300, 20, BoxKind::thin, BoxKind::thin},
        Row{300, 20, BoxKind::nan, BoxKind::ordinary}, Row{300, 20, BoxKind::ordinary, BoxKind::nan},
        Row{257, 5, BoxKind::outside, BoxKind::ordinary}}) {
    CAPTURE(c.rows);
    CAPTURE(c.objects);
    const auto boxes = random_boxes(c.rows, c.boxes, RngKey{8}, 90, 70);
    const auto truth = random_boxes(c.objects, c.truth, RngKey{9}, 90, 70);
    std::vector<int32_t> mixed, packed, whose;
    for (int64_t r = 0; r < c.rows; ++r)
      mixed.push_back(int32_t(r * 7 % 4) - 1), packed.push_back(int32_t(r * 3 / c.rows));
    for (int64_t o = 0; o < c.objects; ++o) whose.push_back(int32_t(o * 5 % 3));
    for (const MatcherGeom g : {MatcherGeom{0.7f, 0.3f, true}, MatcherGeom{0.5f, 0.5f, false}})
      for (const auto& image : {mixed, packed}) {
        const auto want = plain_match(boxes, image, truth, whose, g);
        CHECK(ops::match_boxes(box_tensor<double>(boxes), ints(image), box_tensor<double>(truth), ints(whose), 3, g)
                  .to_vector<int32_t>() == want);
        if (c.boxes == BoxKind::whole_pixels)  // exact in float32 too
          CHECK(ops::match_boxes(box_tensor<float>(boxes), ints(image), box_tensor<float>(truth), ints(whose), 3, g)
                    .to_vector<int32_t>() == plain_match(boxes, image, truth, whose, g, true));
      }
  }
}

TEST_CASE("matcher: equals torchvision's on anchors and on boxes") {
  const Golden golden("matcher");
  const Tensor truth = ops::concat({golden.floats("truth0"), golden.floats("truth1")}, 0);
  const int64_t first = golden.floats("truth0").dim(0);
  std::vector<int32_t> whose(size_t(truth.dim(0)), 0);
  whose.back() = 1;
  const auto check_equal = [&](const Tensor& rows, MatcherGeom g, const std::string& name) {
    const Tensor matched = ops::match_boxes(rows, {}, truth, ints(whose), 2, g);
    std::vector<int32_t> want;
    for (int n = 0; n < 2; ++n)
      for (int32_t m : golden.ints(name + std::to_string(n)).to_vector<int32_t>())
        want.push_back(m >= 0 && n == 1 ? m + int32_t(first) : m);
    CHECK(matched.to_vector<int32_t>() == want);
  };
  const Tensor anchors = ops::cast(Golden("anchors").ints("anchors"), DType::f32);
  check_equal(anchors, {0.7f, 0.3f, true}, "rpn");
  check_equal(golden.floats("rows"), {0.5f, 0.5f, false}, "box");
  check_equal(golden.floats("rows"), {0.7f, 0.3f, true}, "low");
}
