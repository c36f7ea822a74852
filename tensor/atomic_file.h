// A file that appears whole or not at all.
#pragma once
#include <filesystem>
#include <functional>
#include <ostream>

namespace sil {

// Calls `write` on a temporary file beside `path`, flushes it to the disk and renames it over `path`.  If anything
// fails (folder not writable, disk full, an exception of `write`) the temporary file is removed, what stood at `path`
// stays as it was, and an Error names the file and the reason.  A link stays, and the file that it leads to is
// replaced; a device or a pipe (/dev/null, /dev/stdout) is none to be replaced and is written to.
void write_atomically(const std::filesystem::path& path, const std::function<void(std::ostream&)>& write);

// Removes what stands beside `path` (not behind a link) from programs that were killed while they wrote it.  Nobody may
// be writing it.
void remove_leftovers(const std::filesystem::path& path);

// The file that takes the place of `path`: itself, or what a link leads to, which need not exist.
std::filesystem::path behind_links(const std::filesystem::path& path);

// Exists and is neither file nor folder.
bool is_device(const std::filesystem::path& path);

}  // namespace sil
