// What `doctor` finds in a data set, for the pages: found on a thread of its own while they are looked at already.
#pragma once
#include <memory>
#include <string>

#include "data/validate.h"
#include "viz/gallery.h"

namespace sil {

class Findings {
 public:
  // `faults`: what the annotations' reader left out.  `gallery` must outlive start().
  Findings(const Gallery& gallery, std::vector<Fault> faults);

  void annotations();  // adds what the records say
  void photos();       // and the photos

  // {"done": 0 to 2, "kinds": [{"kind", "severity"}], "items": [[photo row or -1, annotation id or null, kind, text]]}
  std::string json() const;

 private:
  struct State;
  void add(const std::vector<Finding>&, int done);

  const Gallery* gallery_;
  std::shared_ptr<State> state_;
};

}  // namespace sil
