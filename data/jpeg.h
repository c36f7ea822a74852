// JPEG by libjpeg-turbo.  Inside data/ only; read_image calls this for files that begin as a JPEG does.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "data/image.h"

namespace sil {

bool is_jpeg(const uint8_t* bytes, size_t size);
ImageInfo jpeg_info(const uint8_t* bytes, size_t size, const std::string& name);
Tensor decode_jpeg(const uint8_t* bytes, size_t size, const std::string& name);  // uint8 [H, W, 3]
std::string encode_jpeg(const Tensor& image, int quality);                       // uint8 [H, W, 3] or [H, W]

}  // namespace sil
