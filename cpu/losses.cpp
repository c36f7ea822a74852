// The losses and, in the same pass, their gradients (the mask loss's: what one is made from).  Sums are in double and
// in a fixed order.
#include <cmath>

#include "cpu/cpu.h"
#include "cpu/dispatch.h"
#include "cpu/loops.h"
#include "cpu/mask_targets.h"

namespace sil::cpu {
namespace {

int64_t count_rows(In labels) {
  const int32_t* label = labels.data<int32_t>();
  return std::count_if(label, label + labels.numel(), [](int32_t l) { return l >= 0; });
}

// 1 / n; 0 for none, so that no rows give no loss and no gradient.
double inverse(double n) { return n > 0 ? 1 / n : 0; }

// Rows of `columns` elements that are one range of a sum.
int64_t range_of(int64_t columns) { return kGrain / std::max<int64_t>(columns, 1) + 1; }

template <class A>
A largest(const auto* x, int64_t n) {
  A m = A(x[0]);
  for (int64_t i = 1; i < n; ++i) m = std::max(m, A(x[i]));
  return m;
}

// -log sigmoid(x) * t - log(1 - sigmoid(x)) * (1 - t), without overflow.
template <class A>
A cross_entropy(A x, A t) {
  return std::max(x, A(0)) - x * t + std::log1p(std::exp(-std::abs(x)));
}
template <class A>
A cross_entropy_slope(A x, A t) {
  const A e = std::exp(-std::abs(x));
  return (x >= 0 ? A(1) : e) / (1 + e) - t;
}

}  // namespace

void softmax(Stream, In x, Out y) {
  const int64_t columns = x.dim(-1);
  if (x.numel() == 0) return;
  for_float(x.dtype(), [&](auto t) {
    using T = decltype(t);
    using A = Compute<T>;
    parallel_for(x.numel() / columns, range_of(columns), [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        const T* from = x.data<T>() + r * columns;
        T* to = y.data<T>() + r * columns;
        const A top = largest<A>(from, columns);
        A sum = 0;
        for (int64_t c = 0; c < columns; ++c) sum += std::exp(A(from[c]) - top);
        for (int64_t c = 0; c < columns; ++c) to[c] = T(std::exp(A(from[c]) - top) / sum);
      }
    });
  });
}

void softmax_cross_entropy(Stream, In logits, In labels, Out loss, Out dlogits, Scratch& scratch) {
  const int64_t columns = logits.dim(1);
  const int32_t* label = labels.data<int32_t>();
  const double share = inverse(double(count_rows(labels)));
  for_float(logits.dtype(), [&](auto t) {
    using T = decltype(t);
    using A = Compute<T>;
    // -log softmax(x)_l = log(sum exp x) - x_l; d/dx = softmax(x) - onehot(l)
    auto row = [&](int64_t r) {
      const T* x = logits.data<T>() + r * columns;
      T* d = dlogits.data<T>() + r * columns;
      if (label[r] < 0) return std::fill_n(d, columns, T(0)), 0.0;
      const A top = largest<A>(x, columns);
      A sum = 0;
      for (int64_t c = 0; c < columns; ++c) sum += std::exp(A(x[c]) - top);
      for (int64_t c = 0; c < columns; ++c) d[c] = T((std::exp(A(x[c]) - top) / sum - A(c == label[r])) * A(share));
      return double(std::log(sum) + top - A(x[label[r]]));
    };
    const double sum = ordered_sum(logits.dim(0), range_of(columns), scratch, [&](int64_t begin, int64_t end) {
      double s = 0;
      for (int64_t r = begin; r < end; ++r) s += row(r);
      return s;
    });
    *loss.data<T>() = T(A(sum * share));
  });
}

void sigmoid_bce(Stream, In logits, In labels, Out loss, Out dlogits, Scratch& scratch) {
  const int32_t* label = labels.data<int32_t>();
  const double share = inverse(double(count_rows(labels)));
  for_float(logits.dtype(), [&](auto t) {
    using T = decltype(t);
    using A = Compute<T>;
    const T* x = logits.data<T>();
    T* d = dlogits.data<T>();
    const double sum = ordered_sum(logits.numel(), range_of(1), scratch, [&](int64_t begin, int64_t end) {
      double s = 0;
      for (int64_t r = begin; r < end; ++r) {
        const bool part = label[r] >= 0;
        d[r] = part ? T(cross_entropy_slope(A(x[r]), A(label[r])) * A(share)) : T(0);
        if (part) s += double(cross_entropy(A(x[r]), A(label[r])));
      }
      return s;
    });
    *loss.data<T>() = T(A(sum * share));
  });
}

void smooth_l1(Stream, In x, In target, In labels, In denominator, double beta, Out loss, Out dx, Scratch& scratch) {
  const int64_t columns = x.dim(1);
  for_float(x.dtype(), [&](auto t) {
    using T = decltype(t);
    using A = Compute<T>;
    const double share = inverse(double(A(*denominator.data<T>())));
    const A b = A(beta);
    // |e| < beta: e^2 / (2 beta); else |e| - beta / 2
    auto row = [&](int64_t r) {
      const T *from = x.data<T>() + r * columns, *to = target.data<T>() + r * columns;
      T* d = dx.data<T>() + r * columns;
      if (labels.data<int32_t>()[r] < 0) return std::fill_n(d, columns, T(0)), 0.0;
      double s = 0;
      for (int64_t c = 0; c < columns; ++c) {
        const A e = A(from[c]) - A(to[c]), size = std::abs(e);
        s += double(size < b ? e * e / (2 * b) : size - b / 2);
        d[c] = T(A(share) * (size < b ? e / b : A(e > 0) - A(e < 0)));
      }
      return s;
    };
    const double sum = ordered_sum(x.dim(0), range_of(columns), scratch, [&](int64_t begin, int64_t end) {
      double s = 0;
      for (int64_t r = begin; r < end; ++r) s += row(r);
      return s;
    });
    *loss.data<T>() = T(A(sum * share));
  });
}

// slope holds the targets first.
void mask_loss(Stream, In logits, In labels, In rois, In object, const MaskRuns& masks, Out loss, Out slope,
               Scratch& scratch) {
  mask_targets(rois, object, masks, slope, scratch);
  const int64_t pixels = logits.dim(1) * logits.dim(2), classes = logits.dim(3);
  const int32_t* label = labels.data<int32_t>();
  const double share = inverse(double(count_rows(labels)) * double(pixels));
  for_float(logits.dtype(), [&](auto t) {
    using T = decltype(t);
    using A = Compute<T>;
    auto row = [&](int64_t r) {
      A* d = slope.data<A>() + r * pixels;
      if (label[r] < 0) return std::fill_n(d, pixels, A(0)), 0.0;
      const T* x = logits.data<T>() + r * pixels * classes + label[r];
      double s = 0;
      for (int64_t p = 0; p < pixels; ++p) {
        const A logit = A(x[p * classes]), target = d[p];
        s += double(cross_entropy(logit, target));
        d[p] = cross_entropy_slope(logit, target) * A(share);
      }
      return s;
    };
    const double sum = ordered_sum(logits.dim(0), range_of(pixels), scratch, [&](int64_t begin, int64_t end) {
      double s = 0;
      for (int64_t r = begin; r < end; ++r) s += row(r);
      return s;
    });
    *loss.data<A>() = A(sum * share);
  });
}

void mask_loss_backward(Stream, In dy, In slope, In labels, Out dlogits) {
  const int64_t pixels = slope.dim(1) * slope.dim(2), classes = dlogits.dim(3);
  const int32_t* label = labels.data<int32_t>();
  for_float(dlogits.dtype(), [&](auto t) {
    using T = decltype(t);
    using A = Compute<T>;
    const A scale = *dy.data<A>();
    parallel_for(slope.dim(0), range_of(pixels * classes), [&](int64_t begin, int64_t end) {
      std::fill(dlogits.data<T>() + begin * pixels * classes, dlogits.data<T>() + end * pixels * classes, T(0));
      for (int64_t r = begin; r < end; ++r)
        for (int64_t p = r * pixels; label[r] >= 0 && p < (r + 1) * pixels; ++p)
          dlogits.data<T>()[p * classes + label[r]] = T(slope.data<A>()[p] * scale);
    });
  });
}

}  // namespace sil::cpu
