#include "data/image.h"

#include <algorithm>
#include <cstring>

#include "data/exif.h"
#include "data/image_limits.h"
#include "data/jpeg.h"
#include "data/json_reader.h"
#include "data/luma.h"
#include "data/stb.h"
#include "tensor/atomic_file.h"
#include "tensor/check.h"

namespace sil {

namespace {

const uint8_t* data_of(const std::string& text) { return reinterpret_cast<const uint8_t*>(text.data()); }

// Of a PNG's eXIf chunk, which stands anywhere before the pixels' end.
int png_orientation(const uint8_t* bytes, size_t size) {
  constexpr uint8_t signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
  if (size < 8 || std::memcmp(bytes, signature, 8) != 0) return 0;
  for (size_t at = 8; at + 12 <= size;) {
    const size_t length = png_number(bytes + at);
    if (length > size - at - 12) break;
    if (std::memcmp(bytes + at + 4, "eXIf", 4) == 0) return exif_orientation({bytes + at + 8, length});
    at += length + 12;
  }
  return 0;
}

// Grey is repeated, alpha dropped.
Tensor to_rgb(const StbImage& in) {
  Tensor image({in.height, in.width, 3}, DType::u8);
  uint8_t* to = image.data<uint8_t>();
  const int step = in.channels, green = step >= 3 ? 1 : 0, blue = step >= 3 ? 2 : 0;
  for (const uint8_t *p = in.pixels.data(), *end = p + in.pixels.size(); p < end; p += step, to += 3)
    to[0] = p[0], to[1] = p[green], to[2] = p[blue];
  return image;
}

Tensor rgb_to_grey(const Tensor& image) {
  Tensor grey({image.dim(0), image.dim(1)}, DType::u8);
  const uint8_t* p = image.data<uint8_t>();
  for (uint8_t& g : std::span(grey.data<uint8_t>(), size_t(grey.numel()))) {
    g = luma(p);
    p += 3;
  }
  return grey;
}

void check_writable_image(const char* op, const Tensor& image) {
  const bool shape_ok = image.rank() == 2 || (image.rank() == 3 && image.dim(2) == 3);
  check(image.dtype() == DType::u8 && shape_ok, "{}: image is {} {}; uint8 [H, W, 3] or [H, W] expected", op,
        name(image.dtype()), image.shape());
  check(image.numel() > 0, "{}: image is {}; at least a pixel expected", op, image.shape());
}

}  // namespace

void check_image_size(int64_t height, int64_t width, const std::string& name) {
  check(height > 0 && width > 0, "{}: is {} x {} pixels; at least one expected", name, width, height);
  check(width <= (int64_t(1) << 28) / height, "{}: is {} x {} pixels; at most 2^28 in all expected", name, width,
        height);
}

std::string read_photo_file(const std::filesystem::path& path) {
  constexpr uintmax_t most = uintmax_t(1) << 30;
  std::error_code unknown;  // read_file says why
  const uintmax_t size = file_size(path, unknown);
  check(unknown || size <= most, "{}: has {} bytes; at most {} expected of a photo", path.string(), size, most);
  return read_file(path);
}

Tensor decode_image(const uint8_t* bytes, size_t size, const std::string& name, Exif exif) {
  const Tensor image =
      is_jpeg(bytes, size) ? decode_jpeg(bytes, size, name) : to_rgb(stb_decode(bytes, size, name, false));
  if (exif == Exif::ignore) return image;
  return apply_orientation(image, image_info(bytes, size, name).orientation);
}

Tensor read_image(const std::filesystem::path& path, Exif exif) {
  const std::string bytes = read_photo_file(path);
  return decode_image(data_of(bytes), bytes.size(), path.string(), exif);
}

Tensor read_image_at_least(const std::filesystem::path& path, int side, Exif exif) {
  const std::string bytes = read_photo_file(path);
  if (!is_jpeg(data_of(bytes), bytes.size())) return decode_image(data_of(bytes), bytes.size(), path.string(), exif);
  const ImageInfo info = jpeg_info(data_of(bytes), bytes.size(), path.string());
  int shrunk = 1;
  while (shrunk < 8 && std::max(info.height, info.width) / (2 * shrunk) >= side) shrunk *= 2;
  const Tensor image = decode_jpeg(data_of(bytes), bytes.size(), path.string(), shrunk);
  return exif == Exif::ignore ? image : apply_orientation(image, info.orientation);
}

Tensor decode_grey(const uint8_t* bytes, size_t size, const std::string& name) {
  if (is_jpeg(bytes, size)) return rgb_to_grey(decode_jpeg(bytes, size, name));
  const StbImage in = stb_decode(bytes, size, name, true);
  if (in.channels >= 3) return rgb_to_grey(to_rgb(in));
  Tensor grey({in.height, in.width}, DType::u8);
  uint8_t* to = grey.data<uint8_t>();
  for (size_t i = 0; i < in.pixels.size(); i += size_t(in.channels)) *to++ = in.pixels[i];
  return grey;
}

Tensor read_grey(const std::filesystem::path& path) {
  const std::string bytes = read_photo_file(path);
  return decode_grey(data_of(bytes), bytes.size(), path.string());
}

ImageInfo image_info(const uint8_t* bytes, size_t size, const std::string& name) {
  if (is_jpeg(bytes, size)) return jpeg_info(bytes, size, name);
  ImageInfo info;
  stb_size(bytes, size, name, info.height, info.width);
  info.orientation = std::max(1, png_orientation(bytes, size));
  return info;
}

// From the file's beginning, if that says all: a PNG may note its orientation at its end.
static ImageInfo stored_info(const std::filesystem::path& path, Exif exif) {
  constexpr size_t kUsualHeader = 1 << 16;
  const std::string head = read_file(path, kUsualHeader);
  const bool whole = head.size() < kUsualHeader;
  if (whole || exif == Exif::ignore || is_jpeg(data_of(head), head.size())) try {
      return image_info(data_of(head), head.size(), path.string());
    } catch (const Error&) {
      if (whole) throw;
    }
  const std::string bytes = read_photo_file(path);
  return image_info(data_of(bytes), bytes.size(), path.string());
}

ImageInfo read_image_info(const std::filesystem::path& path, Exif exif) {
  ImageInfo info = stored_info(path, exif);
  const bool on_its_side = info.orientation >= 5;
  if (exif == Exif::apply && on_its_side) std::swap(info.height, info.width);
  return info;
}

std::string png_bytes(const Tensor& image) {
  check_writable_image("png_bytes", image);
  return stb_png(image.data<uint8_t>(), int(image.dim(0)), int(image.dim(1)), image.rank() == 3 ? 3 : 1);
}

std::string jpeg_bytes(const Tensor& image, int quality) {
  check_writable_image("jpeg_bytes", image);
  return encode_jpeg(image, quality);
}

void write_png(const std::filesystem::path& path, const Tensor& image) {
  check_writable_image("write_png", image);
  const std::string bytes = png_bytes(image);
  write_atomically(path, [&](std::ostream& out) { out << bytes; });
}

void write_jpeg(const std::filesystem::path& path, const Tensor& image, int quality) {
  check_writable_image("write_jpeg", image);
  const std::string bytes = encode_jpeg(image, quality);
  write_atomically(path, [&](std::ostream& out) { out << bytes; });
}

}  // namespace sil
