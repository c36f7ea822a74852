// What a model knows, by torchvision's names, in torchvision's shapes (OIHW, IOHW; fc6's columns in C, H, W order):
// permuted from ours on the way out and back on the way in.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "nn/module.h"

namespace sil {

using StateDict = std::map<std::string, Tensor>;

// One tensor between our layout and the file's.  to_ours takes the shape that ours has.
Tensor to_file(const Tensor& ours, Layout);
Tensor to_ours(const Tensor& file, Layout, const Shape& ours);
Shape file_shape(const Shape& ours, Layout);

StateDict state_dict(const std::vector<Leaf>&);
// Gradients of the parameters that have one, by the same names and shapes.
StateDict gradients(const std::vector<Leaf>&);

// What did not go in.  num_batches_tracked counts as neither missing nor unexpected: frozen norms do not have it.
struct LoadReport {
  size_t loaded = 0;
  struct Mismatch {
    std::string name;
    Shape given, expected;  // in the file's layout
  };
  std::vector<std::string> missing;     // of the model, not in the file: left as they were
  std::vector<std::string> unexpected;  // in the file, not of the model: ignored
  std::vector<Mismatch> mismatched;     // of another shape: left as they were
  bool exact() const { return missing.empty() && unexpected.empty() && mismatched.empty(); }
};

// "289 tensors loaded; new: fc.bias, fc.weight; left over: extra": how many went in, which of the model's stay as they
// were, which of the file's have no place; of many names the first few.
std::string summary(const LoadReport&);

// Copies what fits by name and shape, cast to the model's dtype, and says what did not.
LoadReport load_state_dict(const std::vector<Leaf>&, const StateDict&);

// All or nothing: throws an Error that names `source` (the file), the first difference and how many there are, before
// anything is changed.
void load_state_dict_exact(const std::vector<Leaf>&, const StateDict&, const std::string& source);

}  // namespace sil
