#include "data/file_text.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <mutex>
#include <new>
#include <utility>

#include "tensor/check.h"

namespace sil {

namespace {

struct File {
  int fd;
  ~File() { close(fd); }
};

void read_at(int fd, char* to, size_t begin, size_t end, const std::string& name) {
  while (begin < end) {
    const ssize_t n = pread(fd, to + begin, end - begin, off_t(begin));
    if (n < 0 && errno == EINTR) continue;
    check(n >= 0, "{}: cannot be read: {}", name, std::strerror(errno));
    check(n > 0, "{}: cannot be read: it became shorter meanwhile", name);
    begin += size_t(n);
  }
}

// What is mapped, for the handler of SIGBUS, which may only look.  Files beyond the table's size are not named there.
struct Mapping {
  const char* begin = nullptr;
  size_t size = 0;
  std::array<char, 512> line{};
};
std::array<Mapping, 16> mappings;
std::mutex mappings_mutex;

void note(const char* begin, size_t size, const std::string& name) {
  const std::lock_guard lock(mappings_mutex);
  const auto free = std::ranges::find(mappings, nullptr, &Mapping::begin);
  if (free == mappings.end()) return;
  const std::string line = fmt::format("error: {}: cannot be read: it became shorter meanwhile\n",
                                       name.size() > 400 ? "..." + name.substr(name.size() - 400) : name);
  free->line.fill('\0');
  std::ranges::copy(line, free->line.begin());
  free->size = size;
  free->begin = begin;
}

void forget(const char* begin) {
  const std::lock_guard lock(mappings_mutex);
  const auto found = std::ranges::find(mappings, begin, &Mapping::begin);
  if (found != mappings.end()) found->begin = nullptr;
}

void on_sigbus(int, siginfo_t* info, void*) {
  const char* at = static_cast<const char*>(info->si_addr);
  const char* line = "error: a file cannot be read: it became shorter meanwhile\n";
  for (const Mapping& m : mappings)
    if (m.begin && at >= m.begin && at < m.begin + m.size) line = m.line.data();
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line, std::strlen(line));
  _exit(2);
}

}  // namespace

FileText::FileText(const std::filesystem::path& path, size_t at_most) {
  std::error_code ignored;
  const std::string name = path.string();
  const std::filesystem::file_status status = std::filesystem::status(path, ignored);
  check(!is_directory(status), "{}: is a folder; a file expected", name);
  check(!exists(status) || is_regular_file(status), "{}: is not a regular file", name);
  const File file{open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  struct stat about {};
  check(file.fd >= 0 && fstat(file.fd, &about) == 0, "{}: cannot be opened: {}", name, std::strerror(errno));
  check(S_ISREG(about.st_mode), "{}: is not a regular file", name);
  check(about.st_size > 0, "{}: is empty", name);
  size_ = std::min(size_t(about.st_size), at_most);

  // Whole pages are the file's, the rest is a copy, which a NUL follows whatever becomes of the file.
  const size_t page = size_t(sysconf(_SC_PAGESIZE)), room = size_ / page * page + page;
  void* memory = mmap(nullptr, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  bytes_ = static_cast<char*>(memory);
  room_ = room;
  size_t mapped = size_ / page * page;
  if (mapped > 0 && mmap(memory, mapped, PROT_READ, MAP_PRIVATE | MAP_FIXED, file.fd, 0) == MAP_FAILED) mapped = 0;
  try {
    read_at(file.fd, bytes_, mapped, size_, name);
  } catch (...) {
    munmap(bytes_, room_);
    throw;
  }
  note(bytes_, mapped, name);
}

FileText::FileText(FileText&& other) noexcept
    : bytes_(std::exchange(other.bytes_, nullptr)), size_(std::exchange(other.size_, 0)), room_(other.room_) {}

FileText::~FileText() {
  if (!bytes_) return;
  forget(bytes_);
  munmap(bytes_, room_);
}

void end_with_error_if_files_shrink() {
  struct sigaction action {};
  action.sa_sigaction = on_sigbus;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGBUS, &action, nullptr);
}

}  // namespace sil
