// Paths in what the pages show.
#pragma once
#include <filesystem>
#include <string>

namespace sil {

// The last part of a path, also of one that ends with a / or a dot.
inline std::string last_name(const std::filesystem::path& path) {
  const std::filesystem::path whole = std::filesystem::absolute(path).lexically_normal();
  return (whole.has_filename() ? whole : whole.parent_path()).filename().string();
}

}  // namespace sil
