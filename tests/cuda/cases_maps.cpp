#include <limits>

#include "tests/cuda/kernel_cases.h"

namespace sil {
namespace {

const double kNan = std::numeric_limits<double>::quiet_NaN();

std::vector<Tensor> pooled(const On& on, const Shape& x, MaxPoolGeom g) {
  const auto [y, index] = ops::max_pool(on.random(x, 1), g);
  return {y, index, ops::max_pool_backward(on.random(y.shape(), 2), index, x, g)};
}

std::vector<Tensor> upsampled(const On& on, const Shape& coarse, const Shape& fine) {
  return {ops::upsample_add(on.random(coarse, 1), on.random(fine, 2)),
          ops::upsample_nearest(on.random(coarse, 1), fine[1], fine[2]),
          ops::upsample_backward(on.random(fine, 3), coarse)};
}

// Of bytes and of floats, each to two sizes, the second as large as the batch.
std::vector<Tensor> normalized(const On& on, int64_t height, int64_t width, int64_t to_height, int64_t to_width) {
  std::vector<uint8_t> bytes;
  for (int64_t i = 0; i < height * width * 3; ++i) bytes.push_back(uint8_t(RngKey{9}.below(uint64_t(i), 256)));
  const Tensor photo = on(Tensor::of({height, width, 3}, bytes));
  const PhotoGeom small{to_height, to_width, {0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}};
  PhotoGeom whole = small;
  whole.height = to_height + 3, whole.width = to_width + 5;
  return {ops::normalize_photos({photo, photo}, {small, whole}, whole.height, whole.width),
          ops::normalize_photos({on.random({height, width, 3}, 1, 0, 1)}, {small}, whole.height, whole.width)};
}

std::vector<Tensor> batch_normed(const On& on, const Shape& x) {
  const Tensor in = on.random(x, 1, -1, 3), scale = on.random({x[3]}, 2), shift = on.random({x[3]}, 3);
  const ops::Norm norm = ops::batch_norm(in, scale, shift, 1e-5f);
  const ops::NormGrads grads = ops::batch_norm_backward(on.random(x, 4), in, scale, norm);
  return {norm.y, norm.mean, norm.inv_std, grads.dx, grads.dscale, grads.dshift};
}

std::vector<Tensor> group_normed(const On& on, const Shape& x, int groups) {
  const Tensor in = on.random(x, 1, -1, 3), scale = on.random({x[3]}, 2), shift = on.random({x[3]}, 3);
  const ops::Norm norm = ops::group_norm(in, scale, shift, groups, 1e-5f);
  const ops::NormGrads grads = ops::group_norm_backward(on.random(x, 4), in, scale, norm, groups);
  return {norm.y, norm.mean, norm.inv_std, grads.dx, grads.dscale, grads.dshift};
}

}  // namespace

std::vector<KernelCase> map_cases() {
  return {
      {"normalize_photo", "larger", [](const On& on) { return normalized(on, 13, 9, 30, 21); }, 4, true},
      {"normalize_photo", "smaller", [](const On& on) { return normalized(on, 40, 70, 12, 17); }, 4, true},
      {"normalize_photo", "as large", [](const On& on) { return normalized(on, 20, 15, 20, 15); }, 4, true},
      {"normalize_photo", "one pixel", [](const On& on) { return normalized(on, 1, 1, 1, 1); }, 4, true},
      {"max_pool", "kernel 3, stride 2",
       [](const On& on) {
         return pooled(on, {2, 9, 8, 19}, {3, 2, 1});
       }},
      {"max_pool", "kernel 1, stride 2",
       [](const On& on) {
         return pooled(on, {1, 5, 5, 3}, {1, 2, 0});
       }},
      {"max_pool", "kernel 2, stride 1: windows overlap",
       [](const On& on) {
         return pooled(on, {1, 6, 7, 2}, {2, 1, 1});
       }},
      {"max_pool", "one pixel, huge aspect, no image",
       [](const On& on) {
         std::vector<Tensor> all = pooled(on, {1, 1, 1, 4}, {3, 1, 1});
         for (const Tensor& t : pooled(on, {1, 1, 300, 1}, {3, 2, 1})) all.push_back(t);
         for (const Tensor& t : pooled(on, {0, 4, 4, 3}, {2, 2, 0})) all.push_back(t);
         return all;
       }},
      {"max_pool", "channels in vectors",
       [](const On& on) {
         return pooled(on, {2, 9, 8, 16}, {3, 2, 1});
       }},
      {"max_pool", "more channels than a block has threads, alone and in vectors",
       [](const On& on) {
         std::vector<Tensor> all = pooled(on, {1, 3, 4, 259}, {2, 1, 0});
         for (const Tensor& t : pooled(on, {1, 2, 3, 1032}, {2, 1, 0})) all.push_back(t);
         return all;
       }},
      {"max_pool", "NaN wins, the first of equals",
       [](const On& on) {
         const auto [y, index] = ops::max_pool(on.floats({1, 2, 4, 1}, {1, 3, kNan, 2, 3, 1, 4, 5}), {2, 2, 0});
         return std::vector{y, index};
       }},
      {"max_pool_backward", "stride 3 leaves pixels out",
       [](const On& on) {
         return pooled(on, {2, 10, 11, 3}, {2, 3, 0});
       }},
      {"upsample_add", "twice the size",
       [](const On& on) {
         return upsampled(on, {2, 3, 4, 5}, {2, 6, 8, 5});
       }},
      {"upsample_add", "odd sizes",
       [](const On& on) {
         return upsampled(on, {1, 3, 7, 4}, {1, 5, 13, 4});
       }},
      {"upsample_add", "channels in vectors, odd sizes",
       [](const On& on) {
         return upsampled(on, {2, 3, 7, 16}, {2, 5, 13, 16});
       }},
      {"upsample_add", "more channels than a block has threads, alone and in vectors",
       [](const On& on) {
         std::vector<Tensor> all = upsampled(on, {1, 1, 2, 259}, {1, 2, 3, 259});
         for (const Tensor& t : upsampled(on, {1, 1, 2, 1032}, {1, 2, 3, 1032})) all.push_back(t);
         return all;
       }},
      {"upsample_backward", "from one pixel, to as many",
       [](const On& on) {
         std::vector<Tensor> all = upsampled(on, {1, 1, 1, 3}, {1, 4, 7, 3});
         for (const Tensor& t : upsampled(on, {1, 3, 2, 300}, {1, 3, 2, 300})) all.push_back(t);
         return all;
       }},
      {"batch_norm", "a few pixels",
       [](const On& on) {
         return batch_normed(on, {2, 5, 4, 3});
       },
       8},
      {"batch_norm", "more rows and channels than a block sums",
       [](const On& on) {
         return batch_normed(on, {1, 40, 30, 35});
       },
       8},
      {"batch_norm", "channels in vectors, a few and more than a block sums",
       [](const On& on) {
         std::vector<Tensor> all = batch_normed(on, {2, 5, 4, 16});
         for (const Tensor& t : batch_normed(on, {1, 30, 20, 264})) all.push_back(t);
         return all;
       },
       8},
      {"batch_norm", "more channels than a block has threads, alone and in vectors",
       [](const On& on) {
         std::vector<Tensor> all = batch_normed(on, {1, 3, 2, 259});
         for (const Tensor& t : batch_normed(on, {2, 1, 3, 1032})) all.push_back(t);
         return all;
       },
       8},
      {"batch_norm_backward", "one pixel",
       [](const On& on) {
         return batch_normed(on, {1, 1, 1, 2});
       },
       8},
      {"group_norm", "two images, three groups",
       [](const On& on) {
         return group_normed(on, {2, 5, 4, 6}, 3);
       },
       8},
      {"group_norm", "one group, more rows than a block sums",
       [](const On& on) {
         return group_normed(on, {1, 40, 30, 34}, 1);
       },
       8},
      {"group_norm", "channels in vectors, groups narrower and wider than one",
       [](const On& on) {
         std::vector<Tensor> all = group_normed(on, {2, 5, 4, 16}, 8);
         for (const Tensor& t : group_normed(on, {2, 3, 3, 48}, 3)) all.push_back(t);
         return all;
       },
       8},
      {"group_norm_backward", "a group for each channel",
       [](const On& on) {
         return group_normed(on, {3, 3, 2, 4}, 4);
       },
       8},
      {"channel_affine",
       "with and without ReLU, channels alone and in vectors, a few and more than a block has threads",
       [](const On& on) {
         std::vector<Tensor> all;
         for (const int64_t channels : {7, 16, 259, 1032}) {
           const Tensor x = on.random({2, 3, 5, channels}, 1);
           const Tensor a = ops::cast(on.random({channels}, 2), DType::f32),
                        b = ops::cast(on.random({channels}, 3), DType::f32);
           all.push_back(ops::channel_affine(x, a, b)), all.push_back(ops::channel_affine(x, a, b, true));
         }
         return all;
       }},
  };
}

}  // namespace sil
