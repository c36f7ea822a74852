// A key of a configuration: where its value is kept, what it may be, and how JSON says it.  The type of the value
// decides the type of the JSON: a float is a number, an int an integer, an optional may be null.
#pragma once
#include <rapidjson/fwd.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace sil {

// Refers to the value, which must stay where it is.
struct Field {
  std::string key;                                    // "train.learning_rate"
  std::string allowed;                                // "a number above 0 and up to 1e30"
  std::function<bool(const rapidjson::Value&)> read;  // false, and nothing is changed, for what is not allowed
  std::function<bool()> is_allowed;                   // whether the value that is kept is
  std::function<std::string()> write;                 // as JSON
};

struct Bounds {
  double low, high;
  bool low_is_inside;
  std::string text;
  bool holds(double v) const { return (low_is_inside ? v >= low : v > low) && v <= high; }  // no NaN
};
Bounds between(double low, double high);
Bounds above(double low, double high = 1e30);
Bounds at_least(double low);  // of integers

Field field(std::string key, double&, const Bounds&);
Field field(std::string key, float&, const Bounds&);
Field field(std::string key, int&, const Bounds&);
Field field(std::string key, std::optional<double>&, const Bounds&);
Field field(std::string key, std::optional<int>&, const Bounds&);
Field field(std::string key, std::span<float>, const Bounds&);  // of each
Field field(std::string key, uint64_t&);                        // any
Field field(std::string key, bool&);
Field field(std::string key, std::string&, const std::vector<std::string>& names);
Field field(std::string key, int&, const std::vector<int>& values);

// One of the names, kept as its place among them.
Field choice(std::string key, const std::vector<std::string>& names, const std::function<size_t()>& get,
             const std::function<void(size_t)>& set);

template <class Enum>  // whose values are 0, 1, ... in the order of the names
Field field(std::string key, Enum& x, const std::vector<std::string>& names) {
  return choice(
      std::move(key), names, [&x] { return size_t(x); }, [&x](size_t place) { x = Enum(place); });
}

}  // namespace sil
