// torch.save's files of a state dict: a zip (torch 1.6 and later) or, before, a stream of pickles and raw storages.
//
//   zip:    NAME/data.pkl, the dict; NAME/data/KEY, the bytes of storage KEY; NAME/byteorder
//   stream: pickles of a magic number, the protocol 1001, the system's sizes, the dict, the list of storage keys;
//           then for each key int64 elements and their bytes
//
// In both the dict is read as data (nn/pickle.h): nothing in the file is executed, whatever it asks for.
#pragma once
#include <filesystem>

#include "nn/state_dict.h"

namespace sil {

// Float, BFloat16, Double, Long, Int and Byte storages as they are, Half as float32.  Throws an Error that names the
// file and the tensor, storage, zip entry, or opcode and offset at fault.  Sizes are checked before anything is
// allocated for them: what it needs is in proportion to the file.
StateDict read_pth(const std::filesystem::path&);

// As a zip; written beside, then renamed.  torch.load gives an OrderedDict of tensors, in the order of their names.
void write_pth(const std::filesystem::path&, const StateDict&);

}  // namespace sil
