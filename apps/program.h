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
#include <functional>
#include <string>

#include "tensor/check.h"  // whose Errors end a program

namespace sil {

// One line on stderr.
void warn(std::string text);
int end_with_error(std::string text);  // returns 2

CLI::Validator between_0_and_1();
CLI::Validator whole_in_64_bits();

// `define` declares the arguments, `body` runs once they are parsed.  Examples go into app.footer(...).
int run_program(int argc, char** argv, const std::string& about, const std::function<void(CLI::App&)>& define,
                const std::function<int()>& body);

}  // namespace sil
