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

// Masks whose runs alternate at hashed places; the last has no pixels of its own.
struct Masks {
  Tensor ends, begin, size;
};
Masks masks(const On& on, const std::vector<std::pair<int, int>>& sizes) {
  std::vector<int32_t> ends, begin{0}, size;
  for (size_t m = 0; m < sizes.size(); ++m) {
    const auto [height, width] = sizes[m];
    for (int at = 0, k = 0; at < height * width; ++k) {
      at = std::min(height * width, at + int(RngKey{m}.below(uint64_t(k), 2 * height + 2)));
      ends.push_back(at);
    }
    begin.push_back(int32_t(ends.size()));
    size.insert(size.end(), {height, width});
  }
  return {on.ints(ends), on.ints(begin), on(Tensor::of<int32_t>({int64_t(sizes.size()), 2}, size))};
}

std::vector<Tensor> targets(const On& on, int64_t count, BoxKind kind, int side) {
  const Masks m = masks(on, {{40, 50}, {1, 70}, {33, 1}, {60, 60}});
  std::vector<int32_t> object;
  for (int64_t r = 0; r < count; ++r) object.push_back(int32_t(r % 5) - 1);
  const Tensor boxes = on(box_tensor<float>(random_boxes(count, kind, RngKey{2}, 50, 40)));
  return {ops::mask_targets(boxes, on.ints(object), m.ends, m.begin, m.size, side)};
}

std::vector<Tensor> pasted(const On& on, std::vector<float> box, int64_t side, int64_t height, int64_t width) {
  const Tensor mask = ops::cast(on.random({side, side}, 1, 0, 1), DType::f32), b = on(Tensor::of<float>({4}, box));
  return {ops::paste_soft_mask(mask, b, height, width), ops::paste_mask(mask, b, height, width, 0.5f)};
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
      {"roi_align", "no rois",
       [](const On& on) {
         return aligned(on, {{1, 6, 6, 3}}, rois(on, 0, 1, BoxKind::ordinary, 24, 24), {7, 2, 2});
       }},
      {"roi_align_backward", "more rois than a block, a map of more than a tile",
       [](const On& on) {
         return aligned(on, {{1, 9, 17, 3}}, rois(on, 300, 1, BoxKind::ordinary, 68, 36), {3, 1, 2});
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
      {"mask_targets", "side 28", [](const On& on) { return targets(on, 20, BoxKind::ordinary, 28); }, 16, true},
      {"mask_targets", "no rows", [](const On& on) { return targets(on, 0, BoxKind::ordinary, 14); }, 16, true},
  };
  for (BoxKind kind : {BoxKind::whole_pixels, BoxKind::one_pixel, BoxKind::thin, BoxKind::outside, BoxKind::nan}) {
    all.push_back({"roi_align", "a kind of boxes", [kind](const On& on) {
                     return aligned(on, {{1, 11, 13, 3}, {1, 6, 7, 3}}, rois(on, 11, 1, kind, 52, 44), {3, 2, 2});
                   }});
    all.push_back(
        {"mask_targets", "a kind of boxes", [kind](const On& on) { return targets(on, 15, kind, 7); }, 16, true});
  }
  return all;
}

}  // namespace sil
