// Which output of a model stands for which category of a data set.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "data/annotations.h"

namespace sil {

struct CategoryTable {
  struct Row {
    int output = 0;  // 1..num_classes - 1; 0 is background
    int64_t id = 0;
    std::string name;
    bool operator==(const Row&) const = default;
  };
  std::vector<Row> rows;

  // 1..K-1 by rank of the category id: a new model's.
  static CategoryTable by_rank(const Annotations&);
  // Output = category id: a model without a table, as torchvision's (num_classes 91 for COCO); names are "".
  static CategoryTable identity(int num_classes);

  int num_classes() const;                // highest output + 1
  int output(int64_t category_id) const;  // -1 if the table has no such category
  const Row& row(int output) const;       // Error if no category has this output
  bool operator==(const CategoryTable&) const = default;
};

}  // namespace sil
