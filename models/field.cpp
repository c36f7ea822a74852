#include "models/field.h"

#include <fmt/format.h>

#include <algorithm>

#include "data/json_value.h"

namespace sil {
namespace {

// False for JSON of another type, and for what the type cannot hold.
bool from_json(const Json& json, double& x) { return json.IsNumber() && (x = json.GetDouble(), true); }
bool from_json(const Json& json, float& x) { return json.IsNumber() && (x = float(json.GetDouble()), true); }
bool from_json(const Json& json, int& x) { return json.IsInt() && (x = json.GetInt(), true); }
bool from_json(const Json& json, uint64_t& x) { return json.IsUint64() && (x = json.GetUint64(), true); }
bool from_json(const Json& json, bool& x) { return json.IsBool() && (x = json.GetBool(), true); }
bool from_json(const Json& json, std::string& x) { return json.IsString() && (x = string_of(json), true); }
template <class T>
bool from_json(const Json& json, std::optional<T>& x) {
  return json.IsNull() ? (x.reset(), true) : from_json(json, x.emplace());
}

template <class T>
std::string to_text(const T& x) {
  return fmt::format("{}", x);
}
std::string to_text(const std::string& x) { return '"' + x + '"'; }
template <class T>
std::string to_text(const std::optional<T>& x) {
  return x ? to_text(*x) : "null";
}

template <class T, class Test>
Field make(std::string key, T& x, std::string allowed, Test test) {
  return {std::move(key), std::move(allowed),
          [&x, test](const Json& json) {
            T given{};
            if (!from_json(json, given) || !test(given)) return false;
            x = given;
            return true;
          },
          [&x, test] { return test(x); }, [&x] { return to_text(x); }};
}

template <class T>
Field in_range(std::string key, T& x, const char* noun, const Bounds& range) {
  return make(std::move(key), x, noun + range.text, [range](T v) { return range.holds(double(v)); });
}

template <class T>
Field in_range_or_null(std::string key, std::optional<T>& x, const char* noun, const Bounds& range) {
  return make(std::move(key), x, noun + range.text + " or null",
              [range](const std::optional<T>& v) { return !v || range.holds(double(*v)); });
}

std::string one_of(const std::vector<std::string>& names) {
  return fmt::format("one of \"{}\"", fmt::join(names, "\", \""));
}

}  // namespace

Bounds between(double low, double high) { return {low, high, true, fmt::format("from {} to {}", low, high)}; }
Bounds above(double low, double high) { return {low, high, false, fmt::format("above {} and up to {}", low, high)}; }
Bounds at_least(double low) { return between(low, 2147483647); }

Field field(std::string key, double& x, const Bounds& range) { return in_range(std::move(key), x, "a number ", range); }
Field field(std::string key, float& x, const Bounds& range) { return in_range(std::move(key), x, "a number ", range); }
Field field(std::string key, int& x, const Bounds& range) { return in_range(std::move(key), x, "an integer ", range); }
Field field(std::string key, std::optional<double>& x, const Bounds& range) {
  return in_range_or_null(std::move(key), x, "a number ", range);
}
Field field(std::string key, std::optional<int>& x, const Bounds& range) {
  return in_range_or_null(std::move(key), x, "an integer ", range);
}

Field field(std::string key, std::span<float> x, const Bounds& range) {
  const auto test = [range](float v) { return range.holds(v); };
  return {std::move(key), fmt::format("a list of {} numbers {}", x.size(), range.text),
          [x, test](const Json& json) {
            if (!json.IsArray() || json.Size() != x.size()) return false;
            std::vector<float> given(x.size());
            for (size_t i = 0; i < x.size(); ++i)
              if (!from_json(json[unsigned(i)], given[i]) || !test(given[i])) return false;
            std::copy(given.begin(), given.end(), x.begin());
            return true;
          },
          [x, test] { return std::all_of(x.begin(), x.end(), test); },
          [x] { return fmt::format("[{}]", fmt::join(x, ", ")); }};
}

Field field(std::string key, uint64_t& x) {
  return make(std::move(key), x, fmt::format("an integer from 0 to {}", UINT64_MAX), [](uint64_t) { return true; });
}

Field field(std::string key, bool& x) {
  return make(std::move(key), x, "true or false", [](bool) { return true; });
}

Field field(std::string key, int& x, const std::vector<int>& values) {
  return make(std::move(key), x, fmt::format("one of {}", fmt::join(values, ", ")),
              [values](int v) { return std::find(values.begin(), values.end(), v) != values.end(); });
}

Field field(std::string key, std::string& x, const std::vector<std::string>& names) {
  return make(std::move(key), x, one_of(names),
              [names](const std::string& v) { return std::find(names.begin(), names.end(), v) != names.end(); });
}

Field choice(std::string key, const std::vector<std::string>& names, const std::function<size_t()>& get,
             const std::function<void(size_t)>& set) {
  return {std::move(key), one_of(names),
          [names, set](const Json& json) {
            const auto found = json.IsString() ? std::find(names.begin(), names.end(), string_of(json)) : names.end();
            if (found == names.end()) return false;
            set(size_t(found - names.begin()));
            return true;
          },
          [names, get] { return get() < names.size(); },
          [names, get] { return to_text(get() < names.size() ? names[get()] : std::to_string(get())); }};
}

}  // namespace sil
