// Golden cases: an array of flat records, read with the reader that the tests of JSON hold on their own.
#pragma once
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "data/json_reader.h"
#include "tests/folder.h"

namespace golden {

struct Case {
  std::map<std::string, double> numbers;
  std::map<std::string, std::string> texts;
  std::map<std::string, std::vector<std::vector<double>>> lists;  // a flat list is one row

  int64_t integer(const std::string& key) const { return int64_t(numbers.at(key)); }
};

inline std::filesystem::path folder() { return std::filesystem::path(SIL_SOURCE_DIR) / "tests/golden/data"; }

inline std::vector<std::vector<double>> read_list(sil::JsonReader& reader) {
  std::vector<std::vector<double>> rows;
  std::vector<double> flat;
  reader.begin_array("list");
  while (reader.next_item())
    if (reader.kind() == sil::JsonReader::Kind::array)
      rows.push_back(read_list(reader).at(0));
    else
      flat.push_back(reader.number("list"));
  if (rows.empty()) rows.push_back(flat);
  return rows;
}

inline std::vector<Case> read(const std::string& name) {
  const std::filesystem::path path = folder() / (name + ".json");
  const std::string text = sil::read_file(path);
  sil::JsonReader reader(text, path.string());
  std::vector<Case> cases;
  reader.begin_array(name);
  while (reader.next_item()) {
    Case& c = cases.emplace_back();
    reader.begin_object("case");
    for (std::string key; reader.next_key(key);) switch (reader.kind()) {
        case sil::JsonReader::Kind::string:
          c.texts[key] = reader.string(key);
          break;
        case sil::JsonReader::Kind::array:
          c.lists[key] = read_list(reader);
          break;
        default:
          c.numbers[key] = reader.number(key);
      }
  }
  return cases;
}

}  // namespace golden

using TempFolder = sil::test::Folder;
