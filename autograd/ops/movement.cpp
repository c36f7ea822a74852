// Movement: each backward is the adjoint, the same elements on their way back.
#include "autograd/ops.h"

namespace sil {

Var view(const Var& x, const Shape& shape) {
  return record(x.value().view(shape), {x},
                [from = x.shape()](const Tensor& dy, Needs) -> Grads { return {dy.view(from)}; });
}

Var permute(const Var& x, const std::vector<int>& perm) {
  Tensor y = ops::permute(x.value(), perm);
  std::vector<int> inverse(perm.size());
  for (size_t i = 0; i < perm.size(); ++i) inverse[size_t(perm[i])] = int(i);
  return record(y, {x}, [inverse](const Tensor& dy, Needs) -> Grads { return {ops::permute(dy, inverse)}; });
}

Var slice(const Var& x, int axis, int64_t begin, int64_t end) {
  Tensor y = ops::slice(x.value(), axis, begin, end);
  return record(y, {x}, [axis, begin, after = x.dim(axis) - end](const Tensor& dy, Needs) -> Grads {
    return {ops::pad(dy, axis, begin, after)};
  });
}

Var concat(const std::vector<Var>& parts, int axis) {
  Tensor y = ops::concat(values(parts), axis);
  std::vector<int64_t> extents;
  for (const Var& p : parts) extents.push_back(p.dim(axis));
  return record(y, parts, [axis, extents](const Tensor& dy, Needs need) {
    Grads grads(extents.size());
    int64_t at = 0;
    for (size_t i = 0; i < extents.size(); at += extents[i++])
      if (need[i]) grads[i] = ops::slice(dy, axis, at, at + extents[i]);
    return grads;
  });
}

Var pad(const Var& x, int axis, int64_t before, int64_t after) {
  Tensor y = ops::pad(x.value(), axis, before, after);
  return record(y, {x}, [axis, before, extent = x.dim(axis)](const Tensor& dy, Needs) -> Grads {
    return {ops::slice(dy, axis, before, before + extent)};
  });
}

Var gather_rows(const Var& x, const Tensor& index) {
  return record(ops::gather_rows(x.value(), index), {x}, [index, rows = x.dim(0)](const Tensor& dy, Needs) -> Grads {
    return {ops::scatter_add_rows(dy, index, rows)};
  });
}

Var cast(const Var& x, DType dtype) {
  if (x.value().dtype() == dtype) return x;
  return record(ops::cast(x.value(), dtype), {x},
                [from = x.value().dtype()](const Tensor& dy, Needs) -> Grads { return {ops::cast(dy, from)}; });
}

}  // namespace sil
