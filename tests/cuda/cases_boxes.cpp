#include <algorithm>
#include <cmath>

#include "tests/cpu/random_boxes.h"
#include "tests/cuda/kernel_cases.h"

namespace sil {
namespace {

constexpr BoxKind kKinds[] = {BoxKind::ordinary, BoxKind::whole_pixels, BoxKind::one_pixel,
                              BoxKind::thin,     BoxKind::outside,      BoxKind::nan};

Tensor boxes(const On& on, int64_t count, BoxKind kind, uint64_t seed) {
  return on(box_tensor<float>(random_boxes(count, kind, RngKey{seed}, 100, 60)));
}

std::vector<Tensor> matched(const On& on, int64_t rows, int64_t objects, BoxKind kind, MatcherGeom g) {
  std::vector<int32_t> image, truth_image;
  for (int64_t r = 0; r < rows; ++r) image.push_back(int32_t(r % 4) - 1);
  for (int64_t o = 0; o < objects; ++o) truth_image.push_back(int32_t(o % 2) * 2);  // image 1 has none
  const Tensor truth = boxes(on, objects, kind, 2), own = on.ints(truth_image), candidates = boxes(on, rows, kind, 1);
  return {ops::match_boxes(candidates, on.ints(image), truth, own, 3, g),
          ops::match_boxes(candidates, {}, truth, own, 3, g)};
}

Tensor key(const On& on) { return on(Tensor::of<int64_t>({1}, {9})); }

std::vector<Tensor> sampled(const On& on, int64_t rows, int64_t images, SamplerGeom g, int positive_of) {
  std::vector<int32_t> match, image, labels;
  for (int64_t r = 0; r < rows; ++r) {
    match.push_back(r % positive_of == 0 ? int32_t(r) : r % 5 == 1 ? -2 : -1);
    image.push_back(r % 7 == 6 ? -1 : int32_t(r * images / rows));
    labels.push_back(int32_t(r % 9) + 1);
  }
  std::vector<Tensor> all;
  const auto add = [&](const ops::Sampled& s) { all.insert(all.end(), {s.rows, s.labels, s.positive, s.count}); };
  add(ops::sample(on.ints(match), on.ints(image), on.ints(labels), images, key(on), g));
  match.resize(size_t(rows / std::max<int64_t>(images, 1) * images));
  add(ops::sample(on.ints(match), {}, {}, images, key(on), g));
  return all;
}

// Two images; scores have equals and numbers that are none.
std::vector<Tensor> kept(const On& on, int64_t candidates, int64_t limit, BoxKind kind, int groups,
                         double threshold = 0.5) {
  std::vector<double> scores;
  std::vector<int32_t> group;
  const RngKey key{7};
  for (int64_t i = 0; i < 2 * candidates; ++i)
    scores.push_back(i % 11 == 3 ? NAN : std::floor(key.uniform64(uint64_t(i)) * 60) / 50 - 0.1);
  for (int64_t i = 0; i < 2 * candidates; ++i)
    group.push_back(int32_t((i + i / candidates) % candidates * groups / candidates));
  return {ops::nms(boxes(on, 2 * candidates, kind, 3).view({2, candidates, 4}), on.floats({2, candidates}, scores),
                   on.ints(group).view({2, candidates}), limit, {1, threshold, 0.1f})};
}

}  // namespace

std::vector<KernelCase> box_cases() {
  std::vector<KernelCase> all{
      {"make_anchors", "two levels",
       [](const On& on) {
         const Tensor grid = Tensor::of<int32_t>({2, 2}, {30, 17, 1, 2}),
                      stride = Tensor::of<int32_t>({2, 2}, {4, 5, 61, 64});
         return std::vector{
             ops::make_anchors({boxes(on, 3, BoxKind::ordinary, 1), boxes(on, 1, BoxKind::ordinary, 2)}, grid, stride)};
       },
       0, true},
      {"decode_boxes", "several classes, images and empty rows",
       [](const On& on) {
         const Tensor sizes = on(Tensor::of<int32_t>({2, 2}, {50, 70, 40, 90}));
         std::vector<int32_t> image;
         for (int i = 0; i < 300; ++i) image.push_back(i % 3 - 1);
         const Tensor deltas = on.random({300, 12}, 1, -6, 6), reference = boxes(on, 300, BoxKind::ordinary, 2);
         return std::vector{ops::decode_boxes(deltas, reference, {10, 10, 5, 5}, on.ints(image), sizes),
                            ops::decode_boxes(on.random({0, 4}, 1), boxes(on, 0, BoxKind::ordinary, 1), {})};
       },
       8, true},
      {"sample", "two images",
       [](const On& on) {
         return sampled(on, 700, 2, {32, 0.5}, 3);
       },
       0, true},
      {"sample", "fewer than wanted",
       [](const On& on) {
         return sampled(on, 20, 3, {256, 0.25}, 4);
       },
       0, true},
      {"sample", "longer than a block, few positives",
       [](const On& on) {
         return sampled(on, 2600, 1, {512, 0.25}, 100);
       },
       0, true},
      {"sample", "one row behind a block, all drawn",
       [](const On& on) {
         return sampled(on, 1025, 1, {2000, 0.5}, 2);
       },
       0, true},
      {"sample", "one row behind a block, few drawn",
       [](const On& on) {
         return sampled(on, 1025, 1, {64, 0.5}, 2);
       },
       0, true},
      {"sample", "one row behind a block, all of one kind, all drawn and all but one",
       [](const On& on) {
         std::vector<Tensor> found;
         for (int wanted : {2000, 1024}) {
           const std::vector<int32_t> match(1025, -1);
           const ops::Sampled s = ops::sample(on.ints(match), {}, on.ints({3}), 1, key(on), {wanted, 0.5});
           found.insert(found.end(), {s.rows, s.labels, s.positive, s.count});
         }
         return found;
       },
       0, true},
      {"sample", "images of several parts; positive rows everywhere, or fewer or more than wanted in one part",
       [](const On& on) {
         std::vector<Tensor> found;
         for (int positives : {-1, 5, 90}) {
           std::vector<int32_t> match(2 * 8501, -1);
           for (int i = 0; i < int(match.size()); ++i)
             if (positives < 0 ? i % 3 == 0 : i >= 6000 && i < 6000 + positives) match[size_t(i)] = i % 2;
           const ops::Sampled s = ops::sample(on.ints(match), {}, on.ints({3, 4}), 2, key(on), {96, 0.5});
           found.insert(found.end(), {s.rows, s.labels, s.positive, s.count});
         }
         return found;
       },
       0, true},
      {"sample", "one of each kind too many",
       [](const On& on) -> std::vector<Tensor> {
         const ops::Sampled s =
             ops::sample(on.ints({0, -1, 0, -1, -1, 0, -1, -1}), {}, on.ints({3}), 1, key(on), {6, 1.0 / 3});
         return {s.rows, s.labels, s.positive, s.count};
       },
       0, true},
      {"sample", "no rows", [](const On& on) { return sampled(on, 0, 2, {}, 1); }, 0, true},
      {"sample", "no images", [](const On& on) { return sampled(on, 0, 0, {}, 1); }, 0, true},
      {"sample", "every row of many images, all kinds",
       [](const On& on) {
         return sampled(on, 90, 9, {1000, 1}, 2);
       },
       0, true},
      {"nms", "more than 64, several groups", [](const On& on) { return kept(on, 150, 40, BoxKind::ordinary, 5); }, 0,
       true},
      {"nms", "one group, more room than boxes", [](const On& on) { return kept(on, 70, 90, BoxKind::ordinary, 1); }, 0,
       true},
      {"nms", "words of bits and one box more, all alike",
       [](const On& on) {
         std::vector<Tensor> both;
         for (int64_t n : {64, 65, 128, 129}) {
           const std::vector<PlainBox> alike(size_t(n), {0, 0, 9, 9});
           both.push_back(ops::nms(on(box_tensor<float>(alike)).view({1, n, 4}),
                                   on.floats({1, n}, std::vector<double>(size_t(n), 0.5)),
                                   on.ints(std::vector<int32_t>(size_t(n), 2)).view({1, n}), 3, {}));
         }
         return both;
       },
       0, true},
      {"nms", "an overlap at the threshold is kept",
       [](const On& on) {
         const Tensor b = on(Tensor::of<float>({1, 3, 4}, {0, 0, 10, 10, 0, 0, 10, 5, 0, 0, 10, 6}));
         std::vector<Tensor> rows;
         for (double threshold : {0.5, 0.6, 0.7})
           rows.push_back(
               ops::nms(b, on.floats({1, 3}, {3, 2, 1}), on.ints({0, 0, 0}).view({1, 3}), 3, {0, threshold}));
         return rows;
       },
       0, true},
      {"nms", "one candidate", [](const On& on) { return kept(on, 1, 3, BoxKind::ordinary, 1); }, 0, true},
      {"nms", "none wanted", [](const On& on) { return kept(on, 5, 0, BoxKind::ordinary, 1); }, 0, true},
      {"nms", "no candidates",
       [](const On& on) {
         return std::vector{ops::nms(boxes(on, 0, BoxKind::ordinary, 1).view({2, 0, 4}), on.floats({2, 0}, {}),
                                     on.ints({}).view({2, 0}), 4, {})};
       },
       0, true},
      {"match_boxes", "more objects than a stretch",
       [](const On& on) {
         return matched(on, 300, 300, BoxKind::ordinary, {0.6f, 0.3f, true});
       },
       0, true},
      {"match_boxes", "one object behind a stretch, which each row likes best",
       [](const On& on) {
         std::vector<PlainBox> objects(129, {200, 200, 210, 210}), rows(50, {0, 0, 9, 20});
         objects[128] = {0, 0, 10, 20}, rows[30] = {0, 0, 30, 30};
         const Tensor truth = on(box_tensor<float>(objects)), own = on.ints(std::vector<int32_t>(129, 0));
         std::vector<Tensor> both;
         for (float foreground : {0.5f, 0.95f})
           both.push_back(ops::match_boxes(on(box_tensor<float>(rows)), {}, truth, own, 1, {foreground, 0.3f, true}));
         return both;
       },
       0, true},
      {"match_boxes", "no objects, no rows",
       [](const On& on) {
         std::vector<Tensor> both = matched(on, 10, 0, BoxKind::ordinary, {});
         both.push_back(matched(on, 0, 4, BoxKind::ordinary, {})[0]);
         return both;
       },
       0, true},
  };
  for (BoxKind kind : kKinds) {
    all.push_back({"nms", "a kind of boxes", [kind](const On& on) { return kept(on, 100, 30, kind, 3); }, 0, true});
    all.push_back({"nms", "candidates that end with a word of bits, or a box behind it",
                   [kind](const On& on) {
                     std::vector<Tensor> rows;
                     for (int64_t n : {63, 64, 65, 128}) rows.push_back(kept(on, n, n, kind, 1, 0.02)[0]);
                     return rows;
                   },
                   0, true});
    all.push_back(
        {"encode_boxes", "a kind of boxes",
         [kind](const On& on) {
           return std::vector{ops::encode_boxes(boxes(on, 300, kind, 1), boxes(on, 300, kind, 2), {10, 10, 5, 5})};
         },
         8, true});
    all.push_back({"match_boxes", "a kind of boxes",
                   [kind](const On& on) {
                     std::vector<Tensor> both = matched(on, 400, 20, kind, {0.5f, 0.2f, true});
                     both.push_back(matched(on, 400, 20, kind, {0.5f, 0.5f, false})[0]);
                     return both;
                   },
                   0, true});
  }
  return all;
}

}  // namespace sil
