#include "cuda/tf32.h"

#include <cstdlib>
#include <string>

#include "tensor/check.h"

namespace sil::cuda {

bool parse_tf32(const char* setting) {
  const std::string s = setting ? setting : "0";
  check(s == "0" || s == "1", "SIL_TF32 is '{}'; 0 or 1 expected", s);
  return s == "1";
}

bool allows_tf32() {
  static const bool allowed = parse_tf32(std::getenv("SIL_TF32"));
  return allowed;
}

}  // namespace sil::cuda
