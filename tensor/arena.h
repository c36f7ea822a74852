// The caching arena that every tensor's memory comes from.  A freed block is kept and handed out again, so a training
// step allocates nothing once it has run twice.  Blocks are rounded to size classes of at most 1/8 waste.
// Thread-safe.  One arena a device.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <vector>

#include "tensor/check.h"
#include "tensor/device.h"

namespace sil {

struct OutOfMemory : Error {
  using Error::Error;
  // In bytes: what was asked for; what tensors use, what the program holds (in use and cached) and what is free.  Where
  // the CUDA runtime ran out of memory beside the arena, asked is 0 and `free` alone is set.
  int64_t asked = 0, in_use = 0, held = 0, free = 0;
};

class Arena {
 public:
  static Arena& of(Device);

  explicit Arena(Device device) : device_(device) {}
  Arena(const Arena&) = delete;

  // 64-byte aligned, uninitialised; nullptr for 0 bytes.  Throws OutOfMemory.
  void* take(size_t bytes);
  void give_back(void* block, size_t bytes);  // bytes as in take
  void trim();                                // returns what is cached to the system

  // Between the two, blocks come from a store of their own, and to it returns what is given back; so also later what
  // came from it.  Recorded work (tensor/recorded.h) writes to such blocks whenever it is replayed, so they are nobody
  // else's.  Recordings share the store, as one is replayed behind the other, and take blocks up to twice as large as
  // they ask for (in_use and peak count what was asked for), so that it does not grow with each that is a little
  // smaller.  forget: there is none left.
  void begin_recording();
  void end_recording();
  void forget_recordings();

  // Called by the allocating thread, which holds no lock, when memory runs out while nothing is recorded: whoever holds
  // memory that it can do without lets go of it, and what was asked for is tried again.  One at a time; {} for none.
  void on_shortage(std::function<void()>);

  // In bytes: now in use; the most ever in use since reset_peak; held from the system (in use and cached).
  int64_t in_use() const;
  int64_t peak() const;
  int64_t held() const;
  void reset_peak();

 private:
  using Blocks = std::map<size_t, std::vector<void*>>;  // by size class
  struct RecordedBlock {
    size_t size;
    bool recorded;  // else its recording is gone, and it is still in use
  };

  void* cached(size_t size);
  void* allocate(size_t size, std::unique_lock<std::mutex>&);
  [[noreturn]] void out_of_memory(size_t size) const;
  void release_cached();

  Device device_;
  mutable std::mutex mutex_;
  Blocks free_, recorded_free_;
  std::map<void*, RecordedBlock> recorded_;
  bool recording_ = false;
  std::function<void()> shortage_;
  int64_t in_use_ = 0, peak_ = 0, held_ = 0;
};

// Working memory for the duration of one kernel call; returns to the arena when it goes out of scope.
class Scratch {
 public:
  explicit Scratch(Device device) : arena_(Arena::of(device)) {}
  Scratch(const Scratch&) = delete;
  ~Scratch();
  void* take(size_t bytes);
  template <class T>
  T* take_n(size_t n) {
    return static_cast<T*>(take(n * sizeof(T)));
  }

 private:
  Arena& arena_;
  std::vector<std::pair<void*, size_t>> blocks_;
};

}  // namespace sil
