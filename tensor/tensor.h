// A typed view of shared memory: shape, dtype, device, storage, offset.  It knows nothing of gradients.
//
// Elements are dense, innermost axis fastest: feature maps are [N, H, W, C] on every device.  A view (view, rows)
// shares the storage; whatever would need strides (transpose, a slice of an inner axis) is an operation that copies.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <vector>

#include "tensor/device.h"
#include "tensor/dtype.h"
#include "tensor/shape.h"

namespace sil {

// A block of an arena.
struct Storage {
  Storage(Device device, size_t bytes);
  Storage(const Storage&) = delete;
  ~Storage();
  Device device;
  size_t bytes;
  void* data;
};

class Tensor {
 public:
  Tensor() = default;                                   // undefined: stands for "absent" where an argument is optional
  Tensor(Shape, DType, Device device = Device::cpu());  // uninitialised

  static Tensor zeros(Shape, DType = DType::f32, Device = Device::cpu());
  static Tensor full(Shape, double value, DType = DType::f32, Device = Device::cpu());
  // From host values, row by row.  Throws if their number is not the shape's.
  template <class T>
  static Tensor of(Shape shape, const std::vector<T>& values, Device device = Device::cpu()) {
    return from_host(shape, dtype_of<T>, values.data(), values.size(), device);
  }
  static Tensor scalar(float value, Device device = Device::cpu()) { return full({}, value, DType::f32, device); }

  bool defined() const { return storage_ != nullptr; }
  const Shape& shape() const { return shape_; }
  int rank() const { return shape_.rank(); }
  int64_t dim(int axis) const { return shape_[axis]; }
  int64_t numel() const { return shape_.numel(); }
  DType dtype() const { return dtype_; }
  Device device() const { return storage_ ? storage_->device : Device(); }
  size_t bytes() const { return size_t(numel()) * size_of(dtype_); }

  // Pointer to the first element.  data<T>() throws if T is not the dtype.
  void* raw() const { return storage_ ? static_cast<char*>(storage_->data) + offset_ : nullptr; }
  template <class T>
  T* data() const {
    if (dtype_ != dtype_of<T>) wrong_dtype(dtype_of<T>);
    return static_cast<T*>(raw());
  }

  // The same elements under another shape of equal count; one extent may be -1.
  Tensor view(std::initializer_list<int64_t> dims) const;
  Tensor view(const Shape&) const;
  // Rows [begin, end) of the outermost axis, shared.
  Tensor rows(int64_t begin, int64_t end) const;
  // The value of a one-element tensor, copied to the host.
  double item() const;
  // All elements as host values; T must be the dtype.
  template <class T>
  std::vector<T> to_vector() const {
    if (dtype_ != dtype_of<T>) wrong_dtype(dtype_of<T>);
    std::vector<T> v(static_cast<size_t>(numel()));
    to_host(v.data());
    return v;
  }
  Tensor to(Device) const;  // itself if it is there already
  Tensor clone() const;     // a copy that shares nothing

  // Whether no other tensor sees this memory, so that an operation may reuse it.
  bool sole_owner() const { return storage_.use_count() == 1; }
  bool shares_memory_with(const Tensor& o) const { return storage_ && storage_ == o.storage_; }

 private:
  static Tensor from_host(Shape, DType, const void* values, size_t count, Device);
  void to_host(void* out) const;
  [[noreturn]] void wrong_dtype(DType asked) const;

  std::shared_ptr<Storage> storage_;
  size_t offset_ = 0;  // bytes
  Shape shape_;
  DType dtype_ = DType::f32;
};

Tensor empty_like(const Tensor&);
Tensor zeros_like(const Tensor&);

}  // namespace sil
