#include "tests/autograd/op_cases.h"

namespace sil {
namespace {

// Statistics are float32 beside bfloat16.
Tensor statistics(Case& c, const Shape& shape, double lo, double hi) {
  const Tensor t = c.tensor(shape, lo, hi);
  return ops::cast(t, t.dtype() == DType::f64 ? DType::f64 : DType::f32);
}

}  // namespace

std::vector<OpCase> dense_cases() {
  const Conv2dGeom same{1, 1, 1};
  return {
      {"matmul", "a b",
       [](Case& c) {
         return matmul(c.var({3, 4}), c.var({4, 5}));
       }},
      {"matmul", "a^T b",
       [](Case& c) {
         return matmul(c.var({4, 3}), c.var({4, 5}), true, false);
       }},
      {"matmul", "a b^T",
       [](Case& c) {
         return matmul(c.var({3, 4}), c.var({5, 4}), false, true);
       }},
      {"matmul", "a^T b^T",
       [](Case& c) {
         return matmul(c.var({4, 3}), c.var({5, 4}), true, true);
       }},
      {"matmul", "of a constant",
       [](Case& c) {
         return matmul(c.var({3, 4}), Var(c.tensor({4, 5})));
       },
       true},
      {"matmul", "a constant of",
       [](Case& c) {
         return matmul(Var(c.tensor({3, 4})), c.var({4, 5}));
       },
       true},
      {"linear", "bias and relu",
       [](Case& c) {
         // Sums of three terms of at least 0.5: further from 0 than any step.
         return linear(c.var({4, 3}, 0.5, 1), c.var({5, 3}, 0.5, 1), Var(c.tensor({5}, -0.1, 0.1)), true);
       }},
      {"linear", "relu that cuts",
       [](Case& c) {
         return linear(c.var({4, 3}, 0.5, 1), c.var({5, 3}, -1, -0.5), c.distinct({5}, -9, 9), true);
       }},
      {"linear", "no bias",
       [](Case& c) {
         return linear(c.var({4, 3}), c.var({5, 3}));
       }},
      {"linear", "no rows",
       [](Case& c) {
         return linear(c.var({0, 3}), c.var({5, 3}), c.var({5}));
       }},
      {"linear", "with its bias",
       [](Case& c) {
         return linear(c.var({4, 3}), Var(c.tensor({5, 3})), c.var({5}));
       },
       true},

      {"conv2d", "3x3",
       [=](Case& c) {
         return conv2d(c.var({2, 4, 5, 3}), c.var({4, 3, 3, 3}), same);
       }},
      {"conv2d", "1x1",
       [](Case& c) {
         return conv2d(c.var({1, 3, 4, 5}), c.var({3, 1, 1, 5}), {});
       }},
      {"conv2d", "stride 2, which leaves a row unread",
       [](Case& c) {
         return conv2d(c.var({1, 6, 5, 2}), c.var({3, 3, 3, 2}), {2, 0, 1}, c.var({3}));
       }},
      {"conv2d", "7x7 stride 2",
       [](Case& c) {
         return conv2d(c.var({1, 9, 8, 3}), c.var({2, 7, 7, 3}), {2, 3, 1});
       }},
      {"conv2d", "dilation",
       [](Case& c) {
         return conv2d(c.var({1, 6, 7, 2}), c.var({2, 3, 3, 2}), {1, 2, 2});
       }},
      {"conv2d", "bias, skip",
       [=](Case& c) {
         const Var x = c.var({2, 3, 4, 2}), w = c.var({3, 3, 3, 2}), bias = c.var({3}), skip = c.var({2, 3, 4, 3});
         return conv2d(x, w, same, bias, skip);
       }},
      {"conv2d", "bias, skip, relu",
       [](Case& c) {
         // Products lie in (0.02, 0.04) a term, the skip steps by 0.2 around 0: no sum is near 0.
         const Var x = c.var({1, 2, 3, 2}, 0.1, 0.2), w = c.var({4, 1, 1, 2}, 0.05, 0.06);
         const Var bias = c.var({4}, 0.01, 0.02), skip = c.distinct({1, 2, 3, 4}, -2.4, 2.4);
         return conv2d(x, w, {}, bias, skip, true);
       }},
      {"conv2d", "relu, read by two, which makes two blocks of a ResNet",
       [](Case& c) {
         const Var w = c.var({4, 1, 1, 4}, 0.05, 0.06), skip = c.distinct({1, 2, 3, 4}, -2.4, 2.4);
         const Var y = conv2d(c.var({1, 2, 3, 4}, 0.1, 0.2), w, {}, {}, skip, true);
         return conv2d(y, c.var({4, 1, 1, 4}), {}, {}, y);
       }},
      {"conv2d", "of its input",
       [=](Case& c) {
         return conv2d(c.var({2, 4, 5, 3}), Var(c.tensor({4, 3, 3, 3})), same);
       },
       true},
      {"conv2d", "of its weights, bias and skip",
       [](Case& c) {
         const Var x(c.tensor({2, 5, 5, 3})), w = c.var({4, 3, 3, 3}), bias = c.var({4}), skip = c.var({2, 3, 3, 4});
         return conv2d(x, w, {2, 1, 1}, bias, skip);
       },
       true},
      {"conv2d", "no images",
       [=](Case& c) {
         return conv2d(c.var({0, 4, 5, 3}), c.var({4, 3, 3, 3}), same, c.var({4}));
       }},

      {"conv_transpose2d", "2x2 stride 2",
       [](Case& c) {
         return conv_transpose2d(c.var({2, 3, 2, 4}), c.var({4, 2, 2, 3}), 2, c.var({3}));
       }},
      {"conv_transpose2d", "3x3 stride 2, overlapping",
       [](Case& c) {
         return conv_transpose2d(c.var({1, 3, 2, 2}), c.var({2, 3, 3, 3}), 2);
       }},
      {"conv_transpose2d", "relu",
       [](Case& c) {
         const Var x = c.var({1, 2, 3, 2}, 0.5, 1), w = c.var({2, 2, 2, 4}, 0.5, 1);
         return conv_transpose2d(x, w, 2, c.distinct({4}, -9, 9), true);
       }},
      {"conv_transpose2d", "of its input",
       [](Case& c) {
         return conv_transpose2d(c.var({2, 3, 2, 4}), Var(c.tensor({4, 2, 2, 3})), 2);
       },
       true},
      {"conv_transpose2d", "of its weights and bias",
       [](Case& c) {
         return conv_transpose2d(Var(c.tensor({2, 3, 2, 4})), c.var({4, 2, 2, 3}), 2, c.var({3}));
       },
       true},

      {"max_pool", "3x3 stride 2, overlapping",
       [](Case& c) {
         return max_pool(c.distinct({1, 5, 6, 3}), {3, 2, 1});
       }},
      {"max_pool", "2x2",
       [](Case& c) {
         return max_pool(c.distinct({2, 4, 5, 1}), {2, 2, 0});
       }},
      {"max_pool", "1x1 stride 2",
       [](Case& c) {
         return max_pool(c.distinct({1, 5, 5, 2}), {1, 2, 0});
       }},
      {"upsample_add", "odd sizes",
       [](Case& c) {
         return upsample_add(c.var({2, 3, 2, 3}), c.var({2, 5, 4, 3}));
       },
       true},
      {"upsample_add", "equal sizes",
       [](Case& c) {
         return upsample_add(c.var({1, 2, 3, 1}), c.var({1, 2, 3, 1}));
       },
       true},
      {"upsample_nearest", "doubled",
       [](Case& c) {
         return upsample_nearest(c.var({2, 2, 3, 3}), 4, 6);
       },
       true},
      {"upsample_nearest", "down",
       [](Case& c) {
         return upsample_nearest(c.var({1, 5, 4, 2}), 2, 3);
       },
       true},

      {"batch_norm", "of the batch",
       [](Case& c) {
         return batch_norm(c.var({2, 3, 4, 3}), c.var({3}, 0.5, 2), c.var({3}), 1e-2f).y;
       }},
      {"batch_norm_given", "running statistics",
       [](Case& c) {
         const Var x = c.var({2, 3, 2, 3}), scale = c.var({3}, 0.5, 2), shift = c.var({3});
         return batch_norm_given(x, scale, shift, statistics(c, {3}, -1, 1), statistics(c, {3}, 0.5, 2));
       }},
      {"batch_norm_given", "of its scale and shift",
       [](Case& c) {
         const Var x(c.tensor({2, 3, 2, 3})), scale = c.var({3}, 0.5, 2), shift = c.var({3});
         return batch_norm_given(x, scale, shift, statistics(c, {3}, -1, 1), statistics(c, {3}, 0.5, 2));
       },
       true},
      {"group_norm", "two groups",
       [](Case& c) {
         return group_norm(c.var({2, 2, 3, 4}), c.var({4}, 0.5, 2), c.var({4}), 2, 1e-2f);
       }},
      {"group_norm", "one group a channel",
       [](Case& c) {
         return group_norm(c.var({2, 3, 3, 2}), c.var({2}, 0.5, 2), c.var({2}), 2, 1e-2f);
       }},
      {"group_norm", "no images",
       [](Case& c) {
         return group_norm(c.var({0, 3, 3, 2}), c.var({2}), c.var({2}), 1, 1e-2f);
       }},
  };
}

}  // namespace sil
