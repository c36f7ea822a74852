// A synthetic COCO data set: circles, squares and triangles that overlap, on noisy pictures.
//
// Each picture has 2 to 6 shapes of any colour, turned any way, 0.08 to 0.22 of its side in radius (squares and
// triangles of about a circle's area), on a slope between two colours; grain lies over everything, 6 to 30 grey levels
// deep.  Later shapes hide earlier ones and the border cuts some off.  A mask is what can be seen (run-length encoded),
// its box the smallest around it.  A shape is placed anew if it would hide more than two thirds of an earlier one, if
// the border leaves less than a two-hundredth of the picture of it, or if its colour is within 48 levels of the slope's
// middle in every channel.  So most stand out clearly; a few are hard, where the slope or a neighbour comes near their
// colour.
//
// Only + - * / on doubles and integers decide a pixel: pictures and annotations are the same on every machine.
#pragma once
#include <cstdint>
#include <filesystem>
#include <vector>

#include "data/annotations.h"
#include "tensor/rng.h"
#include "tensor/tensor.h"

namespace sil {

struct ShapesOptions {
  int images = 100;
  int size = 128;  // pixels a side, 32 to 4096
  uint64_t seed = 0;
};

struct VisibleShape {
  int category = 0;  // 1 circle, 2 square, 3 triangle
  Rle mask;
};

struct ShapesPicture {
  Tensor image;  // uint8 [size, size, 3]
  std::vector<VisibleShape> shapes;
};

ShapesPicture draw_shapes(int size, RngKey);

// Writes folder/images/000001.png ... and folder/annotations.json, all or nothing; what it returns is what the file
// holds.  Throws an Error on a number out of range, if the folder exists already and is not empty, and if something
// cannot be written.
Annotations write_shapes(const std::filesystem::path& folder, const ShapesOptions&);

}  // namespace sil
