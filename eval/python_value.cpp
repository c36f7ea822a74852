#include "eval/python_value.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <unordered_map>

namespace sil {
namespace {

using Kind = PythonValue::Kind;

bool is_number(const PythonValue& x) {
  return x.kind == Kind::boolean || x.kind == Kind::integer || x.kind == Kind::real;
}

template <class T>
std::optional<T> parsed(std::string_view text) {
  constexpr std::string_view space = " \t\n\r\v\f";
  const size_t begin = text.find_first_not_of(space);
  if (begin == text.npos) return {};
  text = text.substr(begin, text.find_last_not_of(space) - begin + 1);
  if (text.starts_with('+')) text.remove_prefix(1);
  T value{};
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (status != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

// Two values have one key if they are equal for Python.
std::string key_of(const PythonValue& x, const std::string& what) {
  switch (x.kind) {
    case Kind::null:
      return "null";
    case Kind::boolean:
      return x.number != 0 ? "1" : "0";
    case Kind::integer:
      return x.text == "-0" ? "0" : x.text;
    case Kind::real:
      if (x.number == 0) return "0";
      return x.number == std::floor(x.number) ? fmt::format("{:.0f}", x.number) : fmt::format("{:.17g}", x.number);
    case Kind::string:
      return '"' + x.text;
    default:
      fail("{} is a list or a dict, which cannot be an id", what);
  }
}

std::optional<int64_t> as_int64(const std::string& key) {
  int64_t value = 0;
  const auto [end, status] = std::from_chars(key.data(), key.data() + key.size(), value);
  if (status != std::errc() || end != key.data() + key.size()) return {};
  return value;
}

// For the order of numbers: exact for what 64 bits or a double hold.
long double magnitude(const std::string& key) { return std::strtold(key.c_str(), nullptr); }

bool comes_before(const std::string& a, const std::string& b) {
  if (a[0] == '"' || b[0] == '"') return a < b;
  const long double x = magnitude(a), y = magnitude(b);
  return std::isnan(y) ? !std::isnan(x) : x < y;
}

bool fits_uint64(const std::string& key) {
  uint64_t value = 0;
  const auto [end, status] = std::from_chars(key.data(), key.data() + key.size(), value);
  return status == std::errc() && end == key.data() + key.size();
}

enum class Elements { as_given, floats, objects };

// What numpy.array makes of these.  Floats: of reals, and of integers on both sides of 2^63.
Elements elements_of(const std::vector<PythonValue>& ids) {
  bool real = false, small = false, large = false;
  for (const PythonValue& x : ids) {
    if (x.kind == Kind::real) real = true;
    if (x.kind != Kind::integer) continue;
    if (as_int64(x.text))
      small = true;
    else if (fits_uint64(x.text))
      large = true;
    else
      return Elements::objects;
  }
  return real || (small && large) ? Elements::floats : Elements::as_given;
}

// What numpy.unique gives back for an id.
PythonValue through_numpy(PythonValue x, Elements elements) {
  if (elements == Elements::floats && x.kind == Kind::integer) x.kind = Kind::real;
  if (x.kind == Kind::string) x.text.erase(x.text.find_last_not_of('\0') + 1);
  return x;
}

}  // namespace

const PythonValue* PythonValue::find(std::string_view key) const {
  const auto at = std::ranges::find(members, key, &PythonMember::key);
  return at == members.end() ? nullptr : &at->value;
}

namespace {

PythonValue read_value(JsonReader& reader, std::string_view text, int depth);

// Of a key given twice the last value, in the first's place.
void read_members(JsonReader& reader, std::string_view text, int depth, std::vector<PythonMember>& members) {
  std::unordered_map<std::string, size_t> places;
  reader.begin_object("value");
  for (std::string key; reader.next_key(key);) {
    PythonValue value = read_value(reader, text, depth + 1);
    const auto [at, is_new] = places.emplace(key, members.size());
    if (is_new)
      members.push_back({key, std::move(value)});
    else
      members[at->second].value = std::move(value);
  }
}

PythonValue read_value(JsonReader& reader, std::string_view text, int depth) {
  PythonValue out;
  const JsonReader::Kind kind = reader.kind();
  const size_t begin = reader.position();
  if (depth > 100) {
    reader.skip();
    out.kind = Kind::dict;
    return out;
  }
  switch (kind) {
    case JsonReader::Kind::null:
      reader.skip();
      break;
    case JsonReader::Kind::boolean:
      out.kind = Kind::boolean;
      out.number = reader.boolean("value") ? 1 : 0;
      break;
    case JsonReader::Kind::string:
      out.kind = Kind::string;
      out.text = reader.string("value");
      break;
    case JsonReader::Kind::number:
      out.number = reader.number("value");
      out.text = text.substr(begin, reader.position() - begin);
      out.kind = out.text.find_first_not_of("-0123456789") == out.text.npos ? Kind::integer : Kind::real;
      break;
    case JsonReader::Kind::array:
      out.kind = Kind::list;
      reader.begin_array("value");
      while (reader.next_item()) out.items.push_back(read_value(reader, text, depth + 1));
      break;
    case JsonReader::Kind::object:
      out.kind = Kind::dict;
      read_members(reader, text, depth, out.members);
      break;
  }
  return out;
}

}  // namespace

PythonValue read_python_value(JsonReader& reader, std::string_view text) { return read_value(reader, text, 0); }

bool truth(const PythonValue& x) {
  switch (x.kind) {
    case Kind::null:
      return false;
    case Kind::string:
      return !x.text.empty();
    case Kind::list:
      return !x.items.empty();
    case Kind::dict:
      return !x.members.empty();
    default:
      return x.number != 0;
  }
}

double to_float(const PythonValue& x, std::string_view what) {
  if (x.kind == Kind::null) return std::numeric_limits<double>::quiet_NaN();
  if (x.kind == Kind::string) {
    const std::optional<double> value = parsed<double>(x.text);
    check(value.has_value(), "{} is the string {}; a number expected", what, json_string(x.text));
    return *value;
  }
  check(is_number(x), "{} is a list or a dict; a number expected", what);
  check(x.kind != Kind::integer || std::isfinite(x.number), "{} is an integer too large for a float", what);
  return x.number;
}

int64_t to_int(const PythonValue& x, std::string_view what, int64_t least, int64_t most) {
  double value = x.number;
  if (x.kind == Kind::string) {
    const std::optional<int64_t> integer = parsed<int64_t>(x.text);
    check(integer.has_value(), "{} is the string {}; an integer expected", what, json_string(x.text));
    value = double(*integer);
  } else {
    check(is_number(x), "{} is not a number", what);
  }
  value = std::trunc(value);
  check(value >= double(least) && value <= double(most), "{} is {}; {} to {} expected", what, value, least, most);
  return int64_t(value);
}

namespace {

PythonValue integer_value(int64_t x) {
  PythonValue out;
  out.kind = Kind::integer;
  out.number = double(x);
  out.text = std::to_string(x);
  return out;
}

}  // namespace

NumpyIds::NumpyIds(const std::vector<PythonValue>& ids) {
  const Elements elements = elements_of(ids);
  floats_ = elements == Elements::floats;
  objects_ = elements == Elements::objects;
  for (const PythonValue& x : ids) {
    keys_.insert(key_of(through_numpy(x, elements), "id"));
    if (is_number(x)) doubles_.insert(x.number);
  }
}

NumpyIds::NumpyIds(const std::vector<int64_t>& ids) {
  for (const int64_t id : ids) {
    keys_.insert(key_of(integer_value(id), "id"));
    doubles_.insert(double(id));
  }
}

bool NumpyIds::contains(const PythonValue& x) const {
  const bool as_doubles = is_number(x) && !objects_ && (floats_ || x.kind == Kind::real);
  return as_doubles ? doubles_.contains(x.number) : keys_.contains(key_of(x, "id"));
}

IdCodes::IdCodes(std::vector<PythonValue> known, std::span<const int64_t> asked, const std::string& what)
    : what_(what) {
  const auto kind = [](const PythonValue& x) { return x.kind == Kind::string ? 2 : x.kind == Kind::null ? 1 : 0; };
  std::map<std::string, PythonValue> all;
  for (const PythonValue& x : known) {
    all.emplace(key_of(x, what), x);
    check(kind(x) == kind(known[0]) && (kind(x) != 1 || known.size() == 1), "{}: values of several types have no order",
          what);
  }
  const Elements elements = elements_of(known);
  check(elements != Elements::objects || !all.contains("nan"), "{}: NaN beside an integer past 64 bits has no order",
        what);
  std::vector<std::string> unique_keys;
  for (const auto& [key, x] : std::map(all)) {
    const PythonValue given = through_numpy(x, elements);
    unique_keys.push_back(key_of(given, what));
    all.emplace(unique_keys.back(), given);
    plain_ = plain_ && as_int64(key);
  }
  for (const int64_t id : asked) all.emplace(key_of(integer_value(id), what), integer_value(id));
  std::vector<std::string> keys;
  for (const auto& [key, x] : all) keys.push_back(key);
  std::ranges::stable_sort(keys, comes_before);
  for (const std::string& key : keys) add(key, all.at(key));
  for (const std::string& key : unique_keys)  // numpy's NaN is not the file's: nothing is found under it
    unique_.push_back(key == "nan" ? add("numpy's nan", all.at(key)) : codes_.at(key));
  std::ranges::sort(unique_);
  unique_.erase(std::unique(unique_.begin(), unique_.end()), unique_.end());
}

int64_t IdCodes::operator()(const PythonValue& x) { return add(key_of(x, what_), x); }
int64_t IdCodes::operator()(int64_t x) { return (*this)(integer_value(x)); }

int64_t IdCodes::add(const std::string& key, const PythonValue& x) {
  if (const auto at = codes_.find(key); at != codes_.end()) return at->second;
  const std::optional<int64_t> integer = as_int64(key);
  if (plain_ && integer) return codes_[key] = *integer;
  const int64_t code = plain_ ? std::numeric_limits<int64_t>::min() + next_++ : next_++;
  const bool number = x.kind != Kind::string && std::isfinite(x.number);  // JSON knows no infinity
  texts_[code] = x.kind == Kind::null ? "null" : number ? key : json_string(x.kind == Kind::string ? x.text : key);
  return codes_[key] = code;
}

}  // namespace sil
