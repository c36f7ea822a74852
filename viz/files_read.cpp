#include "viz/files_read.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>
#include <functional>

#include "data/json_reader.h"

namespace sil {
namespace {

namespace fs = std::filesystem;

template <class Clock>
int64_t milliseconds() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now().time_since_epoch()).count();
}

bool is_absent(const std::error_code& error) {
  return error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory;
}

std::optional<FileStamp> stamp_of_folder(const fs::path& path) {
  FileStamp stamp{0, 1};  // an empty folder is not nothing
  std::error_code error;
  for (fs::directory_iterator at(path, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (name[0] == '.') continue;
    stamp.time += int64_t(std::hash<std::string>{}(name) >> 1);  // a sum, as folders have no order
    ++stamp.size;
  }
  if (is_absent(error)) return FileStamp{};
  return error ? std::nullopt : std::optional(stamp);
}

}  // namespace

std::optional<FileStamp> stamp_of(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (fs::is_directory(status)) return stamp_of_folder(path);
  if (status.type() == fs::file_type::not_found) return FileStamp{};
  const auto time = fs::last_write_time(path, error).time_since_epoch().count();
  const uint64_t size = error ? 0 : fs::file_size(path, error);
  if (is_absent(error)) return FileStamp{};
  return error ? std::nullopt : std::optional(FileStamp{int64_t(time), size});
}

FilesRead::FilesRead() : read_(milliseconds<std::chrono::system_clock>()) {}

void FilesRead::add(const fs::path& path, std::string name) {
  files_.push_back({path, std::move(name), stamp_of(path)});
}

std::string FilesRead::changes() const {
  const std::lock_guard lock(mutex_);
  const int64_t start = milliseconds<std::chrono::steady_clock>();
  if (last_.empty() || start >= next_look_) {
    last_ = look();
    const int64_t end = milliseconds<std::chrono::steady_clock>();
    next_look_ = end + 50 * (end - start);
  }
  return last_;
}

std::string FilesRead::look() const {
  size_t count = 0;
  std::vector<std::string> named;
  for (const File& file : files_) {
    const std::optional<FileStamp> now = stamp_of(file.path);
    if (!now || !file.stamp || *now == *file.stamp) continue;
    if (++count <= kNamed) named.push_back(fmt::format("[{},{}]", json_string(file.name), *now == FileStamp{}));
  }
  return fmt::format(R"({{"read":{},"count":{},"files":[{}]}})", read_, count, fmt::join(named, ","));
}

}  // namespace sil
