#include "tensor/rng.h"

namespace sil {

RngKey RngKey::fold(std::string_view name) const {
  uint64_t h = 0xCBF29CE484222325ull;  // FNV-1a
  for (unsigned char c : name) h = (h ^ c) * 0x100000001B3ull;
  return fold(h);
}

}  // namespace sil
