// JPEG by libjpeg-turbo.  Inside data/ only; read_image calls this for files that begin as a JPEG does.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "data/image.h"

namespace sil {

bool is_jpeg(const uint8_t* bytes, size_t size);
ImageInfo jpeg_info(const uint8_t* bytes, size_t size, const std::string& name);
// uint8 [H, W, 3]; with sides a half, a quarter or an eighth (rounded up) if `shrunk` is 2, 4 or 8.
Tensor decode_jpeg(const uint8_t* bytes, size_t size, const std::string& name, int shrunk = 1);
std::string encode_jpeg(const Tensor& image, int quality);  // uint8 [H, W, 3] or [H, W]

}  // namespace sil
