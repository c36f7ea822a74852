// The orientation a camera notes in a photo's EXIF block (TIFF 6.0 structure, tag 0x0112).  Inside data/ only.
#pragma once
#include <cstdint>
#include <span>

#include "tensor/tensor.h"

namespace sil {

// 1 to 8, or 0 if there is none.  `block` begins with "Exif\0\0" (a JPEG's APP1 segment) or with the TIFF header itself
// (a PNG's eXIf chunk).
int exif_orientation(std::span<const uint8_t> block);

// The photo as it should be looked at.  uint8 [H, W, 3].
Tensor apply_orientation(const Tensor& image, int orientation);

}  // namespace sil
