#include "train/status.h"

#include <doctest/doctest.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <functional>

#include "tests/folder.h"

using namespace sil;
using namespace sil::test;

namespace {

// What `body` prints on a terminal of so many columns.
std::string on_terminal(unsigned short columns, const std::function<void()>& body) {
  const winsize size{24, columns, 0, 0};
  int terminal = -1;
  std::fflush(stdout);
  const pid_t child = forkpty(&terminal, nullptr, nullptr, &size);
  REQUIRE(child >= 0);
  if (child == 0) {
    body();
    std::fflush(stdout);
    _exit(0);
  }
  std::string text;
  char buffer[4096];
  for (ssize_t n; (n = read(terminal, buffer, sizeof buffer)) > 0;) text.append(buffer, size_t(n));
  close(terminal);
  waitpid(child, nullptr, 0);
  return text;
}

}  // namespace

TEST_CASE("status: a narrow terminal cuts the text's end, not the time left") {
  const std::string text = on_terminal(80, [] {
    Status status(4, "step");
    status.update(1, "2.0 images/s  loss 1.234 (" + std::string(200, 'x') + ")");
  });
  const std::string start = "\r\x1b[K[#####...............] step 1/4  left 0:00  2.0 images/s  loss 1.234 (xxx";
  CHECK(text.substr(0, start.size()) == start);
  CHECK(text.find("\r\x1b[K", 1) == std::string("\r\x1b[K").size() + 79);  // one line, which is wiped at the end
}

TEST_CASE("status: a line that stays wipes the bar") {
  const std::string text = on_terminal(80, [] {
    Status status(4, "step");
    status.update(4);
    status.line("done");
  });
  CHECK(text == "\r\x1b[K[####################] step 4/4  left 0:00\r\x1b[Kdone\r\n");
}
