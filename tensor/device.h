// Where a tensor lives and which table of kernels works on it.
#pragma once
#include <string>

namespace sil {

struct Kernels;

class Device {
 public:
  enum class Kind : unsigned char { cpu, cuda, simt };

  Device() = default;  // the CPU
  static Device cpu() { return {}; }
  static Device cuda(int index);  // throws an Error that says how to build with CUDA where this build has none
  // The kernels of cuda/ on the host, with the CPU's convolutions and matrix products: for tests.
  static Device simt();
  static Device parse(const std::string& text);  // "cpu", "cuda", "cuda:1"

  Kind kind() const { return kind_; }
  int index() const { return index_; }
  std::string str() const;
  const Kernels& kernels() const;

  friend bool operator==(const Device&, const Device&) = default;

 private:
  Kind kind_ = Kind::cpu;
  int index_ = 0;
};

}  // namespace sil
