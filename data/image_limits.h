// How large a photo may claim to be before memory is taken for it.
#pragma once
#include <cstdint>
#include <string>

namespace sil {

// 2^28 pixels: 768 MiB as RGB.  Throws an Error that names the file.
void check_image_size(int64_t height, int64_t width, const std::string& name);

}  // namespace sil
