// The extents of one convolution, read off its tensors: x [n, h, w, i], weights [o, kh, kw, i], y [n, p, q, o].
#pragma once
#include "tensor/kernels.h"

namespace sil::cpu {

struct ConvShape {
  int64_t n, h, w, i, p, q, o, kh, kw;
  Conv2dGeom g;

  ConvShape(In x, In weight, In y, Conv2dGeom geom)
      : n(x.dim(0)),
        h(x.dim(1)),
        w(x.dim(2)),
        i(x.dim(3)),
        p(y.dim(1)),
        q(y.dim(2)),
        o(y.dim(3)),
        kh(weight.dim(1)),
        kw(weight.dim(2)),
        g(geom) {}
};

}  // namespace sil::cpu
