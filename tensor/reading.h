// Values of a device that are asked for now and read later: what is queued in between need not be waited for.
#pragma once
#include <vector>

#include "tensor/tensor.h"

namespace sil {

class Reading {
 public:
  explicit Reading(const Tensor&);  // float32; its values as they are once all that is queued now is done
  Reading(Reading&&) noexcept;
  Reading& operator=(Reading&&) = delete;
  ~Reading();

  std::vector<float> values();  // waits until they are there; once

 private:
  Device device_;
  size_t count_;
  void* begun_;
};

}  // namespace sil
