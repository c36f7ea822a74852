#include "data/loader.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "data/image.h"
#include "tests/folder.h"

using namespace sil;

namespace {

// Photos 1..n, each its own pattern, with one object each.
struct Set {
  test::Folder folder{"loader"};
  Annotations all;

  explicit Set(int photos) {
    all.source = "train.json";
    all.categories = {{1, "thing", ""}};
    for (int i = 1; i <= photos; ++i) {
      const std::string file = fmt::format("{}.png", i);
      Tensor image({12, 16, 3}, DType::u8);
      for (int64_t k = 0; k < image.numel(); ++k) image.data<uint8_t>()[k] = uint8_t((37 * i + 5 * k) % 256);
      write_png(folder.path / file, image);
      all.photos.push_back({i, file, 16, 12});
      Annotation a;
      a.id = a.image_id = i;
      a.category_id = 1;
      a.bbox = {1, 1, 5, 5};
      a.has_bbox = true;
      a.segmentation = std::vector<Polygon>{{1, 1, 6, 1, 6, 6, 1, 6}};
      all.annotations.push_back(a);
    }
  }
  Dataset dataset(Purpose purpose = Purpose::training) const {
    const Augmentations list{RandomHorizontalFlip{}, RandomPhotometricDistort{}, ToImage{}, Normalize{}};
    return Dataset(all, folder.path, CategoryTable::by_rank(all), {list, {12, 16}}, purpose);
  }
};

struct Seen {
  std::vector<int64_t> ids;
  std::vector<float> photos, boxes;
  bool operator==(const Seen&) const = default;
};

std::vector<Seen> take(Loader& loader, int batches) {
  std::vector<Seen> out;
  for (int i = 0; i < batches; ++i) {
    const auto examples = loader.next();
    REQUIRE(examples);
    const Batch b = collate(*examples);
    out.push_back({b.image_ids, b.photos.to_vector<float>(), b.targets.boxes.to_vector<float>()});
  }
  return out;
}

std::vector<Seen> take(const Dataset& d, LoaderOptions options, int batches) {
  Loader loader(d, options);
  return take(loader, batches);
}

}  // namespace

TEST_CASE("loader: what it yields depends on the seed alone, not on threads or how far ahead they work") {
  const Set set(7);
  const Dataset d = set.dataset();
  const std::vector<Seen> one = take(d, {.batch_size = 3, .seed = 5}, 12);
  for (int workers : {2, 3, 8})
    for (int ahead : {1, 4})
      CHECK(take(d, {.batch_size = 3, .seed = 5, .workers = workers, .ahead = ahead}, 12) == one);
  CHECK(take(d, {.batch_size = 3, .seed = 6}, 12) != one);
}

TEST_CASE("loader: started at any step it goes on as a run from the start") {
  const Set set(5);
  const Dataset d = set.dataset();
  const std::vector<Seen> all = take(d, {.batch_size = 2, .seed = 1, .workers = 2}, 15);
  for (int step : {1, 2, 5, 11}) {
    const std::vector<Seen> rest = take(d, {.batch_size = 2, .seed = 1, .first_step = step, .workers = 2}, 15 - step);
    CHECK(rest == std::vector<Seen>(all.begin() + step, all.end()));
  }
}

TEST_CASE("loader: every epoch has each photo once, batches are full and span epochs, orders differ") {
  const Set set(7);
  const Dataset d = set.dataset();
  std::vector<int64_t> ids;
  for (const Seen& s : take(d, {.batch_size = 4, .seed = 2}, 14)) {
    CHECK(s.ids.size() == 4);
    ids.insert(ids.end(), s.ids.begin(), s.ids.end());
  }
  std::set<std::vector<int64_t>> orders;
  for (int epoch = 0; epoch < 8; ++epoch) {
    std::vector<int64_t> order(ids.begin() + 7 * epoch, ids.begin() + 7 * (epoch + 1));
    orders.insert(order);
    std::sort(order.begin(), order.end());
    CHECK(order == std::vector<int64_t>{1, 2, 3, 4, 5, 6, 7});
  }
  CHECK(orders.size() == 8);
}

TEST_CASE("loader: a photo is drawn anew each epoch") {
  const Set set(1);
  const Dataset d = set.dataset();
  std::set<std::vector<float>> versions;
  for (const Seen& s : take(d, {.batch_size = 1, .seed = 3}, 20)) versions.insert(s.photos);
  CHECK(versions.size() > 10);
}

TEST_CASE("loader: unshuffled it gives each photo once, in order, the rest in a smaller batch, then nothing") {
  const Set set(5);
  const Dataset d = set.dataset(Purpose::validation);
  for (int workers : {1, 3}) {
    Loader loader(d, {.batch_size = 2, .workers = workers, .shuffle = false});
    std::vector<std::vector<int64_t>> ids;
    while (const auto examples = loader.next()) ids.push_back(collate(*examples).image_ids);
    CHECK(ids == std::vector<std::vector<int64_t>>{{1, 2}, {3, 4}, {5}});
    CHECK_FALSE(loader.next());
  }
}

TEST_CASE("loader: a bad photo is thrown by the batch it is in, and the next batch follows") {
  const Set set(4);
  const Dataset d = set.dataset(Purpose::validation);
  test::write_text(set.folder.path / "2.png", "no picture any more");
  Loader loader(d, {.batch_size = 1, .workers = 2, .ahead = 4, .shuffle = false});
  CHECK(collate(*loader.next()).image_ids == std::vector<int64_t>{1});
  const std::string text = test::error_of([&] { loader.next(); });
  CHECK(text.starts_with((set.folder.path / "2.png").string()));
  CHECK(collate(*loader.next()).image_ids == std::vector<int64_t>{3});
  CHECK(collate(*loader.next()).image_ids == std::vector<int64_t>{4});
  CHECK_FALSE(loader.next());
}

TEST_CASE("loader: left early it stops its threads") {
  const Set set(3);
  const Dataset d = set.dataset();
  for (int i = 0; i < 20; ++i) Loader(d, {.batch_size = 2, .workers = 3, .ahead = 5});
}

TEST_CASE("loader: impossible options and an empty set are refused") {
  const Set set(1);
  const Dataset d = set.dataset();
  const auto refused = [&](LoaderOptions o) { return test::error_of([&] { Loader(d, o); }); };
  CHECK(refused({.batch_size = 0}) == "loader: batch_size is 0 (1 or more expected)");
  CHECK(refused({.workers = 0}) == "loader: workers is 0 (1 or more expected)");
  CHECK(refused({.ahead = 0}) == "loader: ahead is 0 (1 or more expected)");
  CHECK(refused({.first_step = -1}) == "loader: first_step is -1 (0 or more expected)");
  Annotations none;
  none.source = "empty.json";
  const Dataset empty(none, "", {}, {}, Purpose::prediction);
  CHECK(test::error_of([&] { Loader(empty, {}); }) == "empty.json: no photo to train on");
  Loader nothing(empty, {.shuffle = false});
  CHECK_FALSE(nothing.next());
}
