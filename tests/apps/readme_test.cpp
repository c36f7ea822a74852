// README's "Train on your own data", run as it stands: only the paths are the test's own, and the steps fewer.
#include <doctest/doctest.h>

#include <sstream>
#include <vector>

#include "tests/apps/run.h"

using namespace sil;
using namespace sil::test;
namespace fs = std::filesystem;

namespace {

// The first block of code in `language` behind `heading`.
std::string block(const std::string& text, const std::string& heading, const std::string& language) {
  const size_t section = text.find(heading);
  REQUIRE(section != std::string::npos);
  const std::string fence = "```" + language + "\n";
  const size_t begin = text.find(fence, section) + fence.size();
  return text.substr(begin, text.find("```", begin) - begin);
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("readme: the three commands and the configuration of \"Train on your own data\" work") {
  const std::string readme = bytes_of(fs::path(SIL_SOURCE_DIR) / "README.md");
  const std::string heading = "## Train on your own data";
  const Folder folder;
  REQUIRE(run("shapes", "--images 4 --size 64 --out " + (folder / "set")).code == 0);
  write_text(folder / "config.json", block(readme, heading, "json"));

  std::vector<std::string> commands = lines_of(block(readme, heading, "sh"));
  REQUIRE(commands.size() == 3);
  commands[0] += " --max-steps 2";
  const char* const programs[] = {"train", "evaluate", "predict"};
  for (size_t i = 0; i < 3; i++) {
    const std::string start = std::string("build/bin/") + programs[i] + " ";
    REQUIRE(commands[i].starts_with(start));
    std::string arguments = " " + commands[i].substr(start.size());
    replace_all(arguments, " train.json", " " + (folder / "set/annotations.json"));
    replace_all(arguments, " val.json", " " + (folder / "set/annotations.json"));
    replace_all(arguments, " photos", " " + (folder / "set/images"));
    replace_all(arguments, " config.json", " " + (folder / "config.json"));
    replace_all(arguments, " runs/mine", " " + (folder / "run"));
    const Ran ran = run(programs[i], arguments);
    INFO(ran.out);
    INFO(ran.err);
    REQUIRE(ran.code == 0);
  }
  CHECK(fs::exists(folder / "run/metrics.json"));
  CHECK(fs::exists(folder / "run/overlays/000001.png"));
}
