#include <doctest/doctest.h>

#include <cmath>

#include "tensor/geometry.h"
#include "tensor/ops.h"
#include "tests/cpu/golden.h"
#include "tests/cpu/random_boxes.h"

using namespace sil;

namespace {

// -- plain loops: one read at a time, in double
// ------------------------------------------------------------------------

// Weight of each pixel of one axis in a read at `at`.
std::vector<double> axis_weights(double at, int64_t size) {
  std::vector<double> w(size_t(size), 0.0);
  if (std::isnan(at) || at < -1 || at > double(size)) return w;
  at = std::min(std::max(at, 0.0), double(size - 1));
  for (int64_t i = 0; i < size; ++i) w[size_t(i)] = std::max(0.0, 1 - std::abs(at - double(i)));
  return w;
}

int plain_level(const PlainBox& b, int finest, int levels) {
  const double level = std::floor(4 + std::log2(std::sqrt((b[2] - b[0]) * (b[3] - b[1])) / 224) + 1e-6);
  return std::isnan(level) ? 0 : int(std::clamp(level, double(finest), double(finest + levels - 1))) - finest;
}

// Calls f(level, n, y, x, bin y, bin x, weight) for every pixel that RoI r reads.
template <class F>
void plain_reads(const std::vector<Shape>& pyramid, const PlainBox& b, RoiAlignGeom g, F f) {
  const int level = plain_level(b, g.finest, int(pyramid.size()));
  const Shape& map = pyramid[size_t(level)];
  const double scale = 1.0 / double(1 << (g.finest + level));
  const auto length = [](double v) { return v < 1 ? 1.0 : v; };
  const double height = length((b[3] - b[1]) * scale), width = length((b[2] - b[0]) * scale);
  for (int i = 0; i < g.pooled * g.samples; ++i)
    for (int j = 0; j < g.pooled * g.samples; ++j) {
      const auto wy = axis_weights(b[1] * scale + height * (i + 0.5) / (g.pooled * g.samples), map[1]);
      const auto wx = axis_weights(b[0] * scale + width * (j + 0.5) / (g.pooled * g.samples), map[2]);
      for (int64_t y = 0; y < map[1]; ++y)
        for (int64_t x = 0; x < map[2]; ++x)
          if (const double w = wy[size_t(y)] * wx[size_t(x)]; w != 0)
            f(level, y, x, i / g.samples, j / g.samples, w / (g.samples * g.samples));
    }
}

struct Rois {
  std::vector<PlainBox> boxes;
  std::vector<int32_t> image;
};

std::vector<Shape> shapes_of(const std::vector<Tensor>& pyramid) {
  std::vector<Shape> s;
  for (const Tensor& t : pyramid) s.push_back(t.shape());
  return s;
}

Tensor plain_roi_align(const std::vector<Tensor>& pyramid, const Rois& rois, RoiAlignGeom g) {
  const int64_t channels = pyramid[0].dim(3), p = g.pooled;
  Tensor y = Tensor::zeros({int64_t(rois.boxes.size()), p, p, channels}, DType::f64);
  for (size_t r = 0; r < rois.boxes.size(); ++r) {
    if (rois.image[r] < 0) continue;
    plain_reads(shapes_of(pyramid), rois.boxes[r], g, [&](int l, int64_t py, int64_t px, int i, int j, double w) {
      const Tensor& map = pyramid[size_t(l)];
      for (int64_t c = 0; c < channels; ++c)
        y.data<double>()[((int64_t(r) * p + i) * p + j) * channels + c] +=
            w * map.data<double>()[((rois.image[r] * map.dim(1) + py) * map.dim(2) + px) * channels + c];
    });
  }
  return y;
}

Tensor random_map(const Shape& s, RngKey key) {
  std::vector<double> v(size_t(s.numel()));
  for (size_t i = 0; i < v.size(); ++i) v[i] = float(2 * key.uniform64(i) - 1);
  return Tensor::of<double>(s, v);
}

double largest_difference64(const Tensor& a, const Tensor& b) {
  const Tensor x = ops::cast(a, DType::f64), y = ops::cast(b, DType::f64);
  REQUIRE(x.shape() == y.shape());
  double d = 0;
  for (int64_t i = 0; i < x.numel(); ++i) {
    const double e = std::abs(x.data<double>()[i] - y.data<double>()[i]);
    d = e <= d ? d : e;
  }
  return d;
}

double dot(const Tensor& a, const Tensor& b) {
  double sum = 0;
  for (int64_t i = 0; i < a.numel(); ++i) sum += a.data<double>()[i] * b.data<double>()[i];
  return sum;
}

std::vector<Tensor> cast_all(const std::vector<Tensor>& pyramid, DType dtype) {
  std::vector<Tensor> out;
  for (const Tensor& t : pyramid) out.push_back(ops::cast(t, dtype));
  return out;
}

struct RoiCase {
  const char* what;
  std::vector<Shape> pyramid;
  int64_t count;
  BoxKind kind;
  RoiAlignGeom geom;
};

const std::vector<RoiCase> kCases{
    {"no RoIs", {{1, 8, 8, 3}}, 0, BoxKind::ordinary, {7, 2, 2}},
    {"no channels", {{1, 8, 8, 0}}, 3, BoxKind::ordinary, {7, 2, 2}},
    {"an empty map", {{1, 0, 8, 2}}, 3, BoxKind::ordinary, {7, 2, 2}},
    {"a map of one pixel", {{2, 1, 1, 1}}, 5, BoxKind::ordinary, {7, 2, 2}},
    {"odd sizes, three levels", {{2, 37, 51, 5}, {2, 19, 26, 5}, {2, 10, 13, 5}}, 21, BoxKind::ordinary, {7, 2, 2}},
    {"channels beyond a block", {{1, 12, 15, 300}}, 4, BoxKind::ordinary, {3, 2, 2}},
    {"mask head bins", {{1, 30, 40, 4}, {1, 15, 20, 4}}, 6, BoxKind::ordinary, {14, 2, 2}},
    {"one sample a bin", {{1, 30, 40, 4}}, 6, BoxKind::ordinary, {2, 1, 2}},
    {"eight samples a bin, one bin", {{1, 30, 40, 4}}, 6, BoxKind::ordinary, {1, 8, 2}},
    {"full resolution", {{1, 30, 40, 2}}, 6, BoxKind::ordinary, {5, 2, 0}},
    {"one-pixel boxes", {{2, 16, 16, 3}}, 12, BoxKind::one_pixel, {7, 2, 2}},
    {"huge aspect", {{2, 16, 16, 3}, {2, 8, 8, 3}}, 12, BoxKind::thin, {7, 2, 2}},
    {"outside the image", {{2, 16, 16, 3}, {2, 8, 8, 3}}, 12, BoxKind::outside, {7, 2, 2}},
    {"NaN coordinates", {{2, 16, 16, 3}, {2, 8, 8, 3}}, 12, BoxKind::nan, {7, 2, 2}},
};

Rois rois_of(const RoiCase& c, RngKey key) {
  const Shape& map = c.pyramid[0];
  const double scale = double(1 << c.geom.finest);
  Rois rois{random_boxes(c.count, c.kind, key, double(map[2]) * scale, double(map[1]) * scale), {}};
  for (int64_t r = 0; r < c.count; ++r) rois.image.push_back(r % 5 == 4 ? -1 : int32_t(r % map[0]));
  return rois;
}

std::vector<Tensor> maps_of(const RoiCase& c, RngKey key) {
  std::vector<Tensor> maps;
  for (const Shape& s : c.pyramid) maps.push_back(random_map(s, key.fold(maps.size())));
  return maps;
}

}  // namespace

TEST_CASE("roi_align: bins of a 5x5 ramp, by hand") {
  // Pixel (y, x) is 5 y + x.  A RoI from (1, 1) to (4, 4) at scale 1 has 3 bins of one pixel; bin i's reads lie at
  // 1.25 + i and 1.75 + i, their mean at 1.5 + i, and a ramp is its own mean.
  std::vector<float> ramp(25);
  for (int i = 0; i < 25; ++i) ramp[size_t(i)] = float(i);
  const Tensor y = ops::roi_align({Tensor::of<float>({1, 5, 5, 1}, ramp)}, Tensor::of<float>({1, 4}, {1, 1, 4, 4}),
                                  Tensor::of<int32_t>({1}, {0}), {3, 2, 0});
  CHECK(y.to_vector<float>() == std::vector<float>{9, 10, 11, 14, 15, 16, 19, 20, 21});
}

TEST_CASE("roi_align: the table of cases equals plain loops in double") {
  for (const RoiCase& c : kCases) {
    CAPTURE(c.what);
    const Rois rois = rois_of(c, RngKey{1});
    const auto maps = maps_of(c, RngKey{2});
    const Tensor want = plain_roi_align(maps, rois, c.geom), image = Tensor::of<int32_t>({c.count}, rois.image);
    CHECK(largest_difference64(ops::roi_align(maps, box_tensor<double>(rois.boxes), image, c.geom), want) < 1e-12);
    const Tensor boxes = box_tensor<float>(rois.boxes);
    CHECK(largest_difference64(ops::roi_align(cast_all(maps, DType::f32), boxes, image, c.geom), want) < 3e-5);
    // bfloat16 is exact input here, summed in float32 and rounded once: half of 2^-7 of values up to 1.
    const auto rounded = cast_all(maps, DType::bf16);
    const Tensor want_rounded = plain_roi_align(cast_all(rounded, DType::f64), rois, c.geom);
    CHECK(largest_difference64(ops::roi_align(rounded, boxes, image, c.geom), want_rounded) < 0x1p-9 + 3e-5);
  }
}

TEST_CASE("roi_align_backward: the table of cases is the adjoint of the plain loops") {
  for (const RoiCase& c : kCases) {
    CAPTURE(c.what);
    const Rois rois = rois_of(c, RngKey{3});
    const auto maps = maps_of(c, RngKey{4});
    const Tensor y = plain_roi_align(maps, rois, c.geom), dy = random_map(y.shape(), RngKey{5});
    const Tensor image = Tensor::of<int32_t>({c.count}, rois.image), boxes = box_tensor<double>(rois.boxes);
    const auto dx = ops::roi_align_backward(dy, boxes, image, c.pyramid, c.geom);
    double sum = 0;
    for (size_t l = 0; l < maps.size(); ++l) sum += dot(dx[l], maps[l]);
    CHECK(sum == doctest::Approx(dot(dy, y)).epsilon(1e-11));
    const auto dx32 =
        ops::roi_align_backward(ops::cast(dy, DType::f32), ops::cast(boxes, DType::f32), image, c.pyramid, c.geom);
    const auto dx16 =
        ops::roi_align_backward(ops::cast(dy, DType::bf16), ops::cast(boxes, DType::f32), image, c.pyramid, c.geom);
    for (size_t l = 0; l < maps.size(); ++l) {
      double largest = 1;
      for (double v : dx[l].to_vector<double>()) largest = std::max(largest, std::abs(v));
      CHECK(largest_difference64(dx32[l], dx[l]) < 3e-5 * largest);
      CHECK(largest_difference64(dx16[l], dx[l]) < 0x1p-7 * largest);
    }
  }
}

TEST_CASE("roi_align_backward: the same bits for any number of threads") {
  const RoiCase& c = kCases[4];
  const Rois rois = rois_of(c, RngKey{3});
  const Tensor image = Tensor::of<int32_t>({c.count}, rois.image), boxes = box_tensor<float>(rois.boxes);
  for (const int64_t channels : {5, 64, 100}) {
    std::vector<Shape> shapes = c.pyramid;
    for (Shape& s : shapes) s[3] = channels;
    const Tensor dy = ops::cast(random_map({c.count, 7, 7, channels}, RngKey{6}), DType::f32);
    const auto run = [&] { return ops::roi_align_backward(dy, boxes, image, shapes, c.geom); };
    const auto many = run();
    std::vector<Tensor> one;
#pragma omp parallel num_threads(2)
#pragma omp single
    one = run();  // inside a parallel region loops are serial
    for (size_t l = 0; l < shapes.size(); ++l) CHECK(many[l].to_vector<float>() == one[l].to_vector<float>());
  }
}

TEST_CASE("roi_align: forward and backward equal torchvision's over four levels") {
  const Golden golden("roi_align");
  const Tensor rois = golden.floats("rois"), image = golden.ints("image");
  std::vector<Tensor> maps;
  for (int64_t l = 0; l < 4; ++l) maps.push_back(pattern({2, 32 >> l, 40 >> l, 2}));
  const Tensor y7 = ops::roi_align(maps, rois, image, {7, 2, 2}), y14 = ops::roi_align(maps, rois, image, {14, 2, 2});
  CHECK(largest_difference(y7, golden.floats("y7")) < 2e-6);
  CHECK(largest_difference(ops::reduce(Reduce::sum, y14, {1, 2}), golden.floats("y14_sums")) < 2e-4);
  const auto dx = ops::roi_align_backward(pattern(y7.shape()), rois, image, shapes_of(maps), {7, 2, 2});
  for (size_t l = 0; l < 4; ++l) CHECK(largest_difference(dx[l], golden.floats("dx" + std::to_string(l))) < 1e-5);
}

TEST_CASE("roi_align: levels equal torchvision's, next to the boundaries too") {
  const Golden golden("roi_level");
  for (const std::string name : {"squares", "mixed"}) {
    const Tensor boxes = golden.floats(name);
    std::vector<int32_t> levels;
    for (int64_t r = 0; r < boxes.dim(0); ++r)
      levels.push_back(roi_level(load_box<float>(boxes.data<float>() + 4 * r), 2, 4));
    CHECK(levels == golden.ints(name + "_level").to_vector<int32_t>());
  }
}
