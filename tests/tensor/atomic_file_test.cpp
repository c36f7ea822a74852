#include "tensor/atomic_file.h"

#include <doctest/doctest.h>

#include "tests/folder.h"
#include "tests/small_disk.h"

using namespace sil;
using namespace sil::test;
namespace fs = std::filesystem;

namespace {

size_t files_in(const Folder& folder) {
  return size_t(std::distance(fs::directory_iterator(folder.path), fs::directory_iterator()));
}

}  // namespace

TEST_CASE("atomic file: replaces what stood there and leaves nothing beside") {
  const Folder folder;
  for (const char* text : {"one", "two"}) write_atomically(folder.path / "a", [&](std::ostream& out) { out << text; });
  CHECK(bytes_of(folder.path / "a") == "two");
  CHECK(files_in(folder) == 1);
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
  CHECK(bytes_of(folder.path / "a") == "old");
  CHECK(files_in(folder) == 1);
}

TEST_CASE("atomic file: a disk that fills up leaves the last good file") {
  const Folder folder;
  write_atomically(folder.path / "a", [](std::ostream& out) { out << "old"; });
  const SmallDisk disk(4096);
  const std::string message = (folder.path / "a").string() + ": cannot be written: File too large";
  CHECK_THROWS_WITH_AS(write_atomically(folder.path / "a", [](std::ostream& out) { out << std::string(100000, 'x'); }),
                       message.c_str(), Error);
  CHECK(bytes_of(folder.path / "a") == "old");
  CHECK(files_in(folder) == 1);
}

TEST_CASE("atomic file: a folder that is not there is an error that names the file") {
  CHECK_THROWS_WITH_AS(write_atomically("/nowhere/a", [](std::ostream&) {}),
                       "/nowhere/a: cannot be written: No such file or directory", Error);
}
