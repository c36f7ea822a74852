#define STB_TRUETYPE_IMPLEMENTATION
#define STBTT_STATIC
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wsign-compare"
#include <stb/stb_truetype.h>
#pragma GCC diagnostic pop

#include <cmath>
#include <vector>

#include "tensor/check.h"
#include "viz/canvas.h"

// The font travels inside the program: SIL_FONT is its path at build time.
asm(".section .rodata\n"
    ".balign 16\n"
    "sil_font:\n.incbin \"" SIL_FONT
    "\"\n.byte 0\n"
    ".text\n");
extern "C" const unsigned char sil_font[];

namespace sil {
namespace {

const stbtt_fontinfo& font() {
  static const stbtt_fontinfo info = [] {
    stbtt_fontinfo f;
    check(stbtt_InitFont(&f, sil_font, stbtt_GetFontOffsetForIndex(sil_font, 0)), "text: {} is not a font", SIL_FONT);
    return f;
  }();
  return info;
}

std::vector<int> code_points(const std::string& text) {
  std::vector<int> points;
  for (size_t i = 0; i < text.size();) {
    const unsigned char lead = static_cast<unsigned char>(text[i]);
    const int extra = lead < 0x80 ? 0 : lead >> 5 == 6 ? 1 : lead >> 4 == 14 ? 2 : lead >> 3 == 30 ? 3 : -1;
    int point = extra <= 0 ? lead : lead & (0x3F >> extra);
    bool whole = extra >= 0 && i + size_t(extra) < text.size();
    for (int k = 1; whole && k <= extra; k++) {
      const unsigned char next = static_cast<unsigned char>(text[i + size_t(k)]);
      whole = next >> 6 == 2;
      point = point << 6 | (next & 0x3F);
    }
    points.push_back(whole ? point : 0xFFFD);
    i += whole ? size_t(extra) + 1 : 1;
  }
  return points;
}

float advance(int point, float scale) {
  int width, bearing;
  stbtt_GetCodepointHMetrics(&font(), point, &width, &bearing);
  return float(width) * scale;
}

}  // namespace

int text_width(const std::string& text, int size) {
  const float scale = stbtt_ScaleForPixelHeight(&font(), float(size));
  float width = 0;
  for (int point : code_points(text)) width += advance(point, scale);
  return int(std::ceil(width));
}

void draw_text(Canvas& canvas, const std::string& text, int x, int y, int size, Rgb ink) {
  const float scale = stbtt_ScaleForPixelHeight(&font(), float(size));
  int ascent, descent, gap;
  stbtt_GetFontVMetrics(&font(), &ascent, &descent, &gap);
  const int baseline = y + int(std::lround(float(ascent) * scale));
  float pen = float(x);
  for (int point : code_points(text)) {
    const float shift = pen - std::floor(pen);
    int x0, y0, x1, y1;
    stbtt_GetCodepointBitmapBoxSubpixel(&font(), point, scale, scale, shift, 0, &x0, &y0, &x1, &y1);
    const int width = x1 - x0, height = y1 - y0;
    std::vector<unsigned char> cover(size_t(std::max(width * height, 1)));
    if (width * height > 0)
      stbtt_MakeCodepointBitmapSubpixel(&font(), cover.data(), width, height, width, scale, scale, shift, 0, point);
    for (int i = 0; i < height; i++)
      for (int j = 0; j < width; j++)
        canvas.blend(baseline + y0 + i, int(std::floor(pen)) + x0 + j, ink, cover[size_t(i * width + j)] / 255.0);
    pen += advance(point, scale);
  }
}

}  // namespace sil
