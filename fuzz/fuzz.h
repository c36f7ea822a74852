// A fuzz target throws bytes at a reader.  An Error is the right answer to nonsense; a crash, a hang, a sanitizer's
// report or any other exception is a finding.
#pragma once
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "tensor/check.h"

namespace fuzz {

template <class F>
void expect_error_at_most(F read) {
  try {
    read();
  } catch (const sil::Error&) {
  }
}

[[noreturn]] inline void finding() { __builtin_trap(); }

// A file of this process's own that holds the bytes, for readers of paths.
inline std::filesystem::path file_with(const uint8_t* bytes, size_t size, const std::filesystem::path& name) {
  const std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("sil_fuzz_" + std::to_string(getpid())) / name;
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(bytes), std::streamsize(size));
  return path;
}

}  // namespace fuzz
