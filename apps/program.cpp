#include "apps/program.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <iostream>
#include <new>
#include <system_error>
#include <utility>

#include "data/file_text.h"

namespace sil {
namespace {

// One line each, whatever names of files are in it, so that scripts can read it.
void say_on_stderr(const char* kind, std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return c == '\n' || c == '\r'; }, ' ');
  std::fflush(stdout);
  std::fprintf(stderr, "%s: %s\n", kind, text.c_str());
}

// An option given empty ("--out ''", an unset variable of a script) would pass for one not given.
void check_values(const CLI::App& app) {
  for (const CLI::Option* option : app.get_options())
    for (const std::string& value : option->results())
      check(!value.empty(), "{} is given without a value (--help lists the arguments)", option->get_name());
  for (const CLI::App* sub : app.get_subcommands()) check_values(*sub);
}

// A program that was started with a standard stream closed would open its first file under that number, and print into
// it.  Read only, so that printing still fails.
void occupy_standard_streams() {
  int next = 0;
  while (next >= 0 && next <= 2) next = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (next > 2) close(next);
}

}  // namespace

void warn(std::string text) { say_on_stderr("warning", std::move(text)); }

int end_with_error(std::string text) {
  say_on_stderr("error", std::move(text));
  return 2;
}

// CLI::Range lets NaN pass.
CLI::Validator between_0_and_1() {
  return {[](std::string& text) {
            double value = 0;
            const bool holds = CLI::detail::lexical_cast(text, value) && value >= 0 && value <= 1;
            return holds ? std::string() : text + " is no number from 0 to 1";
          },
          "in [0 - 1]"};
}

// CLI11 takes what does not fit 64 bits for the largest number that does.
CLI::Validator whole_in_64_bits() {
  return {[](std::string& text) {
            uint64_t value = 0;
            const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
            const bool holds = error == std::errc() && end == text.data() + text.size();
            return holds ? std::string() : text + " is no whole number from 0 to 18446744073709551615";
          },
          "in [0 - 18446744073709551615]"};
}

int run_program(int argc, char** argv, const std::string& about, const std::function<void(CLI::App&)>& define,
                const std::function<int()>& body) {
  occupy_standard_streams();
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
    app.exit(help_wanted, std::cout);
    return std::cout.flush() ? 0 : end_with_error("standard output cannot be written");
  } catch (const CLI::ParseError& e) {
    return end_with_error(std::string(e.what()) + " (--help lists the arguments)");
  } catch (const std::filesystem::filesystem_error& e) {
    return end_with_error(e.path1().string() + ": cannot be used: " + e.code().message());
  } catch (const std::system_error& e) {
    if (e.code() != std::errc::resource_unavailable_try_again) return end_with_error(e.what());
    return end_with_error("a thread cannot be started: memory or the limit of processes is used up");
  } catch (const std::bad_alloc&) {
    return end_with_error("out of memory");
  } catch (const std::exception& e) {
    return end_with_error(e.what());
  }
}

}  // namespace sil
