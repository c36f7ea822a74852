#include "data/json_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "data/file_text.h"

namespace sil {

namespace {

const char* name(JsonReader::Kind kind) {
  using enum JsonReader::Kind;
  switch (kind) {
    case object:
      return "an object";
    case array:
      return "an array";
    case string:
      return "a string";
    case number:
      return "a number";
    case boolean:
      return "true or false";
    case null:
      return "null";
  }
  return "?";
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

void append_utf8(std::string& to, uint32_t code) {
  if (code < 0x80) {
    to += char(code);
  } else if (code < 0x800) {
    to += {char(0xC0 | code >> 6), char(0x80 | (code & 63))};
  } else if (code < 0x10000) {
    to += {char(0xE0 | code >> 12), char(0x80 | (code >> 6 & 63)), char(0x80 | (code & 63))};
  } else {
    to += {char(0xF0 | code >> 18), char(0x80 | (code >> 12 & 63)), char(0x80 | (code >> 6 & 63)),
           char(0x80 | (code & 63))};
  }
}

}  // namespace

std::string line_and_column(std::string_view text, size_t at) {
  const std::string_view before = text.substr(0, at);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const size_t start = before.rfind('\n') + 1;  // 0 on the first line: npos + 1
  return fmt::format("line {}, column {}", line, at - start + 1);
}

void JsonReader::not_json(const std::string& expected) {
  const size_t at = std::min(at_, text_.size());
  const std::string where = line_and_column(text_, at);
  if (at == text_.size()) fail("{}: not JSON: the file ends at {}, where {} is expected", source_, where, expected);
  const char c = text_[at];
  const std::string found = c > ' ' && c < 127 ? fmt::format("'{}'", c) : fmt::format("byte {}", uint8_t(c));
  fail("{}: not JSON: {} at {}; {} expected", source_, found, where, expected);
}

void JsonReader::skip_space() {
  while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r'))
    ++at_;
}

char JsonReader::peek() {
  skip_space();
  return at_ < text_.size() ? text_[at_] : '\0';
}

JsonReader::Kind JsonReader::kind() {
  const char c = peek();
  switch (c) {
    case '{':
      return Kind::object;
    case '[':
      return Kind::array;
    case '"':
      return Kind::string;
    case 't':
    case 'f':
      return Kind::boolean;
    case 'n':
      return Kind::null;
    default:
      break;
  }
  if (is_digit(c) || c == '-' || c == 'N' || c == 'I') return Kind::number;
  not_json("a value");
}

void JsonReader::expect(Kind expected_kind, std::string_view what, const char* expected) {
  const Kind given = kind();
  if (given != expected_kind) throw WrongValue(fmt::format("{} is {}; {} expected", what, name(given), expected));
}

void JsonReader::begin(char bracket) {
  if (peek() != bracket) not_json(fmt::format("'{}'", bracket));
  ++at_;
  first_ = true;
}

bool JsonReader::next(char closing) {
  const bool first = std::exchange(first_, false);
  const char c = peek();
  if (c == closing) {
    ++at_;
    return false;
  }
  if (first) return true;
  if (c != ',') not_json(fmt::format("',' or '{}'", closing));
  ++at_;
  return true;
}

void JsonReader::begin_object(std::string_view what) {
  expect(Kind::object, what, "an object");
  begin('{');
}

bool JsonReader::next_key(std::string& key) {
  if (!next('}')) return false;
  if (peek() != '"') not_json("a key in quotes");
  key = string("key");
  if (peek() != ':') not_json("':'");
  ++at_;
  return true;
}

void JsonReader::begin_array(std::string_view what) {
  expect(Kind::array, what, "an array");
  begin('[');
}

bool JsonReader::next_item() { return next(']'); }

void JsonReader::literal(std::string_view word) {
  if (text_.substr(at_, word.size()) != word) not_json(fmt::format("'{}'", word));
  at_ += word.size();
}

std::string_view JsonReader::number_text() {
  const size_t begin = at_;
  const auto here = [&] { return at_ < text_.size() ? text_[at_] : '\0'; };
  const auto digits = [&] {
    if (!is_digit(here())) not_json("a digit");
    while (is_digit(here())) ++at_;
  };
  if (here() == 'N') {  // it has no sign, in Python
    literal("NaN");
    return text_.substr(begin, at_ - begin);
  }
  if (here() == '-') ++at_;
  if (here() == 'I') {
    literal("Infinity");
  } else {
    if (here() == '0')
      ++at_;
    else
      digits();
    if (here() == '.') ++at_, digits();
    if (here() == 'e' || here() == 'E') {
      ++at_;
      if (here() == '+' || here() == '-') ++at_;
      digits();
    }
  }
  return text_.substr(begin, at_ - begin);
}

double JsonReader::number(std::string_view what) {
  expect(Kind::number, what, "a number");
  const std::string_view text = number_text();
  if (text == "NaN") return std::nan("");
  double value = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  // Too large or too small for a double: strtod says infinity or 0, as Python does.
  return status == std::errc() ? value : std::strtod(std::string(text).c_str(), nullptr);
}

int64_t JsonReader::integer(std::string_view what) {
  expect(Kind::number, what, "an integer");
  const size_t begin = at_;
  const std::string_view text = number_text();
  int64_t value = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (status == std::errc() && end == text.data() + text.size()) return value;
  rewind(begin);
  const double real = number(what);
  if (real != std::floor(real) || std::abs(real) > 0x1p53)  // NaN is not equal to itself
    throw WrongValue(fmt::format("{} is {}; an integer expected", what, text));
  return int64_t(real);
}

bool JsonReader::boolean(std::string_view what) {
  expect(Kind::boolean, what, "true or false");
  const bool value = peek() == 't';
  literal(value ? "true" : "false");
  return value;
}

uint32_t JsonReader::hex4() {
  uint32_t code = 0;
  for (int i = 0; i < 4; ++i, ++at_) {
    const char c = at_ < text_.size() ? text_[at_] : '\0';
    const int digit = is_digit(c)            ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) not_json("four hexadecimal digits");
    code = code * 16 + uint32_t(digit);
  }
  return code;
}

// After a backslash.
void JsonReader::escape(std::string& to) {
  constexpr std::string_view letters = "\"\\/bfnrt", meanings = "\"\\/\b\f\n\r\t";
  const char c = at_ < text_.size() ? text_[at_] : '\0';
  if (c == 'u') {
    ++at_;
    uint32_t code = hex4();
    if (code >= 0xD800 && code < 0xDC00 && text_.substr(at_, 2) == "\\u") {
      const size_t second = at_;
      at_ += 2;
      const uint32_t low = hex4();
      if (low >= 0xDC00 && low < 0xE000)
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
      else
        at_ = second;
    }
    append_utf8(to, code >= 0xD800 && code < 0xE000 ? 0xFFFD : code);  // half a pair means nothing
    return;
  }
  const size_t i = letters.find(c);
  if (i == std::string_view::npos) not_json("an escape (one of \" \\ / b f n r t u)");
  to += meanings[i];
  ++at_;
}

std::string JsonReader::string(std::string_view what) {
  expect(Kind::string, what, "a string");
  ++at_;
  std::string value;
  for (;;) {
    const size_t begin = at_;
    while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\\' && uint8_t(text_[at_]) >= ' ') ++at_;
    const std::string_view plain = text_.substr(begin, at_ - begin);
    if (const size_t valid = utf8_prefix(plain); valid < plain.size()) {
      at_ = begin + valid;
      not_json("UTF-8");
    }
    value.append(plain);
    if (at_ == text_.size() || uint8_t(text_[at_]) < ' ') not_json("the closing '\"' of a string");
    if (text_[at_++] == '"') return value;
    escape(value);
  }
}

void JsonReader::skip() {
  std::vector<char> open;  // the brackets around the current value, in place of recursion: nesting cannot overflow
  std::string key;
  do {
    if (!open.empty() && !(open.back() == '{' ? next_key(key) : next_item())) {
      open.pop_back();
      continue;
    }
    switch (kind()) {
      case Kind::object:
      case Kind::array:
        open.push_back(peek());
        begin(open.back());
        break;
      case Kind::string:
        string("value");
        break;
      case Kind::number:
        number_text();
        break;
      case Kind::boolean:
        boolean("value");
        break;
      case Kind::null:
        literal("null");
        break;
    }
  } while (!open.empty());
}

void JsonReader::finish() {
  skip_space();
  if (at_ != text_.size()) not_json("the end of the file");
}

std::string read_file(const std::filesystem::path& path, size_t at_most) {
  try {
    return std::string(FileText(path, at_most).view());
  } catch (const std::bad_alloc&) {
    fail("{}: does not fit into memory", path.string());
  }
}

size_t utf8_prefix(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    const uint8_t first = uint8_t(text[at]);
    const size_t length = first < 0x80   ? 1
                          : first < 0xC0 ? 0
                          : first < 0xE0 ? 2
                          : first < 0xF0 ? 3
                          : first < 0xF8 ? 4
                                         : 0;
    if (length == 0 || at + length > text.size()) break;
    uint32_t code = length == 1 ? first : first & (0x7Fu >> length);
    for (size_t i = 1; i < length; ++i) {
      const uint8_t next = uint8_t(text[at + i]);
      if (next >> 6 != 2) return at;
      code = code << 6 | (next & 63);
    }
    constexpr uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};  // below, a shorter form is the right one
    const bool surrogate = code >= 0xD800 && code < 0xE000;
    if (code < least[length] || surrogate || code > 0x10FFFF) break;
    at += length;
  }
  return at;
}

std::string json_string(std::string_view text) {
  if (size_t valid = utf8_prefix(text); valid < text.size()) {
    std::string mended;
    for (; valid < text.size(); valid = utf8_prefix(text)) {
      mended.append(text.substr(0, valid)).append("\uFFFD");
      text.remove_prefix(valid + 1);
    }
    return json_string(mended.append(text));
  }
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\')
      out += {'\\', c};
    else if (uint8_t(c) < ' ')
      out += fmt::format("\\u{:04x}", int(c));
    else
      out += c;
  }
  return out + '"';
}

std::string json_number(double value) {
  check(std::isfinite(value), "JSON: {} cannot be written as a number", value);
  return fmt::format("{}", value);
}

}  // namespace sil
