// What the operations on boxes, RoIs and masks say about bad arguments.
#include <doctest/doctest.h>

#include "tensor/check.h"
#include "tensor/ops.h"

using namespace sil;

namespace {

Tensor ints(const std::vector<int32_t>& v) { return Tensor::of<int32_t>({int64_t(v.size())}, v); }
Tensor pairs(const std::vector<int32_t>& v) { return Tensor::of<int32_t>({int64_t(v.size()) / 2, 2}, v); }

const Tensor kBoxes = Tensor::zeros({2, 4}), kMap = Tensor::zeros({1, 4, 4, 3});

}  // namespace

TEST_CASE("make_anchors: levels, dtypes and boxes that disagree") {
  const Tensor base = Tensor::zeros({3, 4});
  CHECK_THROWS_WITH_AS(ops::make_anchors({}, pairs({}), pairs({})),
                       "make_anchors: base has no level; one tensor [B, 4] a level expected", Error);
  CHECK_THROWS_WITH_AS(ops::make_anchors({base}, pairs({4, 4, 2, 2}), pairs({8, 8})),
                       "make_anchors: grid is int32 [2, 2]; int32 [1, 2] (height, width of each level) expected",
                       Error);
  CHECK_THROWS_WITH_AS(ops::make_anchors({base}, pairs({4, -4}), pairs({8, 8})),
                       "make_anchors: grid[1] is -4; 0 to 2147483647 expected", Error);
  CHECK_THROWS_WITH_AS(ops::make_anchors({Tensor::zeros({3, 5})}, pairs({4, 4}), pairs({8, 8})),
                       "make_anchors: base is [3, 5]; [R, 4] (x1, y1, x2, y2) expected", Error);
}

TEST_CASE("encode_boxes, decode_boxes: shapes and dtypes that disagree") {
  CHECK_THROWS_WITH_AS(ops::encode_boxes(kBoxes, Tensor::zeros({3, 4}), {}),
                       "encode_boxes: boxes is [2, 4], reference [3, 4]; equal shapes expected", Error);
  CHECK_THROWS_WITH_AS(ops::encode_boxes(kBoxes, Tensor::zeros({2, 4}, DType::f64), {}),
                       "encode_boxes: boxes is float32, reference is float64; one dtype expected", Error);
  CHECK_THROWS_WITH_AS(ops::encode_boxes(Tensor::zeros({2, 4}, DType::bf16), kBoxes, {}),
                       "encode_boxes: boxes is bfloat16; float32 expected", Error);
  CHECK_THROWS_WITH_AS(ops::decode_boxes(Tensor::zeros({2, 6}), kBoxes, {}),
                       "decode_boxes: deltas is [2, 6]; [2, K * 4] expected for reference [2, 4]", Error);
  CHECK_THROWS_WITH_AS(ops::decode_boxes(kBoxes, kBoxes, {}, {}, pairs({4, 4})),
                       "decode_boxes: sizes without image; whose a row is decides its size", Error);
  CHECK_THROWS_WITH_AS(ops::decode_boxes(kBoxes, kBoxes, {}, ints({0, 1}), pairs({4, 4})),
                       "decode_boxes: image[1] is 1; -1 to 0 expected", Error);
}

TEST_CASE("match_boxes: objects without an image, thresholds the wrong way round") {
  CHECK_THROWS_WITH_AS(ops::match_boxes(kBoxes, {}, kBoxes, ints({0}), 1, {}),
                       "match_boxes: truth_image is int32 [1]; int32 [2] (whose an object is) expected", Error);
  CHECK_THROWS_WITH_AS(ops::match_boxes(kBoxes, {}, kBoxes, ints({0, 3}), 2, {}),
                       "match_boxes: truth_image[1] is 3; -1 to 1 expected", Error);
  CHECK_THROWS_WITH_AS(ops::match_boxes(kBoxes, {}, kBoxes, ints({0, 0}), 1, {0.3f, 0.5f, true}),
                       "match_boxes: background is 0.5, foreground 0.3; background <= foreground expected", Error);
  CHECK_THROWS_WITH_AS(ops::match_boxes(kBoxes, {}, kBoxes, ints({0, 0}), -1, {}),
                       "match_boxes: images is -1; 0 or more expected", Error);
  CHECK_THROWS_WITH_AS(ops::match_boxes({}, {}, kBoxes, ints({0, 0}), 1, {}),
                       "match_boxes: boxes is []; [R, 4] (x1, y1, x2, y2) expected", Error);
}

TEST_CASE("sample: dtype, counts and shares out of range") {
  const Tensor key = Tensor::zeros({1}, DType::i64);
  CHECK_THROWS_WITH_AS(ops::sample(ints({0}), ints({0}), {}, 1, ints({1}), {}),
                       "sample: key is int32 [1]; int64 [1] expected", Error);
  CHECK_THROWS_WITH_AS(ops::sample(kBoxes, ints({}), {}, 1, key, {}),
                       "sample: matched is float32 [2, 4]; int32 [R] expected", Error);
  CHECK_THROWS_WITH_AS(ops::sample(ints({0}), ints({0}), {}, 1, key, {256, 1.5f}),
                       "sample: positive is 1.5; a share from 0 to 1 expected", Error);
  CHECK_THROWS_WITH_AS(ops::sample(ints({0}), ints({0}), {}, 1, key, {-1, 0.5f}),
                       "sample: per_image is -1; 0 or more expected", Error);
  CHECK_THROWS_WITH_AS(ops::sample(ints({0}), ints({1}), {}, 1, key, {}), "sample: image[0] is 1; -1 to 0 expected",
                       Error);
  CHECK_THROWS_WITH_AS(ops::sample(ints({0}), ints({0}), ints({}), 1, key, {}),
                       "sample: matched[0] is 0; -2 to -1 expected", Error);
  CHECK_THROWS_WITH_AS(ops::sample(ints({0, 0, 0}), {}, {}, 2, key, {}),
                       "sample: 3 rows of 2 images; as many of each expected where no image is given", Error);
}

TEST_CASE("nms: candidates, scores, groups and limits") {
  const Tensor boxes = kBoxes.view({1, 2, 4}), scores = Tensor::zeros({1, 2});
  CHECK_THROWS_WITH_AS(ops::nms(kBoxes, scores, ints({0, 0}).view({1, 2}), 1, {}),
                       "nms: boxes is [2, 4]; [N, M, 4] (x1, y1, x2, y2) expected", Error);
  CHECK_THROWS_WITH_AS(ops::nms(boxes, Tensor::zeros({2, 1}), ints({0, 0}).view({1, 2}), 1, {}),
                       "nms: scores is float32 [2, 1]; float32 [1, 2] expected", Error);
  CHECK_THROWS_WITH_AS(ops::nms(boxes, scores, ints({0, -1}).view({1, 2}), 1, {}),
                       "nms: groups[1] is -1; 0 to 2147483647 expected", Error);
  CHECK_THROWS_WITH_AS(ops::nms(boxes, scores, ints({0, 0}).view({1, 2}), -1, {}),
                       "nms: limit is -1; 0 or more expected", Error);
  CHECK_THROWS_WITH_AS(ops::nms(boxes, scores, ints({0, 0}).view({1, 2}), 1, {0, 2}),
                       "nms: threshold is 2; an IoU from 0 to 1 expected", Error);
  CHECK_THROWS_WITH_AS(ops::nms(boxes, scores, ints({0, 0}), 1, {}),
                       "nms: groups is int32 [2]; int32 [1, 2] (a candidate's group) expected", Error);
}

TEST_CASE("indices: arange, lookup, join_index, split_index") {
  CHECK(ops::arange(4).to_vector<int32_t>() == std::vector<int32_t>{0, 1, 2, 3});
  CHECK(ops::arange(0).numel() == 0);
  CHECK_THROWS_WITH_AS(ops::arange(-1), "arange: count is -1; 0 to 2147483647 expected", Error);
  CHECK(ops::lookup(ints({5, 6, 7}), ints({2, -1, 0, -3})).to_vector<int32_t>() == std::vector<int32_t>{7, -1, 5, -1});
  CHECK(ops::join_index(ints({0, 2, -1, 1}), ints({3, 1, 1, -1}), 4).to_vector<int32_t>() ==
        std::vector<int32_t>{3, 9, -1, -1});
  const auto [outer, inner] = ops::split_index(ints({3, 9, -1}), 4);
  CHECK(outer.to_vector<int32_t>() == std::vector<int32_t>{0, 2, -1});
  CHECK(inner.to_vector<int32_t>() == std::vector<int32_t>{3, 1, -1});
  CHECK_THROWS_WITH_AS(ops::lookup(kBoxes, ints({0})), "lookup: table is float32; int32 expected", Error);
  CHECK_THROWS_WITH_AS(ops::lookup(ints({1}), ints({1})), "lookup: index 1 at 0; less than the 1 rows expected", Error);
  CHECK_THROWS_WITH_AS(ops::join_index(ints({1}), ints({1, 2}), 4),
                       "join_index: outer is [1], inner is [2]; the same shape expected", Error);
  CHECK_THROWS_WITH_AS(ops::join_index(ints({1}), ints({4}), 4),
                       "join_index: index 4 at 0; less than the 4 rows expected", Error);
  CHECK_THROWS_WITH_AS(ops::split_index(ints({1}), 0), "split_index: extent is 0; more than 0 expected", Error);
}

TEST_CASE("roi_align: rois, images, levels and geometry") {
  CHECK_THROWS_WITH_AS(ops::roi_align({kMap}, Tensor::zeros({12, 5}), ints({0}), {}),
                       "roi_align: rois is [12, 5]; [R, 4] (x1, y1, x2, y2) expected", Error);
  CHECK_THROWS_WITH_AS(ops::roi_align({kMap}, kBoxes, ints({0, 2}), {}), "roi_align: image[1] is 2; -1 to 0 expected",
                       Error);
  CHECK_THROWS_WITH_AS(ops::roi_align({kMap}, kBoxes, ints({0}), {}),
                       "roi_align: image is int32 [1]; int32 [2] (whose a RoI is) expected", Error);
  CHECK_THROWS_WITH_AS(ops::roi_align({}, kBoxes, ints({0, 0}), {}), "roi_align: the pyramid has no level", Error);
  CHECK_THROWS_WITH_AS(ops::roi_align({kMap, Tensor::zeros({1, 2, 2, 5})}, kBoxes, ints({0, 0}), {}),
                       "roi_align: level 1 is [1, 2, 2, 5]; [1, H, W, 3] expected", Error);
  CHECK_THROWS_WITH_AS(ops::roi_align({kMap}, kBoxes, ints({0, 0}), {7, 9, 2}),
                       "roi_align: samples is 9; 1 to 8 expected", Error);
  CHECK_THROWS_WITH_AS(ops::roi_align({kMap}, kBoxes, ints({0, 0}), {0, 2, 2}),
                       "roi_align: pooled is 0; at least 1 expected", Error);
  CHECK_THROWS_WITH_AS(ops::roi_align({Tensor::zeros({1, 4, 4, 3}, DType::i32)}, kBoxes, ints({0, 0}), {}),
                       "roi_align: the pyramid is int32; a float type expected", Error);
  CHECK_THROWS_WITH_AS(ops::roi_align_backward(kMap, kBoxes, ints({0, 0}), {kMap.shape()}, {7, 2, 2}),
                       "roi_align_backward: dy is [1, 4, 4, 3]; [2, 7, 7, 3] expected", Error);
}

TEST_CASE("mask_loss: runs that do not fit their masks") {
  const auto loss = [](const Tensor& object, const Tensor& ends, const Tensor& begin, const Tensor& size) {
    return ops::mask_loss(Tensor::zeros({2, 4, 4, 3}), ints({1, 2}), kBoxes, object, {ends, begin, size});
  };
  CHECK_THROWS_WITH_AS(loss(ints({0, 1}), ints({4}), ints({0, 1}), pairs({2, 2})),
                       "mask_loss: object[1] is 1; -1 to 0 expected", Error);
  CHECK_THROWS_WITH_AS(loss(ints({0, 0}), ints({1, 5}), ints({0, 2}), pairs({2, 2})),
                       "mask_loss: object 0 has a run that ends at 5; ascending ends up to 4 (2 x 2 pixels) expected",
                       Error);
  CHECK_THROWS_WITH_AS(loss(ints({0, 0}), ints({3, 1}), ints({0, 2}), pairs({2, 2})),
                       "mask_loss: object 0 has a run that ends at 1; ascending ends up to 4 (2 x 2 pixels) expected",
                       Error);
  CHECK_THROWS_WITH_AS(loss(ints({0, 0}), ints({4}), ints({0, 2}), pairs({2, 2})),
                       "mask_loss: begin goes from 0 to 2; 0 to 1 expected", Error);
  CHECK_THROWS_WITH_AS(loss(ints({0, 0}), ints({4}), ints({0, 1, 1}), pairs({2, 2})),
                       "mask_loss: begin is int32 [3]; int32 [2] (where each object's runs begin) expected", Error);
  CHECK_THROWS_WITH_AS(loss(ints({0, 0}), ints({4, 4}), ints({0, 3, 2}), pairs({2, 2, 2, 2})),
                       "mask_loss: runs of object 0 begin at 0 and end at 3 of 2", Error);
}

TEST_CASE("mask_loss, mask_loss_backward: shapes, labels and dtypes that disagree") {
  const MaskRuns masks{ints({4}), ints({0, 1}), pairs({2, 2})};
  const auto loss = [&](const Tensor& logits, const Tensor& labels, const Tensor& rois) {
    return ops::mask_loss(logits, labels, rois, ints({0, -1}), masks);
  };
  CHECK_THROWS_WITH_AS(loss(Tensor::zeros({2, 4, 4}), ints({0, 1}), kBoxes),
                       "mask_loss: logits is [2, 4, 4]; [R, M, M, K] expected", Error);
  CHECK_THROWS_WITH_AS(loss(Tensor::zeros({2, 4, 3, 2}), ints({0, 1}), kBoxes),
                       "mask_loss: logits is [2, 4, 3, 2]; [R, M, M, K], M at least 1, expected", Error);
  CHECK_THROWS_WITH_AS(loss(Tensor::zeros({2, 4, 4, 2}), ints({0, 2}), kBoxes),
                       "mask_loss: labels[1] is 2; -2147483648 to 1 expected", Error);
  CHECK_THROWS_WITH_AS(loss(Tensor::zeros({2, 4, 4, 2}), ints({0, 1}), Tensor::zeros({3, 4})),
                       "mask_loss: rois is [3, 4]; [R, 4] [2, 4] expected", Error);
  CHECK_THROWS_WITH_AS(loss(Tensor::zeros({2, 4, 4, 2}, DType::f64), ints({0, 1}), kBoxes),
                       "mask_loss: rois is float32; float64 expected", Error);
  CHECK_THROWS_WITH_AS(
      ops::mask_loss_backward(Tensor::zeros({2}), Tensor::zeros({2, 4, 4}), ints({0, 1}), 2, DType::bf16),
      "mask_loss_backward: dy is [2]; one element expected", Error);
  CHECK_THROWS_WITH_AS(
      ops::mask_loss_backward(Tensor::zeros({1}), Tensor::zeros({2, 4, 4}), ints({0, 2}), 2, DType::f32),
      "mask_loss_backward: labels[1] is 2; -2147483648 to 1 expected", Error);
}

TEST_CASE("paste_runs: shapes that disagree, photos of too many pixels, no room") {
  const Tensor masks = Tensor::zeros({2, 28, 28});
  CHECK_THROWS_WITH_AS(ops::paste_runs(Tensor::zeros({2, 28, 14}), kBoxes, pairs({9, 9, 9, 9}), 0.5f, 8),
                       "paste_runs: masks is [2, 28, 14]; [D, M, M], M from 1 to 256, expected", Error);
  CHECK_THROWS_WITH_AS(ops::paste_runs(masks, Tensor::zeros({4}), pairs({9, 9, 9, 9}), 0.5f, 8),
                       "paste_runs: boxes is [4]; [D, 4] (x1, y1, x2, y2) [2, 4] expected", Error);
  CHECK_THROWS_WITH_AS(ops::paste_runs(masks, kBoxes, pairs({9, 9, -1, 9}), 0.5f, 8),
                       "paste_runs: size[2] is -1; 0 to 2147483647 expected", Error);
  CHECK_THROWS_WITH_AS(ops::paste_runs(masks, kBoxes, pairs({9, 9, 50000, 50000}), 0.5f, 8),
                       "paste_runs: photo 1 is 50000 x 50000; at most 2147483647 pixels expected", Error);
  CHECK_THROWS_WITH_AS(ops::paste_runs(masks, kBoxes, pairs({9, 9, 9, 9}), 0.5f, 0),
                       "paste_runs: capacity is 0; 1 to 2147483647 runs expected", Error);
}

TEST_CASE("paste_mask: a mask that is not square, a box of another shape") {
  CHECK_THROWS_WITH_AS(ops::paste_mask(Tensor::zeros({28, 14}), Tensor::zeros({4}), 9, 9, 0.5f),
                       "paste_mask: mask is float32 [28, 14]; float32 [M, M], M from 1 to 256, expected", Error);
  CHECK_THROWS_WITH_AS(ops::paste_mask(Tensor::zeros({28, 28}), kBoxes, 9, 9, 0.5f),
                       "paste_mask: box is float32 [2, 4]; float32 [4] (x1, y1, x2, y2) expected", Error);
  CHECK_THROWS_WITH_AS(ops::paste_soft_mask(Tensor::zeros({28, 28}), Tensor::zeros({4}), -1, 9),
                       "paste_soft_mask: the photo is -1 x 9; a height and width of at least 0 expected", Error);
}
