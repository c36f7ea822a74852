// Arrays as numpy.load reads them: a .npz is a zip of .npy files, here without compression.
#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sil {

struct NamedArray {
  std::string name;
  std::vector<size_t> shape;  // C order
  std::span<const double> values;
};

// Written beside, then renamed.  Throws an Error for 4 GiB or more, which such a zip cannot hold.
void write_npz(const std::filesystem::path&, std::span<const NamedArray>);

// Zip's checksum (polynomial 0xEDB88320); `so_far` goes on from an earlier part.
uint32_t crc32(std::string_view bytes, uint32_t so_far = 0);

}  // namespace sil
