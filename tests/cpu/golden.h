// Arrays that tests/reference/make_geometry_goldens.py wrote, and the pattern that stands for feature maps there.
#pragma once
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "tensor/check.h"
#include "tensor/tensor.h"

namespace sil {

class Golden {
 public:
  explicit Golden(const std::string& name) {
    const std::string path = std::string(SIL_SOURCE_DIR "/tests/golden/geometry/") + name + ".txt";
    std::ifstream file(path);
    check(file.good(), "{}: cannot be read", path);
    for (std::string head, values; std::getline(file, head) && std::getline(file, values);) {
      std::istringstream h(head), v(values);
      std::string key, kind;
      h >> key >> kind;
      Array& a = arrays_[key];
      for (int64_t extent; h >> extent;) a.shape.push_back(extent);
      for (double x; v >> x;) a.values.push_back(x);
    }
  }

  // As a tensor of T.
  template <class T>
  Tensor get(const std::string& key) const {
    const Array& a = arrays_.at(key);
    return Tensor::of<T>(Shape(std::span<const int64_t>(a.shape)), std::vector<T>(a.values.begin(), a.values.end()));
  }
  Tensor floats(const std::string& key) const { return get<float>(key); }
  Tensor ints(const std::string& key) const { return get<int32_t>(key); }

 private:
  struct Array {
    std::vector<int64_t> shape;
    std::vector<double> values;
  };
  std::map<std::string, Array> arrays_;
};

// [N, H, W, C] of the script's `pattern`.
inline Tensor pattern(const Shape& s) {
  std::vector<float> v;
  for (int64_t n = 0; n < s[0]; ++n)
    for (int64_t y = 0; y < s[1]; ++y)
      for (int64_t x = 0; x < s[2]; ++x)
        for (int64_t c = 0; c < s[3]; ++c)
          v.push_back(float(double((31 * n + 17 * c + 7 * y + 13 * x + 3 * y * x) % 101) / 50 - 1));
  return Tensor::of<float>(s, v);
}

// The largest |a - b| of two float32 tensors of one shape.
inline double largest_difference(const Tensor& a, const Tensor& b) {
  check(a.shape() == b.shape(), "{} compared with {}", a.shape(), b.shape());
  double d = 0;
  for (int64_t i = 0; i < a.numel(); ++i) {
    const double e = std::abs(double(a.data<float>()[i]) - double(b.data<float>()[i]));
    d = e <= d ? d : e;  // NaN is a difference
  }
  return d;
}

}  // namespace sil
