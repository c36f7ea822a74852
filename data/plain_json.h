// Reads the plain forms that files of a million records are made of, several times as fast as JsonReader: ASCII without
// escapes, whole numbers of up to 18 digits, decimal numbers.  Whatever else JSON allows, and whatever it forbids,
// gives false: the caller then reads the same record with JsonReader, which knows all values and all errors.  Where
// both read a value, it is the same; fuzz/records.cpp holds one against the other.
#pragma once
#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "data/json_reader.h"
#include "data/mask_view.h"

namespace sil {

class PlainJson {
 public:
  // From where `reader` stands.  A NUL must follow its text (FileText and std::string have one).
  explicit PlainJson(const JsonReader& reader)
      : text_(reader.text().data()), at_(text_ + reader.position()), end_(text_ + reader.text().size()) {}

  size_t position() const { return size_t(at_ - text_); }
  void rewind(size_t position) { at_ = text_ + position; }

  // The character, after any space; else nothing is taken.
  bool take(char c) {
    while (*at_ == ' ' || *at_ == '\n' || *at_ == '\t' || *at_ == '\r') ++at_;
    return *at_ == c && (++at_, true);
  }

  bool string(std::string_view& value) {
    if (!take('"')) return false;
    const char* begin = at_;
    while (is_plain(*at_)) ++at_;
    value = {begin, at_};
    return *at_ == '"' && (++at_, true);
  }

  bool key(std::string_view& name) { return string(name) && take(':'); }

  bool integer(int64_t& value) {
    const bool negative = take('-');  // skips the space
    const char* begin = at_;
    uint64_t digits = 0;  // wraps around for what is too long
    while (is_digit(*at_)) digits = digits * 10 + uint64_t(*at_++ - '0');
    const auto length = at_ - begin;
    value = int64_t(negative ? -digits : digits);
    return length > 0 && length <= 18 && (length == 1 || *begin != '0') && *at_ != '.' && *at_ != 'e' && *at_ != 'E';
  }

  // To the nearest double.
  bool number(double& value) {
    const bool negative = take('-');
    const char* begin = at_;
    uint64_t mantissa = 0;
    while (is_digit(*at_)) mantissa = mantissa * 10 + uint64_t(*at_++ - '0');
    const auto whole = at_ - begin;
    if (whole == 0 || (whole > 1 && *begin == '0')) return false;
    int64_t places = 0;
    if (*at_ == '.') {
      const char* point = at_++;
      while (is_digit(*at_)) mantissa = mantissa * 10 + uint64_t(*at_++ - '0');
      places = at_ - point - 1;
      if (places == 0) return false;
    }
    if (whole + places > 18 || mantissa > uint64_t(1) << 53 || *at_ == 'e' || *at_ == 'E')
      return long_number(begin, negative, value);
    // Both are exact, so the quotient is rounded once.
    value = double(mantissa) / kTens[size_t(places)];
    if (negative) value = -value;
    return true;
  }

  // Calls value(key) for each key, which must take the value.
  template <class F>
  bool object(F value) {
    if (!take('{')) return false;
    do {
      std::string_view name;
      if (!key(name) || !value(name)) return false;
    } while (take(','));
    return take('}');
  }

  // Whatever comes; `reader` may have to help.
  bool skip(JsonReader& reader) {
    const char* begin = at_;
    std::string_view ignored;
    if (string(ignored)) return true;
    reader.rewind(size_t(begin - text_));
    reader.skip();
    rewind(reader.position());
    return true;
  }

  // {"size": [height, width], "counts": "..."}, in any order, and its runs.
  bool rle(RleText& mask, std::vector<uint32_t>& runs) {
    int64_t height = -1, width = -1;
    const bool plain = object([&](std::string_view name) {
      if (name == "size") return take('[') && integer(height) && take(',') && integer(width) && take(']');
      return name == "counts" && to_quote(mask.counts);
    });
    constexpr int64_t largest = int64_t(1) << 24;
    if (!plain || !mask.counts.data() || height < 0 || width < 0 || height > largest || width > largest) return false;
    mask.height = uint32_t(height), mask.width = uint32_t(width);
    runs.clear();
    try {
      append_runs(mask, runs);
      return true;
    } catch (const Error&) {  // JsonReader's caller will say what of
      return false;
    }
  }

  // Numbers in brackets, after those that are in `to`.
  bool numbers(std::vector<double>& to) {
    if (!take('[')) return false;
    if (take(']')) return true;
    do
      if (double x; number(x))
        to.push_back(x);
      else
        return false;
    while (take(','));
    return take(']');
  }

  bool box(std::array<double, 4>& xywh) {
    return take('[') && number(xywh[0]) && take(',') && number(xywh[1]) && take(',') && number(xywh[2]) && take(',') &&
           number(xywh[3]) && take(']');
  }

 private:
  static bool is_digit(char c) { return c >= '0' && c <= '9'; }
  static bool is_plain(char c) { return static_cast<signed char>(c) >= ' ' && c != '"' && c != '\\'; }

  // From a quote to the next, whatever is between.
  bool to_quote(std::string_view& value) {
    if (!take('"')) return false;
    const void* quote = std::memchr(at_, '"', size_t(end_ - at_));
    if (!quote) return false;
    value = {at_, static_cast<const char*>(quote)};
    at_ = value.end() + 1;
    return true;
  }

  bool long_number(const char* begin, bool negative, double& value) {
    if (*at_ == 'e' || *at_ == 'E') {
      ++at_;
      if (*at_ == '+' || *at_ == '-') ++at_;
      const char* exponent = at_;
      while (is_digit(*at_)) ++at_;
      if (at_ == exponent) return false;
    }
    const auto [end, status] = std::from_chars(begin, at_, value);
    if (negative) value = -value;
    return status == std::errc() && end == at_;  // too large or too small for a double: JsonReader knows
  }

  static constexpr std::array<double, 19> kTens{1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8, 1e9,
                                                1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18};

  const char* text_;
  const char* at_;
  const char* end_;
};

}  // namespace sil
