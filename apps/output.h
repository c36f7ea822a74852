// Said before long work rather than after it: that its output can be written.
#pragma once
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>

#include "tensor/atomic_file.h"
#include "tensor/check.h"

namespace sil {

// Throws an Error if the folder that is to hold the file does not exist or cannot be written, found out by trying.
inline void check_folder_of(const std::filesystem::path& file) {
  if (is_device(file)) return;
  std::error_code ignored;  // of a name too long, of which the trial tells
  check(!std::filesystem::is_directory(file, ignored), "{}: a folder; the name of a file to write expected",
        file.string());
  const std::filesystem::path target = behind_links(file);
  const std::filesystem::path folder = target.has_parent_path() ? target.parent_path() : ".";
  std::error_code error;  // of a folder's name too long, of links in a ring
  const bool there = std::filesystem::is_directory(folder, error);
  check(there, "{}: cannot be written: there is no folder {}{}", file.string(), folder.string(),
        error && error != std::errc::no_such_file_or_directory ? ": " + error.message() : "");
  std::string trial = target.string() + ".trial_XXXXXX";  // with the name, as it may be too long
  const int descriptor = mkstemp(trial.data());
  check(descriptor >= 0, "{}: cannot be written: {}", file.string(), std::strerror(errno));
  close(descriptor);
  unlink(trial.c_str());
}

// A folder for pictures: made if it does not exist, and can be written into.
inline void make_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  check(!error && std::filesystem::is_directory(folder, error), "{}: cannot be made: {}", folder.string(),
        error.message());
  check_folder_of(folder / "picture.png");
}

}  // namespace sil
