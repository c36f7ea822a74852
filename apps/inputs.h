// Said before any work: that what is to be written is not what is to be read.
#pragma once
#include <filesystem>
#include <vector>

#include "tensor/check.h"

namespace sil {

// Throws an Error if `out` is one of the inputs, by whatever name; files and folders that do not exist are none.
inline void check_no_input(const std::filesystem::path& out, const std::vector<std::filesystem::path>& inputs) {
  std::error_code ignored;
  if (!std::filesystem::exists(out, ignored)) return;
  for (const std::filesystem::path& input : inputs)
    check(!std::filesystem::equivalent(out, input, ignored), "{}: is an input and would be overwritten", out.string());
}

}  // namespace sil
