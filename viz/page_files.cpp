#include "viz/page_files.h"

#include <vector>

namespace {
struct Embedded {
  const char *name, *begin, *end;
};
}  // namespace

#include SIL_PAGE_TABLE  // kEmbedded, written by CMake: a row a file of viz/pages/

namespace sil {
namespace {

std::string_view type_of(std::string_view name) {
  return name.ends_with(".js")     ? "text/javascript; charset=utf-8"
         : name.ends_with(".css")  ? "text/css; charset=utf-8"
         : name.ends_with(".html") ? "text/html; charset=utf-8"
                                   : "image/svg+xml";
}

}  // namespace

std::span<const PageFile> page_files() {
  static const std::vector<PageFile> files = [] {
    std::vector<PageFile> out;
    for (const Embedded& e : kEmbedded) out.push_back({e.name, type_of(e.name), {e.begin, size_t(e.end - e.begin)}});
    return out;
  }();
  return files;
}

const PageFile* page_file(std::string_view name) {
  for (const PageFile& file : page_files())
    if (file.name == name) return &file;
  return nullptr;
}

}  // namespace sil
