// The .safetensors format (huggingface/safetensors): 8 bytes little-endian header length, a JSON header
// {"name": {"dtype", "shape", "data_offsets": [begin, end]}, "__metadata__": {string: string}}, then the bytes.
#pragma once
#include <filesystem>
#include <map>
#include <string>

#include "tensor/tensor.h"

namespace sil {

struct TensorFile {
  std::map<std::string, Tensor> tensors;
  std::map<std::string, std::string> metadata;
};

// Reads F32, BF16, F64, I64, I32, U8 as they are and F16 as float32.  Everything is checked before it is believed:
// truncation, overlaps and gaps, sizes, unknown dtypes are Errors that name the file, the tensor, what was given and
// what was expected.
TensorFile read_safetensors(const std::filesystem::path&);

// Written beside, then renamed.  Tensors may live on any device.
void write_safetensors(const std::filesystem::path&, const TensorFile&);

}  // namespace sil
