#include <limits>

#include "tests/cpu/random_boxes.h"
#include "tests/cuda/kernel_cases.h"

namespace sil {
namespace {

// RoIs of every kind, of alternating images, every fifth row empty.
struct Rois {
  Tensor boxes, image;
};
Rois rois(const On& on, int64_t count, int32_t images, BoxKind kind, double width, double height) {
  std::vector<int32_t> image;
  for (int64_t r = 0; r < count; ++r) image.push_back(r % 5 == 4 ? -1 : int32_t(r) % images);
  return {on(box_tensor<float>(random_boxes(count, kind, RngKey{1}, width, height))), on.ints(image)};
}

std::vector<Tensor> aligned(const On& on, const std::vector<Shape>& levels, const Rois& r, RoiAlignGeom g) {
  std::vector<Tensor> pyramid;
  for (size_t l = 0; l < levels.size(); ++l) pyramid.push_back(on.random(levels[l], l));
  std::vector<Tensor> all{ops::roi_align(pyramid, r.boxes, r.image, g)};
  for (const Tensor& d : ops::roi_align_backward(on.random(all[0].shape(), 9), r.boxes, r.image, levels, g))
    all.push_back(d);
  return all;
}

std::vector<Tensor> pasted(const On& on, std::vector<float> box, int64_t side, int64_t height, int64_t width) {
  const Tensor mask = ops::cast(on.random({side, side}, 1, 0, 1), DType::f32), b = on(Tensor::of<float>({4}, box));
  return {ops::paste_soft_mask(mask, b, height, width), ops::paste_mask(mask, b, height, width, 0.5f)};
}

// How many runs there are and, row after row, those that there is room for.  Masks by turns: noise, ones, zeros, a
// gradient.
std::vector<Tensor> runs(const On& on, const std::vector<PlainBox>& boxes, const std::vector<int32_t>& size,
                         int64_t side, float threshold, int64_t capacity) {
  const int64_t count = int64_t(boxes.size());
  std::vector<float> values;
  for (int64_t d = 0; d < count; ++d)
    for (int64_t i = 0; i < side * side; ++i) {
      const float noise = RngKey{uint64_t(d)}.uniform(uint64_t(i));
      values.push_back(d % 4 == 0 ? noise : d % 4 == 1 ? 1.0f : d % 4 == 2 ? 0.0f : float(i % side) / float(side));
    }
  std::vector<int32_t> sizes;
  for (int64_t d = 0; d < 2 * count; ++d) sizes.push_back(size[size_t(d) % size.size()]);
  const ops::PastedRuns all = ops::paste_runs(on(Tensor::of({count, side, side}, values)), on(box_tensor<float>(boxes)),
                                              on(Tensor::of({count, 2}, sizes)), threshold, capacity);
  const std::vector<int32_t> found = all.count.to_vector<int32_t>(), ends = all.ends.to_vector<int32_t>();
  std::vector<int32_t> kept;
  for (int64_t d = 0; d < count; ++d)
    for (int64_t k = 0; k < capacity && k < found[size_t(d)]; ++k) kept.push_back(ends[size_t(d * capacity + k)]);
  return {all.count, on.ints(kept)};
}

}  // namespace

std::vector<KernelCase> roi_kernel_cases() {
  std::vector<KernelCase> all{
      {"roi_align", "one level, two images",
       [](const On& on) {
         return aligned(on, {{2, 9, 9, 4}}, rois(on, 12, 2, BoxKind::ordinary, 36, 36), {7, 2, 2});
       }},
      {"roi_align", "four levels, more channels than a warp",
       [](const On& on) {
         return aligned(on, {{2, 40, 24, 35}, {2, 20, 12, 35}, {2, 10, 6, 35}, {2, 5, 3, 35}},
                        rois(on, 30, 2, BoxKind::ordinary, 400, 700), {7, 2, 2});
       }},
      {"roi_align", "more channels than a block",
       [](const On& on) {
         return aligned(on, {{1, 6, 6, 290}}, rois(on, 3, 1, BoxKind::ordinary, 24, 24), {2, 3, 2});
       }},
      {"roi_align", "channels in vectors, two levels",
       [](const On& on) {
         return aligned(on, {{2, 9, 11, 40}, {2, 5, 6, 40}}, rois(on, 9, 2, BoxKind::ordinary, 44, 300), {7, 2, 2});
       }},
      {"roi_align", "no rois",
       [](const On& on) {
         return aligned(on, {{1, 6, 6, 3}}, rois(on, 0, 1, BoxKind::ordinary, 24, 24), {7, 2, 2});
       }},
      {"roi_align_backward", "more rois than a block, a map of more than a tile",
       [](const On& on) {
         return aligned(on, {{1, 9, 17, 3}}, rois(on, 257, 1, BoxKind::ordinary, 68, 36), {3, 1, 2});
       },
       16},
      {"roi_align_backward", "one roi more on a level than a block has threads",
       [](const On& on) {
         return aligned(on, {{1, 9, 10, 2}}, rois(on, 321, 1, BoxKind::ordinary, 40, 36), {2, 1, 2});
       },
       16},
      {"roi_align_backward", "two images, on each more rois than a block, none on the second level",
       [](const On& on) {
         return aligned(on, {{2, 18, 10, 2}, {2, 9, 5, 2}}, rois(on, 900, 2, BoxKind::ordinary, 40, 72), {1, 1, 2});
       },
       16},
      {"roi_align_backward", "huge aspect, one pixel",
       [](const On& on) {
         return aligned(on, {{1, 1, 60, 2}, {1, 1, 1, 2}}, rois(on, 12, 1, BoxKind::ordinary, 240, 4), {14, 8, 2});
       }},
      {"paste_mask", "inside",
       [](const On& on) {
         return pasted(on, {3.2f, 4.7f, 30.5f, 22.1f}, 28, 30, 40);
       },
       0, true},
      {"paste_mask", "over the border",
       [](const On& on) {
         return pasted(on, {-10.3f, -5.5f, 60.2f, 21}, 14, 30, 40);
       },
       0, true},
      {"paste_mask", "outside, NaN, no area, no photo",
       [](const On& on) {
         std::vector<Tensor> each = pasted(on, {100, 100, 120, 130}, 14, 30, 40);
         const float nan = std::numeric_limits<float>::quiet_NaN();
         for (const auto& more : {pasted(on, {nan, 0, 5, 5}, 14, 9, 7), pasted(on, {5, 5, 5, 5}, 28, 9, 7),
                                  pasted(on, {0, 0, 5, 5}, 28, 0, 7)})
           each.insert(each.end(), more.begin(), more.end());
         return each;
       },
       0, true},
      {"paste_runs", "photos of several sizes, masks of every kind",
       [](const On& on) {
         const std::vector<int32_t> size{150, 130, 9, 70, 70, 9, 1, 40, 40, 1, 0, 5, 5, 0, 64, 64};
         return runs(on, {random_boxes(16, BoxKind::ordinary, RngKey{4}, 60, 60)}, size, 28, 0.5f, 2000);
       },
       0, true},
      {"paste_runs", "the whole photo and more, more runs than there is room for",
       [](const On& on) {
         return runs(on, std::vector<PlainBox>(8, {-9, -9, 50, 46}), {33, 41, 64, 64, 33, 41, 20, 60}, 14, 0.5f, 100);
       },
       0, true},
      {"paste_runs", "a threshold that the photo around the mask reaches",
       [](const On& on) {
         return runs(on, random_boxes(8, BoxKind::ordinary, RngKey{6}, 30, 30), {33, 31, 20, 9, 33, 31, 20, 9}, 3, 0,
                     50);
       },
       0, true},
      {"paste_runs", "as many runs as there is room for, and one more",
       [](const On& on) {
         return runs(on, std::vector<PlainBox>(8, {-9, -9, 50, 46}), {33, 41}, 14, 0.5f, 1);
       },
       0, true},
      {"paste_runs", "what changes at the last of 8193 pixels, the first behind a block's",
       [](const On& on) {
         const ops::PastedRuns found =
             ops::paste_runs(on(Tensor::full({1, 14, 14}, 1)), on(Tensor::of<float>({1, 4}, {0, 8192, 0, 8192})),
                             on(Tensor::of<int32_t>({1, 2}, {8193, 1})), 0.5f, 2);
         return std::vector<Tensor>{found.count, found.ends};
       },
       0, true},
      {"paste_runs", "no masks", [](const On& on) { return runs(on, {}, {}, 14, 0.5f, 10); }, 0, true},
  };
  for (BoxKind kind : {BoxKind::whole_pixels, BoxKind::one_pixel, BoxKind::thin, BoxKind::outside, BoxKind::nan}) {
    all.push_back({"roi_align_backward", "a kind of boxes, a map of whole tiles", [kind](const On& on) {
                     return aligned(on, {{1, 16, 8, 3}}, rois(on, 23, 1, kind, 32, 64), {3, 2, 2});
                   }});
    all.push_back({"roi_align", "a kind of boxes", [kind](const On& on) {
                     return aligned(on, {{1, 11, 13, 3}, {1, 6, 7, 3}}, rois(on, 11, 1, kind, 52, 44), {3, 2, 2});
                   }});
    all.push_back(
        {"paste_runs", "a kind of boxes",
         [kind](const On& on) {
           return runs(on, random_boxes(8, kind, RngKey{5}, 40, 30), {30, 40, 17, 40, 30, 23, 31, 41}, 14, 0.5f, 60);
         },
         0, true});
  }
  return all;
}

}  // namespace sil
