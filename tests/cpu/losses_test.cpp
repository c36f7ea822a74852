#include <doctest/doctest.h>

#include <cmath>

#include "tests/cpu/random.h"
#include "tests/cpu/random_boxes.h"
#include "tests/cpu/targets_of.h"

using namespace sil;
using namespace sil::test;

namespace {

const DType kFloats[] = {DType::f32, DType::bf16, DType::f64};

// Relative.  In float64 it is the plain sums' own rounding that counts.
double tolerance(DType dtype) { return dtype == DType::f64 ? 1e-12 : 4 * rounding(dtype); }

// Value and gradient by plain arithmetic in double.
struct Expected {
  double value = 0;
  std::vector<double> gradient;
};

void compare(const ops::Loss& loss, const Expected& e, DType dtype) {
  CHECK(loss.value.shape() == Shape{});
  CHECK(std::fabs(loss.value.item() - e.value) <= tolerance(dtype) * std::fabs(e.value));
  const std::vector<double> g = doubles(loss.gradient);
  REQUIRE(g.size() == e.gradient.size());
  double largest = 0, worst = 0;
  for (size_t i = 0; i < g.size(); ++i) {
    largest = std::max(largest, std::fabs(e.gradient[i]));
    worst = std::max(worst, std::fabs(g[i] - e.gradient[i]));
  }
  CHECK(worst <= tolerance(dtype) * largest);
}

std::vector<int32_t> random_labels(int64_t n, int classes, uint64_t seed) {  // -1 for some
  std::vector<int32_t> v(static_cast<size_t>(n));
  for (size_t i = 0; i < v.size(); ++i) v[i] = int32_t(RngKey{seed}.below(i, classes + 1)) - 1;
  return v;
}

double count(const std::vector<int32_t>& labels) {
  double n = 0;
  for (int32_t l : labels) n += l >= 0;
  return n;
}

}  // namespace

TEST_CASE("softmax_cross_entropy: mean of -log softmax over rows with a label") {
  for (DType dtype : kFloats)
    for (const Shape& shape : {Shape{1, 1}, Shape{5, 3}, Shape{700, 91}}) {
      const int64_t rows = shape[0], classes = shape[1];
      const Tensor logits = random(shape, dtype, 1, -6, 6);
      std::vector<int32_t> labels = random_labels(rows, int(classes), 2);
      labels[0] = 0;
      const std::vector<double> x = doubles(logits);
      Expected e{0, std::vector<double>(x.size())};
      const double n = count(labels);
      for (int64_t r = 0; r < rows; ++r) {
        if (labels[size_t(r)] < 0) continue;
        double sum = 0;
        for (int64_t c = 0; c < classes; ++c) sum += std::exp(x[size_t(r * classes + c)]);
        for (int64_t c = 0; c < classes; ++c) {
          const double p = std::exp(x[size_t(r * classes + c)]) / sum;
          const bool mine = c == labels[size_t(r)];
          if (mine) e.value -= std::log(p) / n;
          e.gradient[size_t(r * classes + c)] = (p - (mine ? 1 : 0)) / n;
        }
      }
      compare(ops::softmax_cross_entropy(logits, Tensor::of<int32_t>({rows}, labels)), e, dtype);
    }
}

TEST_CASE("softmax_cross_entropy: logits of a thousand do not overflow") {
  const Tensor logits = Tensor::of<float>({2, 2}, {1000, -1000, 1000, -1000});
  const ops::Loss loss = ops::softmax_cross_entropy(logits, Tensor::of<int32_t>({2}, {0, 1}));
  CHECK(loss.value.item() == 1000);
  CHECK(loss.gradient.to_vector<float>() == std::vector<float>{0, 0, 0.5f, -0.5f});
}

TEST_CASE("sigmoid_bce: mean of binary cross-entropy over rows with a label") {
  for (DType dtype : kFloats)
    for (int64_t rows : {1, 9, 100001}) {
      const Tensor logits = random({rows}, dtype, 1, -6, 6);
      std::vector<int32_t> labels = random_labels(rows, 2, 2);
      labels[0] = 1;
      const std::vector<double> x = doubles(logits);
      Expected e{0, std::vector<double>(x.size())};
      const double n = count(labels);
      for (size_t r = 0; r < x.size(); ++r) {
        if (labels[r] < 0) continue;
        const double p = 1 / (1 + std::exp(-x[r]));
        e.value -= std::log(labels[r] ? p : 1 - p) / n;
        e.gradient[r] = (p - labels[r]) / n;
      }
      compare(ops::sigmoid_bce(logits, Tensor::of<int32_t>({rows}, labels)), e, dtype);
    }
}

TEST_CASE("smooth_l1: both sides of beta; rows that take no part are not even read") {
  for (DType dtype : kFloats)
    for (double beta : {0.0, 1.0 / 9, 1.0})
      for (int64_t rows : {1, 7, 20000}) {
        const Tensor x = random({rows, 4}, dtype, 1), target = random({rows, 4}, dtype, 2);
        std::vector<int32_t> labels;
        for (int64_t r = 0; r < rows; ++r) labels.push_back(int32_t((r + 1) % 3) - 1);
        const Tensor label = Tensor::of({rows}, labels);
        const std::vector<double> a = doubles(x), b = doubles(target);
        Expected e{0, std::vector<double>(a.size())};
        const double n = 64, bt = double(float(beta));
        for (size_t i = 0; i < a.size(); ++i) {
          const double d = a[i] - b[i], w = labels[i / 4] >= 0;
          e.value += w / n * (std::fabs(d) < bt ? d * d / (2 * bt) : std::fabs(d) - bt / 2);
          e.gradient[i] = w / n * (std::fabs(d) < bt ? d / bt : d > 0 ? 1 : d < 0 ? -1 : 0);
        }
        compare(ops::smooth_l1(x, target, label, Tensor::full({1}, n, dtype), float(beta)), e, dtype);
      }
  const float nan = std::nanf("");
  const ops::Loss loss = ops::smooth_l1(Tensor::of<float>({2, 1}, {1, 1}), Tensor::of<float>({2, 1}, {nan, 0}),
                                        Tensor::of<int32_t>({2}, {-1, 0}), Tensor::full({1}, 2), 0.5f);
  CHECK(loss.value.item() == 0.375);
  CHECK(loss.gradient.to_vector<float>() == std::vector<float>{0, 0.5f});
}

TEST_CASE("mask_loss: the label's channel alone, soft targets, mean over rows with a label and pixels") {
  // A disc and stripes; targets themselves are held by mask_targets_test.cpp.
  const MaskRuns masks{Tensor::of<int32_t>({8}, {12, 18, 22, 28, 33, 37, 80, 5}), Tensor::of<int32_t>({3}, {0, 7, 8}),
                       Tensor::of<int32_t>({2, 2}, {10, 8, 1, 5})};
  for (DType dtype : kFloats)
    for (const auto& [rows, side, classes] : {std::array<int64_t, 3>{1, 1, 1}, {5, 3, 4}, {40, 28, 9}}) {
      const Tensor logits = random({rows, side, side, classes}, dtype, 1, -6, 6);
      const Tensor rois =
          ops::cast(box_tensor<double>(random_boxes(rows, BoxKind::ordinary, RngKey{2}, 8, 10)), wide(dtype));
      std::vector<int32_t> labels = random_labels(rows, int(classes), 3), objects;
      for (int64_t r = 0; r < rows; ++r) objects.push_back(int32_t(r % 3) - 1);
      labels[0] = 0;
      const Tensor object = Tensor::of<int32_t>({rows}, objects), label = Tensor::of<int32_t>({rows}, labels);
      const std::vector<double> x = doubles(logits), t = targets_of(rois, object, masks, side);
      Expected e{0, std::vector<double>(x.size())};
      const double n = count(labels) * double(side * side), dy = 3;
      for (size_t p = 0; p < t.size(); ++p) {
        if (labels[p / size_t(side * side)] < 0) continue;
        const size_t i = p * size_t(classes) + size_t(labels[p / size_t(side * side)]);
        const double s = 1 / (1 + std::exp(-x[i]));
        e.value -= (t[p] * std::log(s) + (1 - t[p]) * std::log(1 - s)) / n;
        e.gradient[i] = dy * (s - t[p]) / n;
      }
      const ops::MaskLoss loss = ops::mask_loss(logits, label, rois, object, masks);
      CHECK(loss.value.dtype() == wide(dtype));
      compare(
          {loss.value, ops::mask_loss_backward(Tensor::full({}, dy, wide(dtype)), loss.slope, label, classes, dtype)},
          e, dtype);
    }
}

TEST_CASE("losses: where no row takes part, the loss is 0 and so is its gradient") {
  const Tensor none = Tensor::of<int32_t>({2}, {-1, -1}), no_rows = Tensor::of<int32_t>({0}, {});
  auto zero = [](const ops::Loss& loss) {
    CHECK(loss.value.item() == 0);
    for (double g : doubles(loss.gradient)) CHECK(g == 0);
  };
  zero(ops::softmax_cross_entropy(Tensor::full({2, 3}, 1), none));
  zero(ops::softmax_cross_entropy(Tensor::zeros({0, 3}), no_rows));
  zero(ops::sigmoid_bce(Tensor::full({2}, 1), none));
  zero(ops::sigmoid_bce(Tensor::zeros({0}), no_rows));
  const MaskRuns no_masks{no_rows, Tensor::zeros({1}, DType::i32), Tensor::zeros({0, 2}, DType::i32)};
  const auto mask_loss = [&](int64_t rows, const Tensor& labels) {
    const ops::MaskLoss loss =
        ops::mask_loss(Tensor::full({rows, 3, 3, 2}, 1), labels, Tensor::zeros({rows, 4}), labels, no_masks);
    return ops::Loss{loss.value, ops::mask_loss_backward(Tensor::full({}, 1), loss.slope, labels, 2, DType::f32)};
  };
  zero(mask_loss(2, none));
  zero(mask_loss(0, no_rows));
  zero(ops::smooth_l1(Tensor::full({2, 4}, 1), Tensor::zeros({2, 4}), none, Tensor::zeros({1}), 1));
  zero(ops::smooth_l1(Tensor::zeros({0, 4}), Tensor::zeros({0, 4}), no_rows, Tensor::zeros({1}), 1));
}

TEST_CASE("softmax: rows sum to 1, against plain arithmetic; no overflow") {
  for (DType dtype : kFloats) {
    const Tensor x = random({2, 3, 91}, dtype, 1, -6, 6);
    const std::vector<double> in = doubles(x), out = doubles(ops::softmax(x));
    for (size_t r = 0; r < 6; ++r) {
      double sum = 0;
      for (size_t c = 0; c < 91; ++c) sum += std::exp(in[r * 91 + c]);
      for (size_t c = 0; c < 91; ++c) {
        const double p = std::exp(in[r * 91 + c]) / sum;
        // exp(-12), whose argument is rounded, is off by up to 6 roundings
        CHECK(std::fabs(out[r * 91 + c] - p) <= 4 * tolerance(dtype) * p);
      }
    }
  }
  CHECK(ops::softmax(Tensor::of<float>({1, 2}, {1000, -1000})).to_vector<float>() == std::vector<float>{1, 0});
  CHECK(ops::softmax(Tensor::zeros({0, 3})).shape() == Shape{0, 3});
}
