// A part of an evaluation as a file: what was measured of some images of a data set, to be merged with the parts of the
// others, wherever they were made.
#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "eval/evaluation.h"

namespace sil {

// "SILPART\n", uint32 version, uint64 length and uint32 CRC of what follows.  Written beside, then renamed.
void write_part(const std::filesystem::path&, const Measured&);
// Throws an Error for what is no such file, or is not whole.
Measured read_part(const std::filesystem::path&);

// What follows the header.
std::string to_bytes(const Measured&);
Measured measured_from(std::string_view bytes, const std::string& source);

// In any order.  Throws an Error that names both files if two parts disagree on what is measured or on where the area
// of detections comes from, or have detections of the same image.
Measured merge_parts(const std::vector<std::filesystem::path>&);

}  // namespace sil
