#include "data/image.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdlib>
#include <fstream>

#include "data/exif.h"
#include "data/json_reader.h"
#include "golden.h"
#include "tensor/check.h"
#include "tensor/rng.h"

using namespace sil;

namespace {

std::filesystem::path picture(const std::string& name) { return golden::folder() / "images" / name; }

// FNV-1a over the pixels.
std::string fingerprint(const Tensor& image) {
  uint64_t hash = 0xCBF29CE484222325;
  for (const uint8_t v : image.to_vector<uint8_t>()) hash = (hash ^ v) * 0x100000001B3;
  return fmt::format("{:016x}", hash);
}

void write_file(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

Tensor decode_text(const std::string& bytes, const std::string& name) {
  return decode_image(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size(), name);
}

}  // namespace

TEST_CASE("image: a PNG that notes its orientation behind 64 KiB of pixels has the size that reading gives it") {
  const TempFolder temp;
  const std::string turned = read_file(picture("exif6.png"));
  const size_t type = turned.find("eXIf");
  REQUIRE(type != std::string::npos);
  const auto byte = [&](size_t i) { return size_t(uint8_t(turned[i])); };
  const size_t length = byte(type - 4) << 24 | byte(type - 3) << 16 | byte(type - 2) << 8 | byte(type - 1);
  Tensor noise({200, 300, 3}, DType::u8);
  for (int64_t i = 0; i < noise.numel(); ++i) noise.data<uint8_t>()[i] = uint8_t(splitmix64(uint64_t(i)));
  const std::filesystem::path file = temp.path / "noise.png";
  write_png(file, noise);
  std::string bytes = read_file(file);
  bytes.insert(bytes.find("IEND") - 4, turned.substr(type - 4, length + 12));
  write_file(file, bytes);
  for (const Exif exif : {Exif::ignore, Exif::apply}) {
    const ImageInfo info = read_image_info(file, exif);
    CHECK(Shape{info.height, info.width, 3} == read_image(file, exif).shape());
  }
  CHECK(read_image(file, Exif::apply).dim(0) == 300);
}

TEST_CASE("image: pixels equal Pillow's convert(\"RGB\") and convert(\"L\")") {
  const auto cases = golden::read("pictures");
  REQUIRE(cases.size() >= 30);
  for (const auto& c : cases) {
    const std::string file = c.texts.at("file");
    CAPTURE(file);
    const Tensor rgb = read_image(picture(file));
    CHECK(rgb.shape() == Shape{c.integer("height"), c.integer("width"), 3});
    if (file != "grey16.png") CHECK(fingerprint(rgb) == c.texts.at("rgb"));  // see below
    CHECK(fingerprint(read_grey(picture(file))) == c.texts.at("grey"));
    CHECK(fingerprint(read_image(picture(file), Exif::apply)) ==
          (file == "grey16.png" ? fingerprint(rgb) : c.texts.at("turned")));
  }
}

TEST_CASE("image: of 16 bit grey a photo keeps the upper 8 bits, a mask keeps what is not 0") {
  const std::vector<uint8_t> photo = read_image(picture("grey16.png")).to_vector<uint8_t>();
  CHECK(photo == std::vector<uint8_t>{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 3, 3, 3, 255, 255, 255});
  CHECK(read_grey(picture("grey16.png")).to_vector<uint8_t>() == std::vector<uint8_t>{0, 1, 2, 255, 255, 255, 255});
}

TEST_CASE("image: sizes and orientation are read without decoding") {
  for (const auto& c : golden::read("pictures")) {
    CAPTURE(c.texts.at("file"));
    const ImageInfo info = read_image_info(picture(c.texts.at("file")));
    CHECK(info.height == c.integer("height"));
    CHECK(info.width == c.integer("width"));
    CHECK(info.orientation == c.integer("orientation"));
  }
}

// Mean difference of a picture, made smaller n times, from the means of n x n pixels of the whole.
static double difference_from_means(const Tensor& small, const Tensor& whole, int64_t n) {
  const int64_t height = whole.dim(0) / n, width = whole.dim(1) / n;  // of whole blocks
  const auto at = [](const Tensor& t, int64_t y, int64_t x, int64_t c) {
    return double(t.data<uint8_t>()[(y * t.dim(1) + x) * 3 + c]);
  };
  double sum = 0;
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x)
      for (int64_t c = 0; c < 3; ++c) {
        double mean = 0;
        for (int64_t i = 0; i < n * n; ++i) mean += at(whole, y * n + i / n, x * n + i % n, c) / double(n * n);
        sum += std::abs(at(small, y, x, c) - mean);
      }
  return sum / double(3 * height * width);
}

TEST_CASE("image: a JPEG decoded smaller shows the same photo, never below the side that is asked for") {
  for (const auto& c : golden::read("pictures")) {
    const std::filesystem::path file = picture(c.texts.at("file"));
    CAPTURE(file);
    const Tensor whole = read_image(file);
    const int64_t longer = std::max(whole.dim(0), whole.dim(1));
    CHECK(read_image_at_least(file, int(longer)).to_vector<uint8_t>() == whole.to_vector<uint8_t>());
    for (const int64_t n : {2, 4}) {
      if (longer < n) continue;
      const Tensor small = read_image_at_least(file, int(longer / n));
      if (file.extension() != ".jpg") {
        CHECK(small.to_vector<uint8_t>() == whole.to_vector<uint8_t>());
        continue;
      }
      REQUIRE(small.shape() == Shape{(whole.dim(0) + n - 1) / n, (whole.dim(1) + n - 1) / n, 3});
      // 0.2 to 2.4; 8.3 where noise in subsampled colours is averaged otherwise; a pixel's shift makes 11 and more.
      CHECK(difference_from_means(small, whole, n) < 9);
      const int orientation = read_image_info(file).orientation;
      CHECK(read_image_at_least(file, int(longer / n), Exif::apply).to_vector<uint8_t>() ==
            apply_orientation(small, orientation).to_vector<uint8_t>());
    }
  }
}

TEST_CASE("image: what is written reads back") {
  const TempFolder temp;
  const Tensor rgb = read_image(picture("rgb.png"));
  write_png(temp.path / "a.png", rgb);
  CHECK(read_image(temp.path / "a.png").to_vector<uint8_t>() == rgb.to_vector<uint8_t>());
  const Tensor grey = read_grey(picture("rgb.png"));
  write_png(temp.path / "b.png", grey);
  CHECK(read_grey(temp.path / "b.png").to_vector<uint8_t>() == grey.to_vector<uint8_t>());
  Tensor even = Tensor::zeros({16, 16, 3}, DType::u8);
  std::fill_n(even.data<uint8_t>(), even.numel(), uint8_t(200));
  write_jpeg(temp.path / "c.jpg", even);
  for (const uint8_t v : read_image(temp.path / "c.jpg").to_vector<uint8_t>()) CHECK(std::abs(int(v) - 200) <= 1);
  write_jpeg(temp.path / "d.jpg", grey);
  CHECK(read_image(temp.path / "d.jpg").shape() == rgb.shape());
  CHECK_THROWS_WITH_AS(write_png(temp.path / "e.png", Tensor::zeros({2, 2, 4}, DType::u8)),
                       "write_png: image is uint8 [2, 2, 4]; uint8 [H, W, 3] or [H, W] expected", Error);
  CHECK_THROWS_AS(write_png(temp.path / "none" / "e.png", rgb), Error);
}

TEST_CASE("image: a truncated file is an error that names it, wherever it ends") {
  for (const std::string name : {"420.jpg", "444_progressive.jpg", "rgb.png", "palette.png", "cmyk_adobe.jpg"}) {
    const std::string whole = read_file(picture(name));
    for (const double part : {0.05, 0.3, 0.6, 0.9, 0.97}) {
      CAPTURE(name);
      CAPTURE(part);
      const std::string cut = whole.substr(0, size_t(double(whole.size()) * part));
      try {
        decode_text(cut, "cut.file");
        FAIL("no error");
      } catch (const Error& e) {
        CHECK(std::string(e.what()).starts_with("cut.file: "));
      }
    }
  }
  const std::string whole = read_file(picture("420.jpg"));
  CHECK_THROWS_WITH_AS(decode_text(whole.substr(0, whole.size() - 60), "cut.jpg"),
                       "cut.jpg: is truncated: the file ends before the picture does", Error);
}

TEST_CASE("image: a JPEG that lacks nothing but its end marker is read, as Pillow does") {
  const std::string whole = read_file(picture("420.jpg"));
  CHECK(fingerprint(decode_text(whole.substr(0, whole.size() - 2), "cut.jpg")) ==
        fingerprint(read_image(picture("420.jpg"))));
}

TEST_CASE("image: a PNG whose pixels begin with an empty chunk is read") {
  const TempFolder temp;
  write_png(temp.path / "a.png", Tensor::full({2, 3, 3}, 7, DType::u8));
  const std::string whole = read_file(temp.path / "a.png");
  const std::string empty("\0\0\0\0IDAT\x35\xAF\x06\x1E", 12);
  const Tensor image = decode_text(std::string(whole).insert(whole.find("IDAT") - 4, empty), "a.png");
  CHECK(image.to_vector<uint8_t>() == std::vector<uint8_t>(18, 7));
}

TEST_CASE("image: a PNM whose header holds a number too large is an error that names it") {
  CHECK(decode_text("P5 # 12345678901 is fine here\n 1\n1 255\n\x07", "a.pgm").to_vector<uint8_t>() ==
        std::vector<uint8_t>(3, 7));
  for (const std::string header : {"P5 3091093099 1 255\n", "P6 1 #\n#\r 3091093099 255\n", "P5 1 1 3091093099\n"})
    CHECK_THROWS_WITH_AS(decode_text(header + "0000", "a.pgm"),
                         "a.pgm: a number in its header has 10 digits; at most 9 expected", Error);
}

TEST_CASE("image: a PNG that ends before a chunk's name, or misnames one, says so in one line of text") {
  const std::string whole = read_file(picture("rgb.png"));
  const size_t name = whole.find("IDAT");
  const std::string begin = "a.png: cannot be decoded as JPEG, PNG, BMP, GIF or PNM: ";
  const std::string nameless = begin + "a PNG chunk has no name; the file is damaged or ends early";
  CHECK_THROWS_WITH_AS(decode_text(whole.substr(0, 33), "a.png"), nameless.c_str(), Error);
  for (const std::string& bad :
       {std::string("A\0\0\0", 4), std::string("A\nB\n"), std::string("\x1B[1m"), std::string("AB\xFF\xFE")})
    CHECK_THROWS_WITH_AS(decode_text(std::string(whole).replace(name, 4, bad), "a.png"), nameless.c_str(), Error);
  CHECK_THROWS_WITH_AS(decode_text(std::string(whole).replace(name, 4, "ABCD"), "a.png"),
                       (begin + "ABCD PNG chunk not known").c_str(), Error);
}

TEST_CASE("image: what is no picture is an error that names it") {
  const TempFolder temp;
  CHECK_THROWS_WITH_AS(read_image(temp.path / "none.jpg"),
                       ((temp.path / "none.jpg").string() + ": cannot be opened: No such file or directory").c_str(),
                       Error);
  CHECK_THROWS_WITH_AS(read_image(temp.path), (temp.path.string() + ": is a folder; a file expected").c_str(), Error);
  write_file(temp.path / "empty.png", "");
  CHECK_THROWS_WITH_AS(read_image(temp.path / "empty.png"), ((temp.path / "empty.png").string() + ": is empty").c_str(),
                       Error);
  CHECK_THROWS_WITH_AS(decode_text("hello, I am not a picture", "a.png"),
                       "a.png: cannot be decoded as JPEG, PNG, BMP, GIF or PNM: unknown image type", Error);
  CHECK_THROWS_WITH_AS(decode_text("\xFF\xD8\xFF\xD9", "a.jpg"),
                       "a.jpg: cannot be decoded: JPEG datastream contains no image", Error);
}

TEST_CASE("image: a header that claims too many pixels takes no memory") {
  std::string png = read_file(picture("rgb.png"));
  png.replace(16, 8, std::string("\0\0\x40\0\0\0\x4E\x20", 8));
  CHECK_THROWS_WITH_AS(decode_text(png, "a.png"), "a.png: is 16384 x 20000 pixels; at most 2^28 in all expected",
                       Error);
  png.replace(16, 8, std::string("\0\0\x75\x30\0\0\x75\x30", 8));  // more than stb_image counts
  const char* large = "a.png: is 30000 x 30000 pixels; at most 2^28 in all expected";
  CHECK_THROWS_WITH_AS(decode_text(png, "a.png"), large, Error);
  CHECK_THROWS_WITH_AS(image_info(reinterpret_cast<const uint8_t*>(png.data()), png.size(), "a.png"), large, Error);
  png.replace(16, 8, 8, '\xFF');
  CHECK_THROWS_WITH_AS(decode_text(png, "a.png"),
                       "a.png: is 4294967295 x 4294967295 pixels; at most 2^28 in all expected", Error);
}

TEST_CASE("image: a file larger than any photo is refused before it is read") {
  const TempFolder temp;
  for (const std::string name : {"420.jpg", "rgb.png"}) {  // they decode, whatever follows them
    const std::filesystem::path file = temp.path / name;
    std::filesystem::copy_file(picture(name), file);
    std::filesystem::resize_file(file, (uintmax_t(1) << 30) + 1);
    const std::string refusal = file.string() + ": has 1073741825 bytes; at most 1073741824 expected of a photo";
    CHECK_THROWS_WITH_AS(read_image(file), refusal.c_str(), Error);
    CHECK_THROWS_WITH_AS(read_image_at_least(file, 8), refusal.c_str(), Error);
    CHECK_THROWS_WITH_AS(read_grey(file), refusal.c_str(), Error);
  }
  CHECK_THROWS_WITH_AS(
      read_image_info(temp.path / "rgb.png", Exif::apply),
      ((temp.path / "rgb.png").string() + ": has 1073741825 bytes; at most 1073741824 expected of a photo").c_str(),
      Error);
}
