// What scripts do before they do any work.
#include <doctest/doctest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <string>

#include "tests/folder.h"

using namespace sil::test;
namespace fs = std::filesystem;

namespace {

struct Said {
  int code;
  std::string all;
};

Said run(const std::string& script, const std::string& path) {
  const Folder folder("script");
  const std::string command = "cd '" SIL_SOURCE_DIR "/scripts' && PATH='" + path + "' bash " + script + " >" +
                              (folder / "said") + " 2>&1 </dev/null";
  const int status = std::system(command.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, bytes_of(folder / "said")};
}

// A system of Debian's that knows clang 19 once it has lists, and notes what apt-get is asked.
struct System {
  Folder folder{"system"};
  std::string path;

  explicit System(bool installed) {
    const std::string at = folder.path.string();
    program("id", "echo 0");
    program("dpkg-query", installed ? "echo -n installed" : "exit 1");
    program(
        "apt-cache",
        std::string(installed ? "" : "[ -e " + at + "/lists ] || { echo 'E: No packages found' >&2; exit 100; }\n") +
            "echo clang; echo '  Depends: clang-19'");
    program("apt-get", "echo \"$@\" >>" + at + "/asked; [ $1 != update ] || touch " + at + "/lists");
    path = at + ":" + std::getenv("PATH");
  }
  void program(const std::string& name, const std::string& text) const {
    write_text(folder.path / name, "#!/bin/sh\n" + text + "\n");
    fs::permissions(folder.path / name, fs::perms::owner_all);
  }
};

}  // namespace

TEST_CASE("scripts: demo.sh answers a flag without its number, or a wrong one, with one line and code 2") {
  const std::string path = std::getenv("PATH");
  for (const auto& [arguments, error] :
       {std::pair<std::string, std::string>{"--seed", "error: --seed: a number expected\n"},
        {"--seed x", "error: --seed is x; a number of at most 18 digits expected\n"},
        {"--sed", "error: --sed; --seed N expected\n"}}) {
    const Said said = run("demo.sh " + arguments, path);
    CHECK(said.code == 2);
    CHECK(said.all == error);
  }
}

TEST_CASE("scripts: setup.sh asks which clang there is once the lists are there") {
  const System bare(false);
  const Said said = run("setup.sh", bare.path);
  CHECK(said.code == 0);
  const std::string asked = fs::exists(bare.folder.path / "asked") ? bytes_of(bare.folder.path / "asked") : "";
  CHECK(asked.starts_with("update -qq\ninstall "));
  CHECK(contains(asked, " clang clang-format "));
  CHECK(contains(asked, " libclang-rt-19-dev\n"));
}

TEST_CASE("scripts: setup.sh does nothing where everything is installed") {
  const System whole(true);
  const Said said = run("setup.sh", whole.path);
  CHECK(said.code == 0);
  CHECK(said.all == "setup: everything is installed\n");
  CHECK(!fs::exists(whole.folder.path / "asked"));
}
