// What every program's main() shares: arguments, --help, and how it ends.  0 is success, 2 bad arguments or bad input
// with one line `error: ...` on stderr; `body` may return another code of its own.
//
//   int main(int argc, char** argv) {
//     std::string out;
//     return sil::run_program(
//         argc, argv, "Makes a data set.",
//         [&](CLI::App& app) { app.add_option("--out", out, "Folder to write")->required(); },
//         [&] { return make(out); });
//   }
#pragma once
#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <exception>
#include <functional>
#include <new>
#include <string>

#include "data/file_text.h"
#include "tensor/check.h"

namespace sil {

inline int end_with_error(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');  // one line, so that scripts can read it
  std::fflush(stdout);
  std::fprintf(stderr, "error: %s\n", text.c_str());
  return 2;
}

// An option given empty ("--out ''", an unset variable of a script) would pass for one not given.
inline void check_values(const CLI::App& app) {
  for (const CLI::Option* option : app.get_options())
    for (const std::string& value : option->results())
      check(!value.empty(), "{} is given without a value (--help lists the arguments)", option->get_name());
  for (const CLI::App* sub : app.get_subcommands()) check_values(*sub);
}

// `define` declares the arguments, `body` runs once they are parsed.  Examples go into app.footer(...).
inline int run_program(int argc, char** argv, const std::string& about, const std::function<void(CLI::App&)>& define,
                       const std::function<int()>& body) {
  std::signal(SIGXFSZ, SIG_IGN);  // a file over the shell's limit is an error of write(), as a full disk is
  end_with_error_if_files_shrink();
  CLI::App app{about};
  try {
    define(app);
    app.parse(argc, argv);
    check_values(app);
    const int code = body();
    check(std::fflush(stdout) == 0, "standard output cannot be written");
    return code;
  } catch (const CLI::Success& help_wanted) {
    return app.exit(help_wanted);
  } catch (const CLI::ParseError& e) {
    return end_with_error(std::string(e.what()) + " (--help lists the arguments)");
  } catch (const std::bad_alloc&) {
    return end_with_error("out of memory");
  } catch (const std::exception& e) {
    return end_with_error(e.what());
  }
}

}  // namespace sil
