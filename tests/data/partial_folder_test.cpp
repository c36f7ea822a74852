#include "data/partial_folder.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

#include "tests/folder.h"

using namespace sil;
using namespace sil::test;
namespace fs = std::filesystem;

namespace {

// Everything below a folder, by its path from there.
std::set<std::string> content(const fs::path& folder) {
  std::set<std::string> names;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder))
    names.insert(fs::relative(entry.path(), folder).string());
  return names;
}

void fill(const PartialFolder& partial) {
  write_text(partial.make("images") / "a.png", "a");
  write_text(partial.path() / "annotations.json", "{}");
}

const std::set<std::string> kSet{"images", "images/a.png", "annotations.json"};

}  // namespace

TEST_CASE("partial folder: a new folder appears when it is whole") {
  const Folder folder;
  const fs::path target = folder.path / "parent/set";
  {
    PartialFolder partial(target);
    fill(partial);
    CHECK_FALSE(fs::exists(target));
    partial.finish();
  }
  CHECK(content(target) == kSet);
  CHECK(content(folder.path / "parent").size() == 1 + kSet.size());  // nothing beside it
}

TEST_CASE("partial folder: what is not finished leaves nothing") {
  const Folder folder;
  fs::create_directory(folder.path / "there");
  for (const char* name : {"new", "there"}) {
    const PartialFolder partial(folder.path / name);
    fill(partial);
  }
  CHECK(content(folder.path) == std::set<std::string>{"there"});
}

TEST_CASE("partial folder: one that is there and empty stays the folder that it is") {
  const Folder folder;
  for (const std::string name : {"plain", "slash/", "dot/.", "link", "link_slash"}) {
    CAPTURE(name);
    const fs::path real = folder.path / ("real_" + name.substr(0, name.find('/')));
    fs::create_directory(real);
    const fs::path given = folder.path / name, link = folder.path / name.substr(0, name.find('/'));
    fs::create_symlink(name == "link_slash" ? real / "" : real, link);
    {
      PartialFolder partial(given);
      fill(partial);
      partial.finish();
    }
    CHECK(fs::is_symlink(link));
    CHECK(content(real) == kSet);
  }
}

TEST_CASE("partial folder: what is there already is an error that says so, and stays") {
  const Folder folder;
  write_text(folder.path / "file", "mine");
  for (const fs::path& target : {folder.path / "file", folder.path})
    CHECK(error_of([&] { PartialFolder{target}; }) ==
          target.string() + ": exists already; a new or an empty folder expected");
  CHECK(content(folder.path) == std::set<std::string>{"file"});
  CHECK(error_of([&] { PartialFolder{folder.path / "file/set"}; }).find("cannot be made: Not a directory") !=
        std::string::npos);
}
