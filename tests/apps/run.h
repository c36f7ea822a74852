// Runs a program of the build and keeps what it says.
#pragma once
#include <sys/wait.h>

#include <cstdlib>
#include <string>

#include "tests/folder.h"

namespace sil::test {

struct Ran {
  int code = -1;  // 128 + n if signal n ended it
  std::string out, err;
};

// `arguments` as a shell reads them; `environment` is put before, "SIL_THREADS=1" for one.
inline Ran run(const std::string& program, const std::string& arguments, const std::string& environment = "") {
  const Folder folder;
  const std::string command = environment + " " + SIL_BIN_DIR + "/" + program + " " + arguments + " >" +
                              (folder / "out") + " 2>" + (folder / "err") + " </dev/null";
  const int status = std::system(command.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), bytes_of(folder / "out"),
          bytes_of(folder / "err")};
}

}  // namespace sil::test
