#include "tensor/tensor.h"

#include <cstring>

#include "tensor/arena.h"
#include "tensor/check.h"
#include "tensor/kernels.h"

namespace sil {

Storage::Storage(Device d, size_t n) : device(d), bytes(n), data(Arena::of(d).take(n)) {}
Storage::~Storage() { Arena::of(device).give_back(data, bytes); }

Tensor::Tensor(Shape shape, DType dtype, Device device) : shape_(shape), dtype_(dtype) {
  storage_ = std::make_shared<Storage>(device, size_t(shape.numel()) * size_of(dtype));
}

Tensor Tensor::zeros(Shape shape, DType dtype, Device device) { return full(shape, 0, dtype, device); }

Tensor Tensor::full(Shape shape, double value, DType dtype, Device device) {
  Tensor t(shape, dtype, device);
  device.kernels().fill({}, value, t);
  return t;
}

Tensor Tensor::from_host(Shape shape, DType dtype, const void* values, size_t count, Device device) {
  check(int64_t(count) == shape.numel(), "tensor: {} values given, {} expected for shape {}", count, shape.numel(),
        shape);
  Tensor t(shape, dtype, device);
  device.kernels().upload({}, values, t.raw(), t.bytes());
  return t;
}

void Tensor::to_host(void* out) const { device().kernels().download({}, raw(), out, bytes()); }

void Tensor::wrong_dtype(DType asked) const {
  if (!defined()) fail("tensor: an undefined tensor has no data");
  fail("tensor: dtype is {}, read as {}", name(dtype_), name(asked));
}

Tensor Tensor::view(std::initializer_list<int64_t> dims) const {
  int64_t known = 1;
  for (int64_t d : dims)
    if (d != -1) known *= d;
  std::vector<int64_t> out(dims);
  for (int64_t& d : out)
    if (d == -1) {
      check(known > 0 && numel() % known == 0, "view: {} has {} elements, not a multiple of {}", shape_, numel(),
            known);
      d = numel() / known;
      known = 0;  // a second -1 fails above
    }
  return view(Shape(std::span<const int64_t>(out)));
}

Tensor Tensor::view(const Shape& shape) const {
  check(shape.numel() == numel(), "view: {} has {} elements, {} has {}", shape_, numel(), shape, shape.numel());
  Tensor t = *this;
  t.shape_ = shape;
  return t;
}

Tensor Tensor::rows(int64_t begin, int64_t end) const {
  check(rank() > 0 && 0 <= begin && begin <= end && end <= dim(0), "rows: [{}, {}) of {}", begin, end, shape_);
  Tensor t = *this;
  t.shape_[0] = end - begin;
  if (dim(0) > 0) t.offset_ += size_t(begin) * (bytes() / size_t(dim(0)));
  return t;
}

double Tensor::item() const {
  check(defined() && numel() == 1, "item: one element expected, shape is {}", shape_);
  alignas(8) char b[8];
  to_host(b);
  switch (dtype_) {
    case DType::f32: {
      float x;
      return std::memcpy(&x, b, 4), x;
    }
    case DType::f64: {
      double x;
      return std::memcpy(&x, b, 8), x;
    }
    case DType::bf16: {
      bfloat16 x;
      return std::memcpy(&x, b, 2), float(x);
    }
    case DType::i32: {
      int32_t x;
      return std::memcpy(&x, b, 4), x;
    }
    case DType::i64: {
      int64_t x;
      return std::memcpy(&x, b, 8), double(x);
    }
    case DType::u8:
      return uint8_t(b[0]);
    case DType::f16:
      break;
  }
  fail("item: {} is not read on the host", name(dtype_));
}

Tensor Tensor::to(Device d) const {
  if (!defined() || d == device()) return *this;
  // Through the host: one of the two sides always is.
  std::vector<char> host;
  const void* from = raw();
  if (device().kind() != Device::Kind::cpu) host.resize(bytes()), to_host(host.data()), from = host.data();
  return from_host(shape_, dtype_, from, size_t(numel()), d);
}

Tensor Tensor::clone() const {
  if (!defined()) return {};
  Tensor t = empty_like(*this);
  device().kernels().copy({}, *this, t);
  return t;
}

Tensor empty_like(const Tensor& t) { return {t.shape(), t.dtype(), t.device()}; }
Tensor zeros_like(const Tensor& t) { return Tensor::zeros(t.shape(), t.dtype(), t.device()); }

}  // namespace sil
