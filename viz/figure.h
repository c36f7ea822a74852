// A figure for a study guide: pictures beside each other, each with its name, a title above and a caption below.
#pragma once
#include <string>
#include <vector>

#include "tensor/tensor.h"
#include "viz/canvas.h"

namespace sil {

struct Panel {
  Tensor picture;  // uint8 [H, W, 3]
  std::string name;
};
// Rows of `columns` panels.
Tensor figure(const std::string& title, const std::string& caption, const std::vector<Panel>&, int columns);

// `low` and less is white, `high` and more dark blue.  values float32 [H, W].
Tensor heat_map(const Tensor& values, double low, double high);

// Each pixel a square of factor x factor.
Tensor enlarge(const Tensor& picture, int factor);
// Copies a picture onto the canvas; x, y: its top left corner.
void put(Canvas&, const Tensor& picture, int x, int y);
// Pixels [x, x + width) x [y, y + height) of a picture, cut at its edges.
Tensor crop(const Tensor& picture, const Rect&);

}  // namespace sil
