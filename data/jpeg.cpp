// libjpeg reports a fatal error by not returning, so each call into it sits in a function that keeps no C++ object of
// its own: it sets a mark, calls, and says whether it came through.  What must be freed belongs to the caller.
#include "data/jpeg.h"

#include <csetjmp>
#include <cstdio>
#include <cstdlib>
// jpeglib.h needs size_t and FILE declared before it.
#include <jpeglib.h>
// jerror.h needs jpeglib.h.
#include <jerror.h>

#include "data/exif.h"
#include "data/image_limits.h"
#include "tensor/check.h"

namespace sil {

namespace {

struct Errors {
  jpeg_error_mgr base;
  std::jmp_buf mark;
  char text[JMSG_LENGTH_MAX];
  bool file_ended, data_missing;
};

Errors& errors_of(j_common_ptr c) { return *reinterpret_cast<Errors*>(c->err); }

[[noreturn]] void give_up(j_common_ptr c) {
  c->err->format_message(c, errors_of(c).text);
  std::longjmp(errors_of(c).mark, 1);
}

// Only what tells a truncated file apart is kept of the warnings: photos in use are full of the others.
void note_warning(j_common_ptr c, int level) {
  if (level >= 0) return;
  errors_of(c).file_ended |= c->err->msg_code == JWRN_JPEG_EOF;
  errors_of(c).data_missing |= c->err->msg_code == JWRN_HIT_MARKER;
}

void ignore_message(j_common_ptr) {}

jpeg_error_mgr* install(Errors& errors) {
  errors = {};
  jpeg_std_error(&errors.base);
  errors.base.error_exit = give_up;
  errors.base.emit_message = note_warning;
  errors.base.output_message = ignore_message;
  return &errors.base;
}

// A progressive file may hold any number of scans that each cost a pass over the picture; no encoder writes 500.
void limit_scans(j_common_ptr c) {
  const auto* d = reinterpret_cast<j_decompress_ptr>(c);
  if (c->is_decompressor && d->input_scan_number > 500) ERREXIT(c, JERR_BAD_PROGRESSION);
}

struct Decompressor {
  jpeg_decompress_struct c{};
  jpeg_progress_mgr progress{};
  Errors errors;

  Decompressor() { c.err = install(errors); }
  ~Decompressor() { jpeg_destroy_decompress(&c); }
  Decompressor(const Decompressor&) = delete;
};

bool read_header(Decompressor& d, const uint8_t* bytes, size_t size) {
  if (setjmp(d.errors.mark)) return false;
  jpeg_create_decompress(&d.c);
  d.progress.progress_monitor = limit_scans;
  d.c.progress = &d.progress;
  jpeg_mem_src(&d.c, bytes, static_cast<unsigned long>(size));
  jpeg_save_markers(&d.c, JPEG_APP0 + 1, 0xFFFF);
  jpeg_read_header(&d.c, TRUE);
  return true;
}

bool start(Decompressor& d, int shrunk) {
  if (setjmp(d.errors.mark)) return false;
  d.c.scale_num = 1;
  d.c.scale_denom = unsigned(shrunk);
  d.c.out_color_space = d.c.num_components == 4 ? JCS_CMYK : JCS_RGB;
  jpeg_start_decompress(&d.c);
  return true;
}

bool read_row(Decompressor& d, uint8_t* row) {
  if (setjmp(d.errors.mark)) return false;
  jpeg_read_scanlines(&d.c, &row, 1);
  return true;
}

void check_jpeg(bool came_through, const Decompressor& d, const std::string& name) {
  check(came_through, "{}: cannot be decoded: {}", name, d.errors.text);
}

// Adobe stores CMYK inverted (255 is no ink), and Pillow takes every four-colour JPEG for Adobe's: with c' = 255 - c,
// r = (255 - k) - c * (255 - k) / 255, that division rounded.
void cmyk_to_rgb(const uint8_t* cmyk, int width, uint8_t* rgb) {
  for (int x = 0; x < width; ++x, cmyk += 4, rgb += 3) {
    const int white = cmyk[3];
    for (int i = 0; i < 3; ++i) {
      const int product = (255 - cmyk[i]) * white + 128;
      rgb[i] = uint8_t(white - ((product + (product >> 8)) >> 8));
    }
  }
}

// With several scans a file that ends early may lack refinements though no row misses data.
bool truncated(Decompressor& d) {
  return d.errors.file_ended && (d.errors.data_missing || jpeg_has_multiple_scans(&d.c));
}

struct Compressor {
  jpeg_compress_struct c{};
  Errors errors;
  unsigned char* out = nullptr;
  unsigned long size = 0;

  Compressor() { c.err = install(errors); }
  ~Compressor() {
    jpeg_destroy_compress(&c);
    std::free(out);
  }
  Compressor(const Compressor&) = delete;
};

bool compress(Compressor& j, const uint8_t* pixels, int height, int width, int channels, int quality) {
  if (setjmp(j.errors.mark)) return false;
  jpeg_create_compress(&j.c);
  jpeg_mem_dest(&j.c, &j.out, &j.size);
  j.c.image_width = JDIMENSION(width);
  j.c.image_height = JDIMENSION(height);
  j.c.input_components = channels;
  j.c.in_color_space = channels == 3 ? JCS_RGB : JCS_GRAYSCALE;
  jpeg_set_defaults(&j.c);
  jpeg_set_quality(&j.c, quality, TRUE);
  jpeg_start_compress(&j.c, TRUE);
  for (int y = 0; y < height; ++y) {
    auto* row = const_cast<uint8_t*>(pixels) + size_t(y) * size_t(width) * size_t(channels);  // libjpeg only reads it
    jpeg_write_scanlines(&j.c, &row, 1);
  }
  jpeg_finish_compress(&j.c);
  return true;
}

}  // namespace

bool is_jpeg(const uint8_t* bytes, size_t size) {
  return size >= 3 && bytes[0] == 0xFF && bytes[1] == 0xD8 && bytes[2] == 0xFF;
}

ImageInfo jpeg_info(const uint8_t* bytes, size_t size, const std::string& name) {
  Decompressor d;
  check_jpeg(read_header(d, bytes, size), d, name);
  int orientation = 1;
  for (const jpeg_marker_struct* m = d.c.marker_list; m; m = m->next)
    if (const int found = exif_orientation({m->data, m->data_length})) {
      orientation = found;
      break;
    }
  return {int(d.c.image_height), int(d.c.image_width), orientation};
}

Tensor decode_jpeg(const uint8_t* bytes, size_t size, const std::string& name, int shrunk) {
  Decompressor d;
  check_jpeg(read_header(d, bytes, size), d, name);
  check_image_size(int(d.c.image_height), int(d.c.image_width), name);
  check_jpeg(start(d, shrunk), d, name);
  const int height = int(d.c.output_height), width = int(d.c.output_width);
  Tensor image({height, width, 3}, DType::u8);
  const bool four = d.c.output_components == 4;
  std::vector<uint8_t> cmyk(four ? size_t(width) * 4 : 0);
  for (int y = 0; y < height; ++y) {
    uint8_t* rgb = image.data<uint8_t>() + int64_t(y) * width * 3;
    check_jpeg(read_row(d, four ? cmyk.data() : rgb), d, name);
    if (four) cmyk_to_rgb(cmyk.data(), width, rgb);
  }
  check(!truncated(d), "{}: is truncated: the file ends before the picture does", name);
  return image;
}

std::string encode_jpeg(const Tensor& image, int quality) {
  Compressor j;
  const int channels = image.rank() == 3 ? 3 : 1;
  check(compress(j, image.data<uint8_t>(), int(image.dim(0)), int(image.dim(1)), channels, quality), "write_jpeg: {}",
        j.errors.text);
  return {reinterpret_cast<const char*>(j.out), j.size};
}

}  // namespace sil
