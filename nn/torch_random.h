// The numbers that torch draws on a CPU after torch.manual_seed(seed), in its order: the same seed starts from the same
// weights there and here.  MT19937 (Matsumoto and Nishimura 1998).  For weights alone: what is drawn in training comes
// from RngKey, which needs no state.
#pragma once
#include <cstdint>
#include <optional>
#include <random>

#include "tensor/tensor.h"

namespace sil {

class TorchRandom {
 public:
  explicit TorchRandom(uint64_t seed);  // of its bits torch takes the low 32

  // Tensor.uniform_(-bound, bound), of float32: 24 bits of one number an element.
  Tensor uniform(const Shape&, double bound);
  // Tensor.normal_(0, deviation), of float32: equal to a rounding or two (torch approximates log, cos and sin).
  Tensor normal(const Shape&, double deviation);
  // Passes over what `uniform` would have drawn for as many elements.
  void skip(int64_t elements);

 private:
  float uniform32();
  double uniform64();
  double normal64();

  std::mt19937 engine_;
  std::optional<double> second_;  // of the last pair of normal64
};

}  // namespace sil
