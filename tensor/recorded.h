// A device's work, written down once and repeated as a whole: a CUDA graph.  What is replayed reads and writes the
// memory that it was recorded with, so what differs from one time to the next lies in tensors that outlive the
// recording and are written before each replay; the host's part of the work is not repeated.
#pragma once
#include "tensor/arena.h"
#include "tensor/kernels.h"

namespace sil {

class Recorded {
 public:
  static bool possible(Device device) { return device.kernels().begin_recording != nullptr; }

  // Runs `work`; what it queues is not done yet.  Tensors made meanwhile are written by each replay.  Work that reads
  // from the device or copies from the host is an Error, and so is what the device cannot record.
  template <class Work>
  Recorded(Device device, Work work) : Recorded(device) {  // made by then: what throws now runs the destructor
    work();
    end();
  }
  Recorded(const Recorded&) = delete;
  ~Recorded();

  void replay() const;

 private:
  explicit Recorded(Device);
  void end();

  Device device_;
  bool recording_ = true;
  void* work_ = nullptr;
};

}  // namespace sil
