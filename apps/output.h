// Said before long work rather than after it: that its output can be written.
#pragma once
#include <filesystem>

#include "tensor/check.h"

namespace sil {

// Throws an Error if the folder that is to hold the file does not exist.
inline void check_folder_of(const std::filesystem::path& file) {
  const std::filesystem::path folder = file.parent_path();
  check(folder.empty() || std::filesystem::is_directory(folder), "{}: there is no folder {}", file.string(),
        folder.string());
  check(!std::filesystem::is_directory(file), "{}: a folder; the name of a file to write expected", file.string());
}

}  // namespace sil
