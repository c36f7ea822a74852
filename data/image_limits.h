// How large a photo may be, or claim to be, before memory is taken for it.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

namespace sil {

// 2^28 pixels: 768 MiB as RGB.  Throws an Error that names the file.
void check_image_size(int64_t height, int64_t width, const std::string& name);

// The whole file.  At most 1 GiB, looked at before it is read: the 2^28 pixels above are 768 MiB as RGB without any
// compression, and photos are compressed.  Errors as read_file's.
std::string read_photo_file(const std::filesystem::path&);

}  // namespace sil
