// What `doctor` finds in a data set, for the pages: found on a thread of its own while they are looked at already.
//
//   findings               JSON: {"done": 0 to 2, "kinds": [{"kind", "severity", "count", "photos": how many have it,
//                          "others": the first kOthers that are no photo's}]}
//   findings/<kind>        JSON: rows of the photos with a finding of this kind (its place in kinds)
//   findings/photo/<row>   JSON: [[annotation id or null, kind, text]]
#pragma once
#include <memory>
#include <string>

#include "data/validate.h"
#include "viz/gallery.h"

namespace sil {

class Findings {
 public:
  // `faults`: what the annotations' reader left out.  `gallery` must outlive this.
  Findings(const Gallery& gallery, const std::vector<Fault>& faults);
  ~Findings();

  static constexpr size_t kOthers = 5;

  void annotations();  // adds what the records say
  void photos();       // and the photos

  size_t kinds() const;
  std::unique_ptr<std::string> get(const std::string& name) const;  // null if there is none

 private:
  struct State;
  void add(const std::vector<Finding>&, int done);

  const Gallery* gallery_;
  std::unique_ptr<State> state_;
};

}  // namespace sil
