#include "tests/autograd/op_cases.h"

namespace sil {
namespace {

// RoIs of alternating images, every fifth row empty.
Tensor images(int64_t rows, int32_t count) {
  std::vector<int32_t> v;
  for (int64_t r = 0; r < rows; ++r) v.push_back(r % 5 == 4 ? -1 : int32_t(r) % count);
  return Tensor::of<int32_t>({rows}, v);
}

// One level, `rows` RoIs inside an image of width x height pixels.
Var pooled(Case& c, const Shape& map, int64_t rows, double width, double height, RoiAlignGeom g) {
  const Tensor rois = c.boxes(rows, width, height);
  return roi_align({c.var(map)}, rois, images(rows, int32_t(map[0])), g);
}

}  // namespace

// RoIAlign is linear in the pyramid.
std::vector<OpCase> roi_cases() {
  return {
      {"roi_align", "one level, two images",
       [](Case& c) {
         return pooled(c, {2, 9, 9, 4}, 6, 36, 36, {3, 2, 2});
       },
       true},
      {"roi_align", "a photo smaller than a bin",
       [](Case& c) {
         return pooled(c, {1, 3, 5, 8}, 4, 20, 12, {7, 2, 2});
       },
       true},
      {"roi_align", "no rois",
       [](Case& c) {
         return pooled(c, {2, 9, 9, 4}, 0, 36, 36, {7, 2, 2});
       },
       true},
      {"roi_align", "three reads a bin, odd channels",
       [](Case& c) {
         return pooled(c, {1, 8, 6, 35}, 3, 24, 32, {2, 3, 2});
       },
       true},
      {"roi_align", "RoIs on every level",
       [](Case& c) {
         const Tensor rois =
             ops::concat({c.boxes(3, 60, 60), ops::scale(c.boxes(2, 60, 60), 4), c.boxes(2, 900, 900)}, 0);
         return roi_align({c.var({1, 10, 8, 3}), c.var({1, 5, 4, 3}), c.var({1, 3, 2, 3})}, rois, images(7, 1),
                          {2, 2, 2});
       },
       true},
  };
}

}  // namespace sil
