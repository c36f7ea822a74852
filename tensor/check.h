// Errors: one clear line that names the operation or file, what was given and what was expected.
//
//   check(w.rank() == 4, "conv2d: weight is {} (O,kH,kW,I expected)", w.shape());
//
// The API layer checks (ops, parsers, programs); kernels assume checked input.  Programs turn an Error into
// `error: <text>` and exit code 2.
#pragma once
#include <fmt/core.h>

#include <stdexcept>
#include <string>

namespace sil {

struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

[[noreturn]] void fail_text(fmt::string_view format, fmt::format_args args);

template <class... A>
[[noreturn]] void fail(fmt::format_string<A...> format, A&&... args) {
  fail_text(format, fmt::make_format_args(args...));
}

template <class... A>
inline void check(bool ok, fmt::format_string<A...> format, A&&... args) {
  if (!ok) [[unlikely]]
    fail_text(format, fmt::make_format_args(args...));
}

}  // namespace sil
