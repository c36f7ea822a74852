#include "tensor/atomic_file.h"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <iterator>

#include "tensor/check.h"

using namespace sil;
namespace fs = std::filesystem;

namespace {

struct Folder {
  fs::path path = fs::temp_directory_path() / ("sil-atomic-" + std::to_string(::getpid()));
  Folder() { fs::create_directories(path); }
  ~Folder() { fs::remove_all(path); }
  size_t files() const { return size_t(std::distance(fs::directory_iterator(path), fs::directory_iterator())); }
};

std::string read(const fs::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

// While one lives, files end at this many bytes, as on a full disk.
struct SmallDisk {
  rlimit before{};
  explicit SmallDisk(rlim_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before);
    const rlimit now{bytes, before.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &now);
  }
  ~SmallDisk() { ::setrlimit(RLIMIT_FSIZE, &before); }
};

}  // namespace

TEST_CASE("atomic file: replaces what stood there and leaves nothing beside") {
  const Folder folder;
  for (const char* text : {"one", "two"}) write_atomically(folder.path / "a", [&](std::ostream& out) { out << text; });
  CHECK(read(folder.path / "a") == "two");
  CHECK(folder.files() == 1);
}

TEST_CASE("atomic file: an exception while writing leaves the old file alone") {
  const Folder folder;
  write_atomically(folder.path / "a", [](std::ostream& out) { out << "old"; });
  CHECK_THROWS_AS(write_atomically(folder.path / "a",
                                   [](std::ostream& out) {
                                     out << "new";
                                     fail("stop");
                                   }),
                  Error);
  CHECK(read(folder.path / "a") == "old");
  CHECK(folder.files() == 1);
}

TEST_CASE("atomic file: a disk that fills up leaves the last good file") {
  const Folder folder;
  write_atomically(folder.path / "a", [](std::ostream& out) { out << "old"; });
  const SmallDisk disk(4096);
  const std::string message = (folder.path / "a").string() + ": cannot be written: File too large";
  CHECK_THROWS_WITH_AS(write_atomically(folder.path / "a", [](std::ostream& out) { out << std::string(100000, 'x'); }),
                       message.c_str(), Error);
  CHECK(read(folder.path / "a") == "old");
  CHECK(folder.files() == 1);
}

TEST_CASE("atomic file: a folder that is not there is an error that names the file") {
  CHECK_THROWS_WITH_AS(write_atomically("/nowhere/a", [](std::ostream&) {}),
                       "/nowhere/a: cannot be written: No such file or directory", Error);
}
