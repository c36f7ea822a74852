// Which class is taken for which.
#pragma once
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "eval/pairs.h"

namespace sil {

// counts [K + 1, K + 1], rows what was there, columns what was found, by category in ascending order of the ids; the
// last row is detections where nothing was (background found as ...), the last column objects that nothing found.
// Each photo's detections, best score first, take the object of the largest IoU that is still free, whatever its class,
// if it reaches 0.5; of equal IoUs one of their own class.  What takes none and lies in a crowd of its class does not
// count.  Unknown categories are left out.  Cells that nothing fell into take no memory: thousands of classes have
// millions.
class Confusion {
 public:
  explicit Confusion(std::vector<int64_t> category_ids);  // of any order, duplicates allowed

  struct Entry {  // indices, K for background
    size_t truth, found;
  };
  std::vector<Entry> entries(const Pairs&) const;  // what one photo adds
  void add(const std::vector<Entry>&);
  void add(const Pairs& pairs) { add(entries(pairs)); }
  void merge(const Confusion&);  // of other photos; throws an Error if the categories differ

  const std::vector<int64_t>& categories() const { return categories_; }  // ascending, each once: K
  size_t size() const { return categories_.size() + 1; }
  int64_t count(size_t truth, size_t found) const;
  std::vector<int64_t> row(size_t truth) const;  // [K + 1]

  using Cells = std::map<std::pair<size_t, size_t>, int64_t>;  // by truth, then found
  const Cells& cells() const { return counts_; }               // those that are not 0

 private:
  size_t index(int64_t category_id) const;  // K if unknown

  std::vector<int64_t> categories_;
  Cells counts_;
};

}  // namespace sil
