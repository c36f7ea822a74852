// The pages as files that open from disk: index.html, one script, the data in scripts, the photos copied.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>

#include "viz/evaluated.h"
#include "viz/findings.h"
#include "viz/gallery.h"
#include "viz/run_folder.h"

namespace sil {

// About how many bytes an export takes: photos as they are, of everything else a sample.
uint64_t export_bytes(const Gallery&, std::span<Evaluated>);

// The run may be null.  `folder` is new or empty; it appears when all is written.  `done`: so many photos are written.
void export_pages(const Gallery&, const Findings&, std::span<Evaluated>, const RunFolder*,
                  const std::filesystem::path& folder, const std::function<void(int64_t)>& done);

}  // namespace sil
