// From one dtype to another.
#include <cmath>
#include <limits>

#include "cpu/cpu.h"
#include "cpu/dispatch.h"
#include "cpu/loops.h"

namespace sil::cpu {
namespace {

// Toward zero; what does not fit becomes the nearest that does, NaN becomes 0.
template <class To, class From>
To to_integer(From x) {
  using Limits = std::numeric_limits<To>;
  if (!(x > From(Limits::min()))) return x != x ? To(0) : Limits::min();
  return x >= From(Limits::max()) ? Limits::max() : To(x);
}

template <class To, class From>
To convert(From x) {
  if constexpr (std::is_same_v<To, From>)
    return x;
  else if constexpr (std::is_same_v<From, bfloat16>)
    return convert<To>(float(x));
  else if constexpr (std::is_integral_v<To> && std::is_floating_point_v<From>)
    return to_integer<To>(x);
  else
    return To(x);
}

}  // namespace

void cast(Stream, In x, Out y) {
  for_any(x.dtype(), [&](auto from) {
    for_any(y.dtype(), [&](auto to) {
      using From = decltype(from);
      using To = decltype(to);
      const From* a = x.data<From>();
      To* b = y.data<To>();
      if constexpr (std::is_same_v<To, bfloat16>)
        each(x.numel(), [=](int64_t i) { put(b[i], float(a[i])); });
      else
        each(x.numel(), [=](int64_t i) { b[i] = convert<To>(a[i]); });
    });
  });
}

}  // namespace sil::cpu
