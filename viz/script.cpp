#include "viz/script.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "tensor/check.h"
#include "viz/page_files.h"

namespace sil {
namespace {

class Joiner {
 public:
  void add(std::string_view name) {
    if (!added_.emplace(name).second) return;
    const PageFile* file = page_file(name);
    check(file, "{}: no such page file", name);
    std::string body;
    std::vector<std::string_view> exported;
    for (std::string_view text = file->bytes; !text.empty();) {
      const std::string_view line = text.substr(0, text.find('\n'));
      text.remove_prefix(std::min(line.size() + 1, text.size()));
      body += translated(line, exported) + "\n";
    }
    exports_[file->name] = exported;
    script_ +=
        fmt::format("modules[\"{}\"] = (() => {{\n{}return {{{}}};\n}})();\n", name, body, fmt::join(exported, ", "));
  }
  std::string script() const { return "\"use strict\";\n(() => {\nconst modules = {};\n" + script_ + "})();\n"; }

 private:
  std::string translated(std::string_view line, std::vector<std::string_view>& exported) {
    if (line.starts_with("import ")) {
      const size_t open = line.find('{'), close = line.find('}'), path = line.find("\"./");
      check(path != line.npos && close < path && line.ends_with("\";"), "import of another form: {}", line);
      const std::string_view module = line.substr(path + 3, line.size() - path - 5);
      add(module);
      const std::string_view names = line.substr(open + 1, close - open - 1);
      check_exported(names, module);
      return fmt::format("const {{{}}} = modules[\"{}\"];", names, module);
    }
    constexpr std::string_view word = "export ";
    if (!line.starts_with(word)) return std::string(line);
    line.remove_prefix(word.size());
    std::string_view rest = line;
    for (const std::string_view kind : {"async ", "function ", "class ", "const "})
      if (rest.starts_with(kind)) rest.remove_prefix(kind.size());
    exported.push_back(rest.substr(0, rest.find_first_of(" (=;")));
    return std::string(line);
  }

  // An export is one name a line; what was not seen as one would be undefined in the script.
  void check_exported(std::string_view names, std::string_view module) const {
    while (!names.empty()) {
      const std::string_view name = names.substr(0, names.find(", "));
      names.remove_prefix(std::min(name.size() + 2, names.size()));
      check(std::ranges::count(exports_.at(module), name), "{}: no line exports {} alone", module, name);
    }
  }

  std::set<std::string_view> added_;
  std::map<std::string_view, std::vector<std::string_view>> exports_;  // by module
  std::string script_;
};

}  // namespace

std::string joined_script() {
  Joiner joiner;
  joiner.add("main.js");
  return joiner.script();
}

}  // namespace sil
