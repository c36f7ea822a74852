// A whole file's text, mapped: pages that the system holds anyway are neither zeroed nor copied.  A NUL follows the
// last byte, so that a reader may look at one character without asking whether there is one.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace sil {

class FileText {
 public:
  // Or as much as `at_most` of it.  Errors name the file: missing, a folder, a pipe or a device, unreadable, empty.
  explicit FileText(const std::filesystem::path&, size_t at_most = SIZE_MAX);
  FileText(FileText&&) noexcept;
  FileText& operator=(FileText&&) = delete;
  ~FileText();

  std::string_view view() const { return {bytes_, size_}; }

 private:
  char* bytes_ = nullptr;
  size_t size_ = 0, room_ = 0;
};

// For programs.  A file that another program cuts short while it is mapped, or whose disk fails, ends this process:
// after this call with one line `error: ...` that names it and code 2, else by SIGBUS.
void end_with_error_if_files_shrink();

}  // namespace sil
