// Drawing on a picture.
#pragma once
#include <string>

#include "tensor/tensor.h"
#include "viz/colour.h"

namespace sil {

// Pixels [x, x + width) x [y, y + height).
struct Rect {
  int x = 0, y = 0, width = 0, height = 0;
};
int64_t overlap(const Rect&, const Rect&);  // pixels in both

// Draws into a uint8 [H, W, 3] tensor; what lies outside is left away.
class Canvas {
 public:
  explicit Canvas(Tensor pixels);

  int height() const { return height_; }
  int width() const { return width_; }
  void blend(int y, int x, Rgb, double alpha);  // alpha 1 covers
  void fill(const Rect&, Rgb, double alpha = 1);
  void frame(const Rect&, int thickness, Rgb, double alpha = 1);  // inside the rectangle's edges
  const Tensor& pixels() const { return pixels_; }

 private:
  Tensor pixels_;
  int height_, width_;
};

// Text in DejaVu Sans Bold, `size` pixels from ascender to descender; UTF-8, a byte that is not reads as U+FFFD.
int text_width(const std::string&, int size);
void draw_text(Canvas&, const std::string&, int x, int y, int size, Rgb ink);  // x, y: top left corner

}  // namespace sil
