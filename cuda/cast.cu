// From one dtype to another, and constants.  bytes: the argument once, the result once; no FLOP.
#include <limits>

#include "cuda/dispatch.h"
#include "cuda/gpu.h"
#include "cuda/map.h"

namespace sil::SIL_GPU {
namespace {

template <class T>
constexpr bool kIsFloat = std::is_same_v<T, float> || std::is_same_v<T, bfloat16> || std::is_same_v<T, float16>;

// Toward zero; what does not fit becomes the nearest that does, NaN becomes 0.
template <class To>
__device__ To to_integer(float x) {
  using Limits = std::numeric_limits<To>;
  if (!(x > float(Limits::min()))) return x != x ? To(0) : Limits::min();
  return x >= float(Limits::max()) ? Limits::max() : To(x);
}

template <class To, class From>
__device__ To convert(From x) {
  if constexpr (std::is_same_v<To, From>)
    return x;
  else if constexpr (kIsFloat<From> && !kIsFloat<To>)
    return to_integer<To>(float(x));
  else if constexpr (kIsFloat<To>)
    return To(float(x));
  else
    return To(x);
}

template <class From, class To>
struct Cast {
  __device__ To operator()(From x) const { return convert<To>(x); }
};

template <class T>
struct Constant {
  T value;
  __device__ T operator()() const { return value; }
};

}  // namespace

void cast(Stream s, In x, Out y) {
  for_any("cast", x.dtype(), [&](auto from) {
    for_any("cast", y.dtype(), [&](auto to) {
      using From = decltype(from);
      using To = decltype(to);
      map(s, "cast", x.numel(), Cast<From, To>(), y.data<To>(), x.data<From>());
    });
  });
}

void fill(Stream s, double value, Out y) {
  for_any("fill", y.dtype(), [&](auto t) {
    using T = decltype(t);
    T v;
    if constexpr (kIsFloat<T>)
      v = T(float(value));
    else
      v = T(value);
    map(s, "fill", y.numel(), Constant<T>{v}, y.data<T>());
  });
}

}  // namespace sil::SIL_GPU
