#include "tensor/ops/check_boxes.h"

#include "tensor/check.h"

namespace sil::ops {

void check_boxes(const char* op, const char* name, const Tensor& boxes) {
  check(boxes.defined() && boxes.rank() == 2 && boxes.dim(1) == 4, "{}: {} is {}; [R, 4] (x1, y1, x2, y2) expected", op,
        name, boxes.shape());
  const bool cpu = boxes.device().kind() == Device::Kind::cpu;
  check(boxes.dtype() == DType::f32 || (cpu && boxes.dtype() == DType::f64), "{}: {} is {}; float32 expected", op, name,
        sil::name(boxes.dtype()));
}

void check_ints(const char* op, const char* name, const Tensor& t, const Shape& shape, const char* meaning) {
  check(t.defined() && t.shape() == shape && t.dtype() == DType::i32, "{}: {} is {} {}; int32 {} ({}) expected", op,
        name, sil::name(t.dtype()), t.shape(), shape, meaning);
}

void check_index(const char* op, const char* name, const Tensor& index, const Shape& shape, const char* meaning,
                 int64_t lo, int64_t hi) {
  check_ints(op, name, index, shape, meaning);
  if (index.device().kind() != Device::Kind::cpu) return;
  const int32_t* v = index.data<int32_t>();
  for (int64_t i = 0; i < index.numel(); ++i)
    check(v[i] >= lo && v[i] <= hi, "{}: {}[{}] is {}; {} to {} expected", op, name, i, v[i], lo, hi);
}

void check_like(const char* op, const char* name, const Tensor& t, const char* other_name, const Tensor& other) {
  check(t.dtype() == other.dtype(), "{}: {} is {}, {} is {}; one dtype expected", op, name, sil::name(t.dtype()),
        other_name, sil::name(other.dtype()));
  check(t.device() == other.device(), "{}: {} is on {}, {} on {}; one device expected", op, name, t.device().str(),
        other_name, other.device().str());
}

}  // namespace sil::ops
