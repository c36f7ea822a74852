// A whole file's text, read by all threads into memory of its own.  A NUL follows the last byte, so that a reader may
// look at one character without asking whether there is one.
#pragma once
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string_view>

namespace sil {

class FileText {
 public:
  // Or as much as `at_most` of it.  Errors name the file: missing, a folder, a pipe or a device, unreadable, empty.
  explicit FileText(const std::filesystem::path&, size_t at_most = SIZE_MAX);

  std::string_view view() const { return {bytes_.get(), size_}; }

 private:
  struct Free {
    void operator()(char* p) const { std::free(p); }
  };
  std::unique_ptr<char, Free> bytes_;
  size_t size_ = 0;
};

}  // namespace sil
