#include "data/stb.h"

#include <algorithm>
#include <climits>
#include <memory>
#include <string_view>

#include "data/image_limits.h"
#include "tensor/check.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wall"
#pragma GCC diagnostic ignored "-Wextra"
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wsign-compare"
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#define STBI_NO_STDIO
#define STBI_ONLY_PNG
#define STBI_ONLY_BMP
#define STBI_ONLY_GIF
#define STBI_ONLY_PNM
#include <stb/stb_image.h>
#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STBI_WRITE_NO_STDIO
#include <stb/stb_image_write.h>
#pragma GCC diagnostic pop

namespace sil {

namespace {

struct Free {
  void operator()(void* p) const { stbi_image_free(p); }
};

std::string failure_reason() {
  const char* given = stbi_failure_reason();
  if (!given) return "not enough memory, perhaps";  // in some places
  // It begins with an unknown PNG chunk's four bytes, whatever they are: NULs behind the file's end.
  const std::string reason = given;
  const bool named = reason.size() > 4 && std::ranges::all_of(reason, [](char c) { return c >= ' ' && c <= '~'; });
  return named ? reason : "a PNG chunk has no name; the file is damaged or ends early";
}

[[noreturn]] void cannot_decode(const std::string& name) {
  fail("{}: cannot be decoded as JPEG, PNG, BMP, GIF or PNM: {}", name, failure_reason());
}

// stb_image adds up the digits of a PNM header's three numbers without a limit.
void check_pnm_header(const uint8_t* bytes, size_t size, const std::string& name) {
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  if (!text.starts_with("P5") && !text.starts_with("P6")) return;
  size_t at = 2;
  for (int number = 0; number < 3; ++number) {
    at = std::min(text.find_first_not_of(" \t\n\v\f\r", at), size);
    while (at < size && text[at] == '#')  // a comment ends with its line
      at = std::min(text.find_first_not_of(" \t\n\v\f\r", std::min(text.find_first_of("\n\r", at), size)), size);
    const size_t end = std::min(text.find_first_not_of("0123456789", at), size);
    check(end - at <= 9, "{}: a number in its header has {} digits; at most 9 expected", name, end - at);
    at = end;
  }
}

// To stb_image a PNG of more pixels than it counts is of no known type.
void check_png_size(const uint8_t* bytes, size_t size, const std::string& name) {
  constexpr std::string_view begin("\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR", 16);
  if (size < 24 || !std::string_view(reinterpret_cast<const char*>(bytes), size).starts_with(begin)) return;
  check_image_size(png_number(bytes + 20), png_number(bytes + 16), name);
}

// Bytes for stb_image to read: as many as it counts, and no number that it cannot hold.
int checked_length(const uint8_t* bytes, size_t size, const std::string& name) {
  check(size <= size_t(INT_MAX), "{}: has {} bytes; at most {} expected", name, size, INT_MAX);
  check_pnm_header(bytes, size, name);
  return int(size);
}

void read_header(const uint8_t* bytes, int size, const std::string& name, int& height, int& width, int& channels) {
  if (stbi_info_from_memory(bytes, size, &width, &height, &channels)) return;
  check_png_size(bytes, size_t(size), name);
  cannot_decode(name);
}

StbImage decode_16_bit_grey(const uint8_t* bytes, int size, const std::string& name) {
  StbImage image;
  const std::unique_ptr<uint16_t, Free> pixels(
      stbi_load_16_from_memory(bytes, size, &image.width, &image.height, &image.channels, 1));
  if (!pixels) cannot_decode(name);
  image.channels = 1;
  image.pixels.resize(size_t(image.height) * size_t(image.width));
  std::transform(pixels.get(), pixels.get() + image.pixels.size(), image.pixels.begin(),
                 [](uint16_t v) { return uint8_t(std::min<uint16_t>(v, 255)); });
  return image;
}

}  // namespace

void stb_size(const uint8_t* bytes, size_t size, const std::string& name, int& height, int& width) {
  int channels = 0;
  read_header(bytes, checked_length(bytes, size, name), name, height, width, channels);
}

StbImage stb_decode(const uint8_t* bytes, size_t size, const std::string& name, bool cut_off_16_bit) {
  StbImage image;
  const int n = checked_length(bytes, size, name);
  read_header(bytes, n, name, image.height, image.width, image.channels);
  check_image_size(image.height, image.width, name);
  if (cut_off_16_bit && image.channels == 1 && stbi_is_16_bit_from_memory(bytes, n))
    return decode_16_bit_grey(bytes, n, name);
  const std::unique_ptr<uint8_t, Free> pixels(
      stbi_load_from_memory(bytes, n, &image.width, &image.height, &image.channels, 0));
  if (!pixels) cannot_decode(name);
  image.pixels.assign(pixels.get(), pixels.get() + size_t(image.height) * size_t(image.width) * size_t(image.channels));
  return image;
}

std::string stb_png(const uint8_t* pixels, int height, int width, int channels) {
  int size = 0;
  const std::unique_ptr<uint8_t, Free> bytes(
      stbi_write_png_to_mem(pixels, width * channels, width, height, channels, &size));
  check(bytes != nullptr, "write_png: out of memory");
  return {reinterpret_cast<const char*>(bytes.get()), size_t(size)};
}

}  // namespace sil
