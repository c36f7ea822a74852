// Small JSON, such as configurations, as RapidJSON's tree, and its values as messages show them.
#pragma once
#include <rapidjson/document.h>

#include <string>
#include <string_view>

namespace sil {

using Json = rapidjson::Value;

// Numbers to the nearest double; no depth of nesting overflows the stack.  Throws an Error that names `source` and the
// line and column of what is not JSON.
rapidjson::Document parse_json(std::string_view text, const std::string& source);

// Throws an Error that begins with `before` if the object has a key twice.
void check_keys_once(const Json& object, const std::string& before);

// The whole string; a NUL, which would end a message, spelled out.
std::string string_of(const Json&);

// Any value in one short piece, however large or deep it is.
std::string text_of(const Json&);

}  // namespace sil
