#include "viz/run_folder.h"

#include <fmt/format.h>

#include <fstream>

#include "data/json_reader.h"
#include "tensor/check.h"
#include "viz/numbered.h"
#include "viz/path_text.h"

namespace sil {
namespace {

namespace fs = std::filesystem;

constexpr size_t kAtOnce = 4 << 20;

// From `offset`, at most kAtOnce; empty if there is no such file (a pipe would keep who reads it).
std::string read_from(const fs::path& path, uint64_t offset) {
  std::error_code ignored;
  if (!fs::is_regular_file(path, ignored)) return "";
  std::ifstream file(path, std::ios::binary);
  file.seekg(std::streamoff(offset));
  std::string bytes(kAtOnce, '\0');
  file.read(bytes.data(), std::streamsize(bytes.size()));
  bytes.resize(size_t(std::max<std::streamsize>(file.gcount(), 0)));
  return bytes;
}

// JSON whose texts that are paths from the root are the files' names alone.  `train` writes none; who else did is not
// known.
std::string without_folders(std::string json) {
  for (size_t at = 0; (at = json.find("\"/", at)) != json.npos; ++at) {
    size_t end = at + 1, name = end;
    for (; end < json.size() && json[end] != '"'; ++end) {
      if (json[end] == '/') name = end + 1;
      if (json[end] == '\\') ++end;
    }
    json.erase(at + 1, name - at - 1);
  }
  return json;
}

}  // namespace

RunFolder::RunFolder(fs::path path) : path_(std::move(path)) {
  std::error_code ignored;
  check(fs::is_directory(path_, ignored), "{}: no such folder of a training run", path_.string());
}

std::unique_ptr<std::string> RunFolder::get(const std::string& name) const {
  if (name == "state") return std::make_unique<std::string>(state());
  if (const auto offset = number_behind(name, "log/", size_t(INT64_MAX) + 1))
    return std::make_unique<std::string>(log(*offset));
  return nullptr;
}

std::string RunFolder::state() const {
  std::string files;
  for (const char* name : {"best.safetensors", "last.safetensors", "log.jsonl", "metrics.json", "config.json"}) {
    std::error_code error;
    const uint64_t size = fs::file_size(path_ / name, error);
    if (error) continue;
    const auto age = fs::file_time_type::clock::now() - fs::last_write_time(path_ / name, error);
    files += fmt::format(R"({}{{"name":"{}","size":{},"age":{}}})", files.empty() ? "" : ",", name, size,
                         std::chrono::duration_cast<std::chrono::seconds>(age).count());
  }
  return fmt::format(R"({{"name":{},"files":[{}],"config":{}}})", json_string(last_name(path_)), files,
                     json_string(without_folders(read_from(path_ / "config.json", 0))));
}

// A resumed run cuts its log short first: then what was there before the offset is no longer a line's end.
std::string RunFolder::log(uint64_t offset) const {
  const std::string bytes = read_from(path_ / "log.jsonl", offset == 0 ? 0 : offset - 1);
  const bool goes_on = offset == 0 || bytes.starts_with('\n');
  if (!goes_on) return log(0).replace(1, 0, R"("anew":true,)");
  std::string_view left = bytes;
  if (offset > 0) left.remove_prefix(1);
  std::string lines;
  for (size_t end; (end = left.find('\n')) != left.npos; left.remove_prefix(end + 1), offset += end + 1)
    lines += (lines.empty() ? "" : ",") + json_string(left.substr(0, end));
  return fmt::format(R"({{"next":{},"lines":[{}]}})", offset, lines);
}

}  // namespace sil
