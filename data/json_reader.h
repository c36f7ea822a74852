// Reads JSON text value by value, as its caller asks for it: no tree is built, so a file of 100 MB costs little more
// than what is kept of it, and a wrong value is reported where it stands.
//
//   reader.begin_object();
//   for (std::string key; reader.next_key(key);)
//     if (key == "id") id = reader.integer(key);
//     else reader.skip();
//
// Numbers are read to the nearest double; NaN and Infinity are numbers, as Python writes them.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/check.h"

namespace sil {

// Well-formed JSON, but not the value that was asked for: "bbox is a string; an array expected".
struct WrongValue : Error {
  using Error::Error;
};

class JsonReader {
 public:
  // The text must outlive the reader.  `source` names it in messages.
  JsonReader(std::string_view text, std::string source) : text_(text), source_(std::move(source)) {}

  enum class Kind { object, array, string, number, boolean, null };
  Kind kind();  // of the value that comes next

  // `what` names the value in messages.  Throw WrongValue for a value of another kind, Error for what is not JSON.
  void begin_object(std::string_view what);
  bool next_key(std::string& key);
  void begin_array(std::string_view what);
  bool next_item();
  double number(std::string_view what);
  int64_t integer(std::string_view what);  // 3.0 is one too
  std::string string(std::string_view what);
  bool boolean(std::string_view what);
  void skip();    // whatever comes
  void finish();  // nothing may follow

  std::string_view text() const { return text_; }
  const std::string& source() const { return source_; }

  // To come back to a value: an item or what follows a key.
  size_t position() const { return at_; }
  void rewind(size_t position) {
    at_ = position;
    first_ = false;
  }

 private:
  void skip_space();
  char peek();
  void expect(Kind, std::string_view what, const char* expected);
  void begin(char bracket);
  bool next(char closing);
  std::string_view number_text();
  void literal(std::string_view word);
  void escape(std::string& to);
  uint32_t hex4();
  [[noreturn]] void not_json(const std::string& expected);

  std::string_view text_;
  std::string source_;
  size_t at_ = 0;
  bool first_ = false;  // just inside a bracket
};

// The whole file, or as much as `at_most` of it.  Errors name it: missing, a folder, a pipe
// or a device, unreadable, empty.
std::string read_file(const std::filesystem::path&, size_t at_most = SIZE_MAX);

// "line 2, column 7" of the byte `at`, both from 1, as messages give it.
std::string line_and_column(std::string_view text, size_t at);

// How many bytes from the start are well-formed UTF-8.
size_t utf8_prefix(std::string_view);

// JSON text of a string (quoted, escaped; U+FFFD for a byte that is no UTF-8) and of a number (shortest that reads back
// to the bit; throws unless finite).
std::string json_string(std::string_view);
std::string json_number(double);

}  // namespace sil
