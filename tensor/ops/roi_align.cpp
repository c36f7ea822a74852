#include "tensor/check.h"
#include "tensor/ops.h"
#include "tensor/ops/arguments.h"
#include "tensor/ops/check_boxes.h"

namespace sil::ops {
namespace {

void check_geom(const char* op, const RoiAlignGeom& g) {
  check(g.pooled >= 1, "{}: pooled is {}; at least 1 expected", op, g.pooled);
  check(g.samples >= 1 && g.samples <= RoiAlignGeom::kMaxSamples, "{}: samples is {}; 1 to {} expected", op, g.samples,
        RoiAlignGeom::kMaxSamples);
}

// Levels of one batch and channel count, each [N, H, W, C].
void check_pyramid(const char* op, const std::vector<Shape>& pyramid) {
  check(!pyramid.empty(), "{}: the pyramid has no level", op);
  for (size_t l = 0; l < pyramid.size(); ++l) {
    const Shape &s = pyramid[l], &first = pyramid[0];
    check(s.rank() == 4 && s[0] == first[0] && s[3] == first[3], "{}: level {} is {}; [{}, H, W, {}] expected", op, l,
          s, first.rank() == 4 ? first[0] : 0, first.rank() == 4 ? first[3] : 0);
  }
}

}  // namespace

Tensor roi_align(const std::vector<Tensor>& pyramid, const Tensor& rois, const Tensor& image, RoiAlignGeom g) {
  std::vector<Shape> shapes;
  for (const Tensor& level : pyramid) shapes.push_back(level.shape());
  check_pyramid("roi_align", shapes);
  check_geom("roi_align", g);
  check_boxes("roi_align", "rois", rois);
  check_index("roi_align", "image", image, {rois.dim(0)}, "whose a RoI is", -1, shapes[0][0] - 1);
  for (const Tensor& level : pyramid) check_like("roi_align", "a level", level, "the first", pyramid[0]);
  check(size_of(pyramid[0].dtype()) > 1 && pyramid[0].dtype() != DType::i32 && pyramid[0].dtype() != DType::i64,
        "roi_align: the pyramid is {}; a float type expected", name(pyramid[0].dtype()));
  want_same_device("roi_align", "rois", rois, "the pyramid", pyramid[0]);
  want_same_device("roi_align", "image", image, "the pyramid", pyramid[0]);
  Tensor y({rois.dim(0), g.pooled, g.pooled, shapes[0][3]}, pyramid[0].dtype(), pyramid[0].device());
  y.device().kernels().roi_align({}, pyramid, rois, image, y, g);
  return y;
}

std::vector<Tensor> roi_align_backward(const Tensor& dy, const Tensor& rois, const Tensor& image,
                                       const std::vector<Shape>& pyramid, RoiAlignGeom g) {
  check_pyramid("roi_align_backward", pyramid);
  check_geom("roi_align_backward", g);
  check_boxes("roi_align_backward", "rois", rois);
  check_index("roi_align_backward", "image", image, {rois.dim(0)}, "whose a RoI is", -1, pyramid[0][0] - 1);
  const Shape expected{rois.dim(0), g.pooled, g.pooled, pyramid[0][3]};
  check(dy.shape() == expected, "roi_align_backward: dy is {}; {} expected", dy.shape(), expected);
  want_same_device("roi_align_backward", "rois", rois, "dy", dy);
  want_same_device("roi_align_backward", "image", image, "dy", dy);
  std::vector<Tensor> dpyramid;
  for (const Shape& s : pyramid) dpyramid.emplace_back(s, dy.dtype(), dy.device());
  Scratch scratch(dy.device());
  dy.device().kernels().roi_align_backward({}, dy, rois, image, dpyramid, g, scratch);
  return dpyramid;
}

}  // namespace sil::ops
