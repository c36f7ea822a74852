// A model as a tree of its modules, with what each costs to detect in a batch.
#pragma once
#include <string>
#include <vector>

#include "models/mask_rcnn.h"

namespace sil {

// A module or, at the end of a branch, a layer or a norm; a module's costs are the sums of its parts'.
struct TreeRow {
  int depth = 0;
  std::string name;        // the last part: "conv1"
  std::string path;        // "backbone.body.layer1.0.conv1", empty of the whole
  Shape weight, output;    // of a layer, in our layouts (OHWI, NHWC); rank 0 of a module
  int64_t parameters = 0;  // elements that train or could: weights and biases, not running statistics
  double macs = 0, milliseconds = 0;
  size_t bytes = 0;  // of activations: what the layers give
};

struct ModelTree {
  std::vector<TreeRow> rows;  // the first is the whole
  // What lies between the layers: RoIAlign, proposals, selection and pasting.
  struct Between {
    std::string name;
    double milliseconds = 0;
  };
  std::vector<Between> between;
};

// Runs detection twice; times are the second's.
ModelTree model_tree(MaskRcnn&, const Batch&);

// A line a row.
std::string to_text(const ModelTree&);
std::string to_json(const ModelTree&);

}  // namespace sil
