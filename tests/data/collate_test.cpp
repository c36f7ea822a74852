#include <doctest/doctest.h>

#include "data/batch.h"
#include "tests/folder.h"

using namespace sil;

namespace {

Example example(int64_t id, int height, int width, int objects) {
  Example e;
  e.photo = Tensor::full({height, width, 3}, double(id));
  e.size = {height, width}, e.normalize = {{0, 0, 0}, {1, 1, 1}};
  e.image_id = id;
  e.original = {2 * height, 2 * width};
  for (int i = 0; i < objects; ++i) {
    e.boxes.insert(e.boxes.end(), {0, 0, float(i + 1), 1});
    e.labels.push_back(i + 1);
    e.masks.push_back({height, width, {uint32_t(i), 1, uint32_t(height * width - i - 1)}});
  }
  return e;
}

}  // namespace

TEST_CASE("collate: photos are padded right and below, with zeros, to a multiple of 32 that holds them all") {
  const Batch b = collate({example(1, 40, 20, 0), example(2, 10, 65, 1)});
  REQUIRE(b.photos.shape() == Shape{2, 64, 96, 3});
  CHECK(b.sizes.to_vector<int32_t>() == std::vector<int32_t>{40, 20, 10, 65});
  CHECK(b.image_ids == std::vector<int64_t>{1, 2});
  CHECK(b.original == std::vector<std::array<int, 2>>{{80, 40}, {20, 130}});
  for (int64_t n = 0; n < 2; ++n)
    for (int64_t y = 0; y < 64; ++y)
      for (int64_t x = 0; x < 96; ++x) {
        const bool inside = n == 0 ? y < 40 && x < 20 : y < 10 && x < 65;
        REQUIRE(b.photos.data<float>()[((n * 64 + y) * 96 + x) * 3 + 1] == (inside ? float(n + 1) : 0.0f));
      }
  CHECK(collate({example(1, 64, 32, 0)}).photos.shape() == Shape{1, 64, 32, 3});
}

TEST_CASE("collate: targets of any number, in order, each with its photo, its runs and its size") {
  const Targets t = collate({example(1, 4, 5, 2), example(2, 6, 3, 0), example(3, 2, 2, 1)}).targets;
  REQUIRE(t.count() == 3);
  CHECK(t.boxes.to_vector<float>() == std::vector<float>{0, 0, 1, 1, 0, 0, 2, 1, 0, 0, 1, 1});
  CHECK(t.labels.to_vector<int32_t>() == std::vector<int32_t>{1, 2, 1});
  CHECK(t.image.to_vector<int32_t>() == std::vector<int32_t>{0, 0, 2});
  CHECK(t.run_begin.to_vector<int32_t>() == std::vector<int32_t>{0, 3, 6, 9});
  CHECK(t.run_ends.to_vector<int32_t>() == std::vector<int32_t>{0, 1, 20, 1, 2, 20, 0, 1, 4});
  CHECK(t.size.to_vector<int32_t>() == std::vector<int32_t>{4, 5, 4, 5, 2, 2});
}

TEST_CASE("collate: no object at all, and five hundred on one photo") {
  const Targets none = collate({example(1, 4, 4, 0), example(2, 4, 4, 0)}).targets;
  CHECK(none.count() == 0);
  CHECK(none.boxes.shape() == Shape{0, 4});
  CHECK(none.size.shape() == Shape{0, 2});
  CHECK(none.run_begin.to_vector<int32_t>() == std::vector<int32_t>{0});
  const Targets many = collate({example(1, 40, 40, 500)}).targets;
  CHECK(many.count() == 500);
  CHECK(many.run_ends.dim(0) == 1500);
}

TEST_CASE("collate: an example that disagrees with itself is refused") {
  const auto refused = [](const Example& e) { return test::error_of([&] { collate({e}); }); };
  CHECK(test::error_of([] { collate({}); }) == "collate: 0 examples (1 or more expected)");
  Example e = example(7, 4, 4, 1);
  e.boxes.pop_back();
  CHECK(refused(e) ==
        "collate: image 7 has 1 labels, 3 box coordinates and 1 masks (one box of 4 and one mask a label expected)");
  e = example(7, 4, 4, 1);
  e.masks[0] = {3, 4, {12}};
  CHECK(refused(e) == "collate: a mask of image 7 is 3 x 4 (its photo's 4 x 4 expected)");
  e = example(7, 4, 4, 0);
  e.photo = Tensor::zeros({4, 4}, DType::u8);
  CHECK(refused(e) == "collate: photo of image 7 is uint8 [4, 4] (uint8 or float32 [H, W, 3] expected)");
  e = example(7, 4, 4, 0);
  e.size = {};
  CHECK(refused(e) == "normalize_photos: photo 0 becomes 0 x 0; 1 x 1 to the batch's 0 x 0 expected");
}
