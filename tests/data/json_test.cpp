#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>

#include "data/file_text.h"
#include "data/json_reader.h"
#include "golden.h"

using namespace sil;

namespace {

double number(const std::string& text) { return JsonReader(text, "f").number("n"); }

std::string what(const std::string& text) {
  try {
    JsonReader reader(text, "f.json");
    reader.skip();
    reader.finish();
  } catch (const Error& e) {
    return e.what();
  }
  return "read";
}

}  // namespace

TEST_CASE("json: numbers are read to the nearest double") {
  CHECK(number("0.1") == 0.1);
  CHECK(number("-12.5e-3") == -0.0125);
  CHECK(number("9007199254740993") == 9007199254740992.0);
  CHECK(number("2.2250738585072011e-308") == 2.2250738585072011e-308);
  CHECK(number("0.30000000000000004441") == 0.30000000000000004);
  CHECK(number("123456789012345678901234567890") == 123456789012345678901234567890.0);
  CHECK(std::isinf(number("1e999")));
  CHECK(number("1e-999") == 0);
  CHECK(std::isnan(number("NaN")));
  CHECK(number("-Infinity") == -INFINITY);
}

TEST_CASE("json: numbers written read back to the bit") {
  for (const double v : {0.1, 1.0 / 3, 1e-300, 123456789.123456789, 5e-324, 1.7976931348623157e308, -0.0, 1e22})
    CHECK(number(json_number(v)) == v);
  CHECK_THROWS_WITH_AS(json_number(NAN), "JSON: nan cannot be written as a number", Error);
}

TEST_CASE("json: strings keep their text through escapes") {
  const std::string text = R"("a\"\\\/\n\u00e9\u20AC\ud83d\ude00 é")";
  CHECK(JsonReader(text, "f").string("s") == "a\"\\/\né€😀 é");
  const std::string odd = "tab\t quote\" back\\ nul" + std::string(1, '\0') + "é";
  const std::string written = json_string(odd);
  CHECK(JsonReader(written, "f").string("s") == odd);
}

TEST_CASE("json: an integer may be written as 3.0, but not as 3.5") {
  const auto integer = [](const std::string& text) { return JsonReader(text, "f").integer("id"); };
  CHECK(integer("3.0") == 3);
  CHECK(integer("9223372036854775807") == INT64_MAX);
  CHECK_THROWS_WITH_AS(integer("3.5"), "id is 3.5; an integer expected", WrongValue);
  CHECK_THROWS_WITH_AS(integer("1e300"), "id is 1e300; an integer expected", WrongValue);
  CHECK_THROWS_WITH_AS(integer("NaN"), "id is NaN; an integer expected", WrongValue);
  CHECK_THROWS_WITH_AS(integer("\"3\""), "id is a string; an integer expected", WrongValue);
}

TEST_CASE("json: what is not JSON is named by line and column") {
  CHECK(what("{\"a\": [1, 2.5e3, \"x\", null, true, {}, []]}") == "read");
  CHECK(what("") == "f.json: not JSON: the file ends at line 1, column 1, where a value is expected");
  CHECK(what("{\"a\": 1,\n \"b\": }") == "f.json: not JSON: '}' at line 2, column 7; a value expected");
  CHECK(what("[1, 2") == "f.json: not JSON: the file ends at line 1, column 6, where ',' or ']' is expected");
  CHECK(what("[1 2]") == "f.json: not JSON: '2' at line 1, column 4; ',' or ']' expected");
  CHECK(what("[1,]") == "f.json: not JSON: ']' at line 1, column 4; a value expected");
  CHECK(what("{1: 2}") == "f.json: not JSON: '1' at line 1, column 2; a key in quotes expected");
  CHECK(what("{\"a\" 2}") == "f.json: not JSON: '2' at line 1, column 6; ':' expected");
  CHECK(what("tru") == "f.json: not JSON: 't' at line 1, column 1; 'true' expected");
  CHECK(what("01") == "f.json: not JSON: '1' at line 1, column 2; the end of the file expected");
  CHECK(what("-") == "f.json: not JSON: the file ends at line 1, column 2, where a digit is expected");
  CHECK(what("\"a\\x\"") ==
        "f.json: not JSON: 'x' at line 1, column 4; an escape (one of \" \\ / b f n r t u) expected");
  CHECK(what("\"a") ==
        "f.json: not JSON: the file ends at line 1, column 3, where the closing '\"' of a string is expected");
  CHECK(what("\xEF\xBB\xBF{}") == "f.json: not JSON: byte 239 at line 1, column 1; a value expected");
  CHECK(what("{} {}") == "f.json: not JSON: '{' at line 1, column 4; the end of the file expected");
}

TEST_CASE("json: strings are UTF-8, read and written") {
  CHECK(what("\"é€😀\"") == "read");
  CHECK(what("[\n\"a\xFF\"]") == "f.json: not JSON: byte 255 at line 2, column 3; UTF-8 expected");
  for (const std::string bad :
       {"\xC3", "\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\x80", "\xC3("}) {
    CAPTURE(bad);
    CHECK(what("\"" + bad + "\"") != "read");
    CHECK(what(json_string("a" + bad + "b")) == "read");
  }
  CHECK(json_string("a\xFF"
                    "b") == "\"a\uFFFDb\"");
}

TEST_CASE("json: only a regular file is read") {
  const TempFolder temp;
  const std::string pipe = (temp.path / "pipe").string();
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  CHECK_THROWS_WITH_AS(read_file(pipe), (pipe + ": is not a regular file").c_str(), Error);
}

TEST_CASE("file_text: whole files of any size, and a NUL behind them") {
  const TempFolder temp;
  const std::string path = (temp.path / "text").string();
  for (const size_t size : {1, 4095, 4096, 4097, 8192, 100'000}) {
    std::string text(size, 'x');
    text.back() = 'y';
    std::ofstream(path) << text;
    const FileText whole(path), part(path, size - size / 3);
    CHECK(whole.view() == text);
    CHECK(part.view() == text.substr(0, size - size / 3));
    CHECK(whole.view().data()[size] == '\0');
    CHECK(part.view().data()[size - size / 3] == '\0');
  }
}

TEST_CASE("file_text: a file cut short while it is read ends a program with one line and code 2") {
  const TempFolder temp;
  const std::string path = (temp.path / "text").string();
  std::ofstream(path) << std::string(3 * 4096, 'x');
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], STDERR_FILENO);
    end_with_error_if_files_shrink();
    const FileText text(path);
    const bool cut = truncate(path.c_str(), 0) == 0;
    _exit(cut && text.view()[4096] == 'x' ? 0 : 1);
  }
  close(ends[1]);
  int status = 0;
  waitpid(child, &status, 0);
  std::string said(1000, '\0');
  said.resize(size_t(std::max<ssize_t>(0, read(ends[0], said.data(), said.size()))));
  close(ends[0]);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 2);
  CHECK(said == "error: " + path + ": cannot be read: it became shorter meanwhile\n");
}

TEST_CASE("json: deep nesting costs no stack") {
  const std::string deep = std::string(1'000'000, '[') + std::string(1'000'000, ']');
  CHECK(what(deep) == "read");
}
