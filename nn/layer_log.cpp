#include "nn/layer_log.h"

#include <algorithm>
#include <utility>

namespace sil {
namespace {

thread_local LayerLog* current_log = nullptr;

int64_t positions(const Shape& map) { return map.numel() / std::max<int64_t>(map[map.rank() - 1], 1); }

}  // namespace

LayerLog::LayerLog() : before_(std::exchange(current_log, this)) {}
LayerLog::~LayerLog() { current_log = before_; }

LayerLog* LayerLog::current() { return current_log; }

void LayerLog::add(const Parameter& weight, const Var& x, const Var& y, double milliseconds) {
  LayerCost& cost = layers.try_emplace(&weight, LayerCost{.output = y.shape()}).first->second;
  // A weight meets every position of the smaller map once: a convolution's of its output, a transposed one's of its
  // input, a linear layer's every row.
  cost.macs += double(weight.value().numel()) * double(std::min(positions(x.shape()), positions(y.shape())));
  cost.milliseconds += milliseconds;
  cost.bytes += y.value().bytes();
}

}  // namespace sil
