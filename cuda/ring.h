// Room in a buffer that is taken in order and given back in the same order: staging memory between a host and a GPU.
#pragma once
#include <cstddef>
#include <deque>
#include <optional>

namespace sil::cuda {

class Ring {
 public:
  explicit Ring(size_t bytes) : bytes_(bytes) {}

  // Where `bytes` in a row begin, a multiple of 256; nothing if what is taken leaves no such room.
  std::optional<size_t> take(size_t bytes);
  void give_back_oldest();
  bool empty() const { return taken_.empty(); }

 private:
  struct Stretch {
    size_t begin, end;
  };
  size_t bytes_;
  std::deque<Stretch> taken_;  // oldest first
};

}  // namespace sil::cuda
