// What each layer costs.  While a LayerLog lives, the layers that its thread computes are added to it, under their
// weight.  `inspect --tree` has one; without one a layer only looks whether there is.
#pragma once
#include <chrono>
#include <cstddef>
#include <map>

#include "nn/module.h"

namespace sil {

// Of all the times that a layer was computed: the RPN's meet every level of the pyramid.
struct LayerCost {
  Shape output;             // of the first time
  double macs = 0;          // multiply-accumulates
  double milliseconds = 0;  // what is in the same kernel (norm, skip, ReLU) included
  std::size_t bytes = 0;    // of the outputs
};

class LayerLog {
 public:
  LayerLog();
  ~LayerLog();
  LayerLog(const LayerLog&) = delete;

  static LayerLog* current();  // this thread's, or null
  void add(const Parameter& weight, const Var& x, const Var& y, double milliseconds);

  std::map<const Parameter*, LayerCost> layers;

 private:
  LayerLog* before_;
};

// A layer's output, `compute()`, seen by the log if there is one.
template <class F>
Var logged(const Parameter& weight, const Var& x, F compute) {
  LayerLog* log = LayerLog::current();
  if (!log) return compute();
  using Clock = std::chrono::steady_clock;
  const Clock::time_point begin = Clock::now();
  const Var y = compute();
  log->add(weight, x, y, std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
  return y;
}

}  // namespace sil
