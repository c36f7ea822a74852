// Photos in and out.  An image is a Tensor uint8 [H, W, 3], RGB, rows from the top.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

#include "tensor/tensor.h"

namespace sil {

enum class Exif { ignore, apply };  // COCO's annotations assume that orientation is ignored

// JPEG by libjpeg-turbo, so that pixels equal Pillow's convert("RGB"): grey, CMYK and Adobe's inverted CMYK included;
// all other formats by stb_image.  Errors name the file.
Tensor read_image(const std::filesystem::path&, Exif = Exif::ignore);
Tensor decode_image(const uint8_t* bytes, size_t size, const std::string& name, Exif = Exif::ignore);

// uint8 [H, W] of a one-channel picture, for mask files; a colour picture is converted to grey.
Tensor read_grey(const std::filesystem::path&);

// Height and width without decoding, as stored (EXIF orientation 1..8 beside it).
struct ImageInfo {
  int height = 0, width = 0, orientation = 1;
};
ImageInfo read_image_info(const std::filesystem::path&);

// uint8 [H, W, 3] or [H, W].  Written beside, then renamed.
void write_png(const std::filesystem::path&, const Tensor& image);
void write_jpeg(const std::filesystem::path&, const Tensor& image, int quality = 90);

}  // namespace sil
