#include "viz/gallery.h"

#include <doctest/doctest.h>

#include <chrono>

#include "tests/folder.h"

using namespace sil;
using sil::test::Folder;

namespace {

Gallery gallery(const std::vector<std::string>& names, const Folder& folder) {
  Annotations a;
  a.source = folder / "a.json";
  for (const std::string& name : names) a.photos.push_back({int64_t(a.photos.size()), name, 8, 8});
  a.index();
  return Gallery(std::move(a), names.size(), folder / "", Exif::ignore);
}

}  // namespace

TEST_CASE("gallery: photos that their names place elsewhere lose the folders, the longest that is known") {
  const Folder folder;
  const Gallery g = gallery({"/a/1.png", "/a/b/2.png", "/a/b/c d/3.png", "/a-x/4.png", "e/5.png", "/6.png"}, folder);
  const char* shown[] = {"1.png", "2.png", "3.png", "4.png", "e/5.png", "/6.png"};
  for (size_t row = 0; row < 6; ++row) CHECK(g.shown(row).file_name == shown[row]);
  CHECK(g.without_folders("/a/b/c d/3.png: gone; /a/b/x/9.png, (/a-x/4.png)") == "3.png: gone; x/9.png, (4.png)");
  CHECK(g.without_folders("x/a/b/2.png /a/bc/7.png /b/a/1.png /") == "x/a/b/2.png bc/7.png /b/a/1.png /");
}

TEST_CASE("gallery: as many folders as photos take no longer than the photos") {
  const Folder folder;
  std::vector<std::string> names;
  for (int i = 0; i < 100'000; ++i) names.push_back(fmt::format("/videos/{:06}/frame.png", i));
  const auto start = std::chrono::steady_clock::now();
  const std::string all = gallery(names, folder).names();
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(10));
  CHECK(all.starts_with("[\"frame.png\",\"frame.png\","));
  CHECK(all.find("videos") == all.npos);
}
