// Which folder may include which: the table of the design's section 1.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace fs = std::filesystem;

namespace {

using Folders = std::set<std::string>;

// What a folder includes directly; what that one includes, it may include too.
const std::map<std::string, Folders> kMayInclude{
    {"tensor", {}},
    {"cpu", {"tensor"}},
    {"cuda", {"tensor"}},
    {"autograd", {"tensor"}},
    {"nn", {"autograd"}},
    {"data", {"tensor"}},
    {"models", {"nn", "data"}},
    {"eval", {"data"}},
    {"train", {"models", "eval"}},
    {"viz", {"data", "eval"}},
    {"apps", {"train", "viz", "cpu", "cuda"}},
};

Folders reachable(const std::string& folder) {
  Folders all{folder};
  for (const std::string& next : kMayInclude.at(folder)) all.merge(reachable(next));
  return all;
}

bool is_source(const fs::path& path) {
  static const Folders endings{".h", ".cpp", ".cu", ".cuh"};
  return endings.contains(path.extension().string());
}

// "folder/..." of every include of ours in a file.
std::vector<std::string> included_folders(const fs::path& path) {
  static const std::regex include(R"re(^\s*#\s*include\s*"([a-z_]+)/)re");
  std::vector<std::string> folders;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    std::smatch match;
    if (std::regex_search(line, match, include)) folders.push_back(match[1]);
  }
  return folders;
}

std::vector<fs::path> sources(const std::string& folder) {
  std::vector<fs::path> paths;
  const fs::path root = fs::path(SIL_SOURCE_DIR) / folder;
  if (!fs::exists(root)) return paths;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root))
    if (entry.is_regular_file() && is_source(entry.path())) paths.push_back(entry.path());
  return paths;
}

}  // namespace

TEST_CASE("house: every folder includes only what the design's table allows") {
  size_t seen = 0;
  for (const auto& [folder, direct] : kMayInclude) {
    const Folders allowed = reachable(folder);
    for (const fs::path& path : sources(folder)) {
      seen++;
      for (const std::string& other : included_folders(path)) {
        CAPTURE(path.string());
        CAPTURE(other);
        CHECK(allowed.contains(other));
      }
    }
  }
  CHECK(seen > 20);  // the house was found
}

TEST_CASE("house: no source includes a file by a path that climbs out of its folder") {
  static const std::regex climbs(R"re(^\s*#\s*include\s*"\.\./)re");
  for (const auto& [folder, direct] : kMayInclude)
    for (const fs::path& path : sources(folder)) {
      std::ifstream file(path);
      for (std::string line; std::getline(file, line);) {
        CAPTURE(path.string());
        CHECK_FALSE(std::regex_search(line, climbs));
      }
    }
}
