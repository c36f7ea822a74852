// A file that appears whole or not at all.
#pragma once
#include <filesystem>
#include <functional>
#include <ostream>

namespace sil {

// Calls `write` on a temporary file beside `path`, flushes it to the disk and renames it over `path`.  If anything
// fails (folder not writable, disk full, an exception of `write`) the temporary file is removed, what stood at `path`
// stays as it was, and an Error names the file and the reason.
void write_atomically(const std::filesystem::path& path, const std::function<void(std::ostream&)>& write);

}  // namespace sil
