// Names of the pages' data that end with a number, as objects/7.
#pragma once
#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>

namespace sil {

// The number behind the prefix, if the name is the two and nothing else and the number is below `end`.
inline std::optional<size_t> number_behind(std::string_view name, std::string_view prefix, size_t end) {
  if (!name.starts_with(prefix)) return {};
  name.remove_prefix(prefix.size());
  size_t number = 0;
  const auto [stop, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || stop != name.data() + name.size() || number >= end) return {};
  return number;
}

}  // namespace sil
