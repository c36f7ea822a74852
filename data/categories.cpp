#include "data/categories.h"

#include <algorithm>

#include "tensor/check.h"

namespace sil {

CategoryTable CategoryTable::by_rank(const Annotations& annotations) {
  std::vector<Category> sorted = annotations.categories;
  std::sort(sorted.begin(), sorted.end(), [](const Category& a, const Category& b) { return a.id < b.id; });
  CategoryTable table;
  for (const Category& c : sorted)
    if (table.rows.empty() || table.rows.back().id != c.id)
      table.rows.push_back({int(table.rows.size()) + 1, c.id, c.name});
  return table;
}

CategoryTable CategoryTable::identity(int num_classes) {
  CategoryTable table;
  for (int output = 1; output < num_classes; ++output) table.rows.push_back({output, output, ""});
  return table;
}

int CategoryTable::num_classes() const {
  int highest = 0;
  for (const Row& r : rows) highest = std::max(highest, r.output);
  return highest + 1;
}

int CategoryTable::output(int64_t category_id) const {
  for (const Row& r : rows)
    if (r.id == category_id) return r.output;
  return -1;
}

const CategoryTable::Row& CategoryTable::row(int output) const {
  for (const Row& r : rows)
    if (r.output == output) return r;
  fail("categories: no category has output {} (1 to {} expected)", output, num_classes() - 1);
}

}  // namespace sil
