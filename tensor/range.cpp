#include "tensor/range.h"

#include <algorithm>
#include <chrono>

#include "tensor/cuda_device.h"

namespace sil {
namespace {

thread_local RangeLog* current_log = nullptr;

double now() {
  using namespace std::chrono;
  return duration<double, std::milli>(steady_clock::now().time_since_epoch()).count();
}

}  // namespace

Range::Range(std::string name) : name_(std::move(name)) {
  push_range(name_.c_str());
  if (current_log) begin_ = now();
}

Range::~Range() {
  pop_range();
  if (!current_log) return;
  auto& rows = current_log->milliseconds;
  const auto found = std::find_if(rows.begin(), rows.end(), [&](const auto& row) { return row.first == name_; });
  (found != rows.end() ? *found : rows.emplace_back(name_, 0.0)).second += now() - begin_;
}

RangeLog::RangeLog() : before_(std::exchange(current_log, this)) {}
RangeLog::~RangeLog() { current_log = before_; }

}  // namespace sil
