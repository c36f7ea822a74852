// Whether what was read at the start is still what lies on the disk, for the pages, which show what was read.
//
//   changes   JSON: {"read": milliseconds since 1970 at the start, "count": 3, "files": [[name, true if it is gone],
//   ...]},
//             the first kNamed of them by name
#pragma once
#include <compare>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace sil {

// Tells a file's states apart: its time and size.  Of a folder: the names in it, hidden ones left out, as a hash and
// one more than their number.  Of what is not there: zeros.
struct FileStamp {
  int64_t time = 0;
  uint64_t size = 0;
  auto operator<=>(const FileStamp&) const = default;
};
// None if the system cannot say just now: a program may have only so many files open, for one.
std::optional<FileStamp> stamp_of(const std::filesystem::path&);

class FilesRead {
 public:
  static constexpr size_t kNamed = 3;

  FilesRead();
  // Looks at it now: a change from here on is one.  `name`: what the pages call it.
  void add(const std::filesystem::path&, std::string name);
  // Looks again, at what can be looked at, but never spends more than a fiftieth of its time on that: a label-schema
  // folder has many files.
  std::string changes() const;

 private:
  struct File {
    std::filesystem::path path;
    std::string name;
    std::optional<FileStamp> stamp;
  };
  std::string look() const;

  std::vector<File> files_;
  int64_t read_;
  mutable std::mutex mutex_;
  mutable std::string last_;
  mutable int64_t next_look_ = 0;  // milliseconds of the steady clock
};

}  // namespace sil
