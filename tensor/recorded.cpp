#include "tensor/recorded.h"

#include <atomic>

namespace sil {
namespace {

// How many recordings there are, of all devices of a kind.
std::atomic<int>& alive(Device device) {
  static std::atomic<int> count[3];
  return count[size_t(device.kind())];
}

}  // namespace

Recorded::Recorded(Device device) : device_(device) {
  check(possible(device), "recorded: {} records no work", device.str());
  device_.kernels().begin_recording({});
  Arena::of(device_).begin_recording();
  ++alive(device_);
}

void Recorded::end() {
  recording_ = false;
  Arena::of(device_).end_recording();
  work_ = device_.kernels().end_recording({});
}

Recorded::~Recorded() {
  try {
    if (recording_) end();
  } catch (const Error&) {  // of what failed already
  }
  device_.kernels().discard(work_);
  if (--alive(device_) == 0) Arena::of(device_).forget_recordings();
}

void Recorded::replay() const { device_.kernels().replay({}, work_); }

}  // namespace sil
