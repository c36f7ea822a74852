// SHA-256 (FIPS 180-4) of a file: torchvision names its published files by it.
#pragma once
#include <filesystem>
#include <string>
#include <string_view>

namespace sil {

// 64 hexadecimal digits.
std::string sha256(std::string_view);
std::string sha256_of_file(const std::filesystem::path&);  // throws an Error that names a file that cannot be read

}  // namespace sil
