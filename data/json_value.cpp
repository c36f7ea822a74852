#include "data/json_value.h"

#include <rapidjson/error/en.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <set>

#include "data/json_reader.h"
#include "tensor/check.h"

namespace sil {

rapidjson::Document parse_json(std::string_view text, const std::string& source) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseFullPrecisionFlag | rapidjson::kParseIterativeFlag>(text.data(), text.size());
  if (document.HasParseError())
    fail("{}: not JSON at {}: {}", source, line_and_column(text, document.GetErrorOffset()),
         rapidjson::GetParseError_En(document.GetParseError()));
  return document;
}

void check_keys_once(const Json& object, const std::string& before) {
  std::set<std::string> seen;
  for (const auto& member : object.GetObject()) {
    const std::string key = string_of(member.name);
    check(seen.insert(key).second, "{}{} is given twice", before, key);
  }
}

std::string string_of(const Json& value) {
  std::string all(value.GetString(), value.GetStringLength());
  for (size_t at; (at = all.find('\0')) != std::string::npos;) all.replace(at, 1, "\\u0000");
  return all;
}

std::string text_of(const Json& value) {
  if (value.IsObject()) return "an object";
  if (value.IsArray())
    for (const Json& x : value.GetArray())
      if (x.IsArray() || x.IsObject()) return "a list of lists or objects";
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  value.Accept(writer);
  const std::string all = buffer.GetString();
  return all.size() <= 80 ? all : all.substr(0, 77) + "...";
}

}  // namespace sil
