// The files of viz/pages/, which travel inside the program.
#pragma once
#include <span>
#include <string>
#include <string_view>

namespace sil {

struct PageFile {
  std::string_view name, type, bytes;  // "main.js", its MIME type
};
std::span<const PageFile> page_files();
const PageFile* page_file(std::string_view name);  // null if there is none

}  // namespace sil
