// Two classes of one name in one namespace are one class to the linker: it takes either's destructor for both.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <string>
#include <vector>

namespace fs = std::filesystem;

namespace {

// Calls visit(qualified name) for the classes that a file defines and other files can meet: outside nameless
// namespaces.  As clang-format sets them: namespaces are not indented, their ends say so.
template <class Visit>
void each_class(const fs::path& path, Visit visit) {
  static const std::regex opens(R"re(^namespace (?:([A-Za-z_:]+) )?\{$)re"), ends(R"re(^\}  // namespace)re"),
      defines(R"re(^(?:struct|class) ([A-Za-z_]+)(?: :.*| final.*)? ?\{)re");
  std::vector<std::string> inside;
  std::ifstream file(path);
  std::smatch match;
  for (std::string line; std::getline(file, line);) {
    if (std::regex_search(line, match, opens)) {
      inside.push_back(match[1]);
    } else if (std::regex_search(line, ends)) {
      inside.pop_back();
    } else if (std::regex_search(line, match, defines)) {
      std::string name;
      bool hidden = false;
      for (const std::string& n : inside) name += n + "::", hidden |= n.empty();
      if (!hidden) visit(name + match[1].str());
    }
  }
}

}  // namespace

TEST_CASE("house: no two files define a class of the same name in the same namespace") {
  const fs::path root = SIL_SOURCE_DIR;
  std::map<std::string, fs::path> seen;
  for (const char* folder :
       {"tensor", "cpu", "cuda", "autograd", "nn", "data", "models", "eval", "train", "viz", "apps", "bench"})
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root / folder))
      if (const std::string e = entry.path().extension(); e == ".h" || e == ".cpp" || e == ".cu")
        each_class(entry.path(), [&](const std::string& name) {
          const auto [at, first] = seen.try_emplace(name, entry.path());
          CHECK_MESSAGE(first, name, " in ", at->second.string(), " and in ", entry.path().string());
        });
  CHECK(seen.size() > 100);  // the house was found
  CHECK(seen.contains("sil::Range"));
}
