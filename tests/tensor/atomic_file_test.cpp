#include "tensor/atomic_file.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

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

TEST_CASE("atomic file: the longest name that a file may have") {
  const Folder folder;
  const std::string name(255, 'n');
  write_atomically(folder.path / name, [](std::ostream& out) { out << "whole"; });
  CHECK(bytes_of(folder.path / name) == "whole");
  CHECK(files_in(folder) == 1);
}

TEST_CASE("atomic file: what killed programs left beside a file goes, and nothing else") {
  const Folder folder;
  for (const char* name : {"a.part-1", "a.part-4194304", "a", "a.part-", "a.part-x", "b.part-1", "ab.part-1"})
    write_text(folder.path / name, name);
  remove_leftovers(folder.path / "a");
  CHECK(files_in(folder) == 5);
  CHECK_FALSE(fs::exists(folder.path / "a.part-1"));
  CHECK_FALSE(fs::exists(folder.path / "a.part-4194304"));
  remove_leftovers(folder.path / "none/a");  // no folder, nothing to do
}

TEST_CASE("atomic file: a folder that is not there is an error that names the file") {
  CHECK_THROWS_WITH_AS(write_atomically("/nowhere/a", [](std::ostream&) {}),
                       "/nowhere/a: cannot be written: No such file or directory", Error);
}

TEST_CASE("atomic file: a link stays and its file is replaced, whether or not it exists") {
  const Folder folder;
  for (const char* target : {"there", "not yet"}) {
    const fs::path link = folder.path / (std::string("link to ") + target);
    fs::create_symlink(target, link);
    if (target == std::string("there")) write_text(folder.path / target, "old");
    write_atomically(link, [](std::ostream& out) { out << "new"; });
    CHECK(fs::is_symlink(link));
    CHECK(bytes_of(folder.path / target) == "new");
  }
  CHECK(files_in(folder) == 4);
}

TEST_CASE("atomic file: links in a ring are an error that names them") {
  const Folder folder;
  fs::create_symlink("b", folder.path / "a");
  fs::create_symlink("a", folder.path / "b");
  const std::string message = (folder / "a") + ": cannot be written: Too many levels of symbolic links";
  CHECK_THROWS_WITH_AS(write_atomically(folder.path / "a", [](std::ostream&) {}), message.c_str(), Error);
  CHECK(fs::is_symlink(folder.path / "a"));
}

// Pipes stand for devices: whoever gets this wrong as root replaces /dev/null of the machine that runs the tests.
TEST_CASE("atomic file: a pipe stays and is written to, also through a link") {
  const Folder folder;
  const fs::path pipe = folder.path / "pipe", link = folder.path / "link";
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  fs::create_symlink("pipe", link);
  const int reader = open(pipe.c_str(), O_RDONLY | O_NONBLOCK);
  REQUIRE(reader >= 0);
  for (const fs::path& path : {pipe, link}) {
    write_atomically(path, [](std::ostream& out) { out << "text"; });
    char text[5] = {};
    CHECK(read(reader, text, 4) == 4);
    CHECK(std::string(text) == "text");
    CHECK(fs::is_fifo(pipe));
  }
  close(reader);
  CHECK(fs::is_symlink(link));
  CHECK(files_in(folder) == 2);
}
