// Photos in and out.  An image is a Tensor uint8 [H, W, 3], RGB, rows from the top.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

#include "tensor/tensor.h"

namespace sil {

enum class Exif { ignore, apply };  // COCO's annotations assume that orientation is ignored

// JPEG by libjpeg-turbo, so that pixels equal Pillow's convert("RGB"): grey, CMYK and Adobe's inverted CMYK included.
// PNG, BMP, GIF (its first frame) and PNM by stb_image: alpha is dropped, as Pillow does; of 16 bits the upper 8 are
// kept (Pillow does so for colour, but cuts 16 bit grey off at 255).  Errors name the file; a truncated one is an
// error.
Tensor read_image(const std::filesystem::path&, Exif = Exif::ignore);
Tensor decode_image(const uint8_t* bytes, size_t size, const std::string& name, Exif = Exif::ignore);

// For thumbnails: a JPEG whose longer side stays at least `side` at a half, a quarter or an eighth of its size is
// decoded at that size, which leaves most of the work away.  Its pixels are about, not exactly, those of the photo made
// smaller.
Tensor read_image_at_least(const std::filesystem::path&, int side, Exif = Exif::ignore);

// uint8 [H, W] of a one-channel picture, for mask files, equal to Pillow's convert("L"): colour is converted to grey,
// 16 bit grey is cut off at 255, so that what is not 0 stays so.
Tensor read_grey(const std::filesystem::path&);
Tensor decode_grey(const uint8_t* bytes, size_t size, const std::string& name);

// Height and width without decoding, as stored (EXIF orientation 1..8 beside it) or, with Exif::apply, as read_image
// gives them then.
struct ImageInfo {
  int height = 0, width = 0, orientation = 1;
};
ImageInfo read_image_info(const std::filesystem::path&, Exif = Exif::ignore);
ImageInfo image_info(const uint8_t* bytes, size_t size, const std::string& name);

// uint8 [H, W, 3] or [H, W].  Written beside, then renamed.
void write_png(const std::filesystem::path&, const Tensor& image);
void write_jpeg(const std::filesystem::path&, const Tensor& image, int quality = 90);
std::string jpeg_bytes(const Tensor& image, int quality = 90);
std::string png_bytes(const Tensor& image);

}  // namespace sil
