#include "tests/cpu/random_boxes.h"
#include "tests/cuda/kernel_cases.h"

namespace sil {
namespace {

std::vector<Tensor> both(const ops::Loss& loss) { return {loss.value, loss.gradient}; }

// 0 .. classes - 1, every third negative.
Tensor labels(const On& on, int64_t rows, int classes) {
  std::vector<int32_t> v;
  for (int64_t r = 0; r < rows; ++r) v.push_back(r % 3 == 2 ? -1 : int32_t(r * 7 % classes));
  return on.ints(v);
}

// Masks whose runs alternate at hashed places; the last has no pixels of its own.
MaskRuns masks(const On& on, const std::vector<std::pair<int, int>>& sizes) {
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

// Two masks whose runs end before their pixels do: with ones, with zeros.
MaskRuns short_masks(const On& on) {
  return {on.ints({40, 300, 700, 1400, 20, 90, 900}), on.ints({0, 4, 7}),
          on(Tensor::of<int32_t>({2, 2}, {40, 50, 50, 40}))};
}

// Objects of every mask and none, for `count` RoIs of a kind; labels as above.
std::vector<Tensor> mask_losses(const On& on, int64_t count, BoxKind kind, int64_t side, int classes) {
  std::vector<int32_t> object;
  for (int64_t r = 0; r < count; ++r) object.push_back(int32_t(r % 5) - 1);
  const Tensor rois = on(box_tensor<float>(random_boxes(count, kind, RngKey{2}, 50, 40))),
               label = labels(on, count, classes);
  const ops::MaskLoss loss = ops::mask_loss(on.random({count, side, side, classes}, 1, -9, 9), label, rois,
                                            on.ints(object), masks(on, {{40, 50}, {1, 70}, {33, 1}, {60, 60}}));
  const Tensor dy = Tensor::full({}, 0.75, DType::f32, on.device);
  return {loss.value, loss.slope, ops::mask_loss_backward(dy, loss.slope, label, classes, on.dtype)};
}

}  // namespace

std::vector<KernelCase> loss_kernel_cases() {
  std::vector<KernelCase> cases{
      {"softmax_cross_entropy", "few and many classes",
       [](const On& on) {
         std::vector<Tensor> all = both(ops::softmax_cross_entropy(on.random({7, 3}, 1), labels(on, 7, 3)));
         for (const Tensor& t : both(ops::softmax_cross_entropy(on.random({20, 91}, 2, -20, 20), labels(on, 20, 91))))
           all.push_back(t);
         return all;
       },
       16},
      {"softmax_cross_entropy", "no row takes part",
       [](const On& on) {
         return both(ops::softmax_cross_entropy(on.random({2, 3}, 1), on.ints({-1, -1})));
       }},
      {"sigmoid_bce", "more rows than a block",
       [](const On& on) { return both(ops::sigmoid_bce(on.random({3000}, 1, -50, 50), labels(on, 3000, 2))); }, 16},
      {"sigmoid_bce", "one row, none that takes part",
       [](const On& on) {
         std::vector<Tensor> all = both(ops::sigmoid_bce(on.random({1}, 1), on.ints({1})));
         for (const Tensor& t : both(ops::sigmoid_bce(on.random({2}, 1), on.ints({-1, -2})))) all.push_back(t);
         return all;
       }},
      {"smooth_l1", "both sides of beta, rows that take no part",
       [](const On& on) {
         return both(ops::smooth_l1(on.random({600, 4}, 1), on.random({600, 4}, 2), labels(on, 600, 3),
                                    on.floats({1}, {300}), 1.0f / 9));
       },
       16},
      {"smooth_l1", "beta 0, denominator 0",
       [](const On& on) {
         const Tensor x = on.random({3, 5}, 1), target = on.random({3, 5}, 2), label = on.ints({0, 2, 1});
         std::vector<Tensor> all = both(ops::smooth_l1(x, target, label, on.floats({1}, {3}), 0));
         for (const Tensor& t : both(ops::smooth_l1(x, target, label, on.floats({1}, {0}), 1))) all.push_back(t);
         return all;
       }},
      {"mask_loss", "side 28, one class", [](const On& on) { return mask_losses(on, 6, BoxKind::ordinary, 28, 1); },
       16},
      {"mask_loss", "more pixels than a block, 91 classes",
       [](const On& on) { return mask_losses(on, 4, BoxKind::ordinary, 14, 91); }, 16},
      {"mask_loss", "masks whose runs end early",
       [](const On& on) -> std::vector<Tensor> {
         const Tensor rois = on(box_tensor<float>(random_boxes(40, BoxKind::ordinary, RngKey{2}, 50, 45)));
         std::vector<int32_t> object;
         for (int32_t r = 0; r < 40; ++r) object.push_back(r % 2);
         const ops::MaskLoss loss = ops::mask_loss(on.random({40, 7, 7, 1}, 1), on.ints(std::vector<int32_t>(40, 0)),
                                                   rois, on.ints(object), short_masks(on));
         return {loss.value, loss.slope};
       },
       16},
      {"mask_loss", "more reads a bin than an int counts",
       [](const On& on) -> std::vector<Tensor> {
         const Tensor rois = on(Tensor::of<float>({1, 4}, {0, 0, 60000, 60000}));
         const ops::MaskLoss loss =
             ops::mask_loss(on.random({1, 1, 1, 1}, 1), on.ints({0}), rois, on.ints({0}), masks(on, {{40, 50}}));
         return {loss.value, loss.slope};
       },
       16},
      {"mask_loss", "no rows", [](const On& on) { return mask_losses(on, 0, BoxKind::ordinary, 14, 3); }, 16},
      {"mask_loss_backward", "none takes part",
       [](const On& on) -> std::vector<Tensor> {
         return {ops::mask_loss_backward(Tensor::full({}, 1, DType::f32, on.device),
                                         on.random({2, 4, 4}, 1).to(on.device), on.ints({-1, -1}), 3, on.dtype)};
       },
       16, true},
  };
  for (BoxKind kind : {BoxKind::whole_pixels, BoxKind::one_pixel, BoxKind::thin, BoxKind::outside, BoxKind::nan})
    cases.push_back(
        {"mask_loss", "a kind of boxes", [kind](const On& on) { return mask_losses(on, 15, kind, 7, 3); }, 16});
  return cases;
}

}  // namespace sil
