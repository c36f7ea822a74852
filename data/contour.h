// Outlines of masks, along the edges of pixels.  COCO's rasteriser gives them back exactly: corners are whole numbers,
// so nothing is rounded, and a vertical edge touches no column's middle.
#pragma once
#include "data/rle.h"

namespace sil {

// A region whose pixels are connected by their sides.  rasterise(outer) without rasterise(hole) of each hole is the
// region.
struct Contour {
  Polygon outer;               // clockwise as one sees it, y downwards
  std::vector<Polygon> holes;  // the other way round
};

// By the region's first pixel in column order; its holes by theirs.
std::vector<Contour> contours(RleView);

// The same in COCO's form: one part a region, rasterise(to_polygons(mask), height, width) == mask.  COCO fills each
// part by itself and unites them, so a hole cannot be a part of its own; within a part it fills by even and odd.  So
// each hole is joined to its region's outline by a cut without width, on the edge between two columns.  A mask
// without pixels has no parts.
std::vector<Polygon> to_polygons(RleView);

}  // namespace sil
