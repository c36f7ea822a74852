#include "models/model_tree.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "nn/layer_log.h"
#include "small.h"

using namespace sil;
using namespace sil::test;

namespace {

const TreeRow& row(const ModelTree& tree, const std::string& path) {
  const auto found = std::find_if(tree.rows.begin(), tree.rows.end(), [&](const TreeRow& r) { return r.path == path; });
  REQUIRE_MESSAGE(found != tree.rows.end(), path);
  return *found;
}

}  // namespace

TEST_CASE("model tree: shapes, parameters and multiply-accumulates of layers, by hand") {
  MaskRcnn model(small_config(), 0);
  const ModelTree tree = model_tree(model, two_photos());  // 128 x 128

  const TreeRow& stem = row(tree, "backbone.body.conv1");
  CHECK(stem.depth == 3);
  CHECK(stem.output == Shape{2, 64, 64, 64});
  CHECK(stem.parameters == 64 * 7 * 7 * 3);
  CHECK(stem.macs == 2.0 * 64 * 64 * 64 * 7 * 7 * 3);
  CHECK(stem.bytes == size_t(2 * 64 * 64 * 64 * 4));
  CHECK(row(tree, "backbone.body.bn1").parameters == 128);  // weight and bias, not the statistics

  // Five levels of 32, 16, 8, 4 and 2 cells a side meet the same layer.
  CHECK(row(tree, "rpn.head.conv").macs == 2.0 * (1024 + 256 + 64 + 16 + 4) * 64 * 64 * 9);
  // A transposed convolution's weights meet its input's cells.
  const TreeRow& deconvolution = row(tree, "roi_heads.mask_predictor.conv5_mask");
  const double detections = double(deconvolution.output[0]);
  CHECK(deconvolution.macs == detections * 14 * 14 * 64 * 64 * 4);
  // A linear layer meets each RoI once.
  const TreeRow& fc6 = row(tree, "roi_heads.box_head.fc6");
  CHECK(fc6.macs == double(fc6.output[0]) * 128 * 64 * 49);

  const TreeRow& whole = tree.rows.at(0);
  CHECK(whole.depth == 0);
  double macs = 0, bytes = 0;
  int64_t parameters = 0;
  for (const char* part : {"backbone", "rpn", "roi_heads"})
    macs += row(tree, part).macs, bytes += double(row(tree, part).bytes), parameters += row(tree, part).parameters;
  CHECK(whole.macs == macs);
  CHECK(double(whole.bytes) == bytes);
  CHECK(whole.parameters == parameters);
  CHECK(whole.milliseconds > 0);
}

TEST_CASE("layer log: only what is computed while it lives is written into it") {
  MaskRcnn model(small_config(), 0);
  LayerLog outer;
  {
    LayerLog inner;
    model.detect(two_photos());
    CHECK(!inner.layers.empty());
  }
  CHECK(outer.layers.empty());
  CHECK(LayerLog::current() == &outer);
}
