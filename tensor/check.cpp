#include "tensor/check.h"

#include <fmt/format.h>

namespace sil {

void fail_text(fmt::string_view format, fmt::format_args args) { throw Error(fmt::vformat(format, args)); }

}  // namespace sil
