#include "tensor/ops/arguments.h"

namespace sil::ops {

void want_defined(const char* op, const char* name, const Tensor& t) {
  check(t.defined(), "{}: {} is undefined; a tensor expected", op, name);
}

void want_float(const char* op, const char* name, const Tensor& t) {
  want_defined(op, name, t);
  const bool cpu = t.device().kind() == Device::Kind::cpu;
  const bool ok = t.dtype() == DType::f32 || t.dtype() == DType::bf16 || t.dtype() == (cpu ? DType::f64 : DType::f16);
  check(ok, "{}: {} is {}; float32, bfloat16 or {} expected", op, name, sil::name(t.dtype()),
        sil::name(cpu ? DType::f64 : DType::f16));
}

void want_dtype(const char* op, const char* name, const Tensor& t, DType dtype) {
  want_defined(op, name, t);
  check(t.dtype() == dtype, "{}: {} is {}; {} expected", op, name, sil::name(t.dtype()), sil::name(dtype));
}

void want_alike(const char* op, const char* name, const Tensor& t, const char* other_name, const Tensor& other) {
  want_same_device(op, name, t, other_name, other);
  check(t.dtype() == other.dtype(), "{}: {} is {}, {} is {}; the same dtype expected", op, name, sil::name(t.dtype()),
        other_name, sil::name(other.dtype()));
}

void want_same_device(const char* op, const char* name, const Tensor& t, const char* other_name, const Tensor& other) {
  want_defined(op, name, t);
  want_defined(op, other_name, other);
  check(t.device() == other.device(), "{}: {} is on {}, {} on {}; the same device expected", op, name, t.device().str(),
        other_name, other.device().str());
}

void want_same_shape(const char* op, const char* name, const Tensor& t, const char* other_name, const Tensor& other) {
  check(t.shape() == other.shape(), "{}: {} is {}, {} is {}; the same shape expected", op, name, t.shape(), other_name,
        other.shape());
}

void want_rank(const char* op, const char* name, const Tensor& t, int rank, const char* meaning) {
  want_defined(op, name, t);
  check(t.rank() == rank, "{}: {} is {}; {} expected", op, name, t.shape(), meaning);
}

void want_shape(const char* op, const char* name, const Tensor& t, const Shape& shape, const char* meaning) {
  want_defined(op, name, t);
  check(t.shape() == shape, "{}: {} is {}; {} {} expected", op, name, t.shape(), meaning, shape);
}

int want_axis(const char* op, const Tensor& x, int axis) {
  check(x.rank() > 0, "{}: axis {} of []; at least one axis expected", op, axis);
  check(axis >= -x.rank() && axis < x.rank(), "{}: axis {} of {}; {} to {} expected", op, axis, x.shape(), -x.rank(),
        x.rank() - 1);
  return axis < 0 ? axis + x.rank() : axis;
}

}  // namespace sil::ops
