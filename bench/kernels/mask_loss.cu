// The mask loss, forward and backward: He et al. 2017, section 3.
//
// Of each positive RoI's K masks of 28 x 28 logits one counts: that of its object's class.  Its target is RoIAlign of
// the object's own mask, which lies in memory as runs.  The gradient is zero but for that class.  What must move: the
// logits that count, by sectors of 32 bytes, and the gradient, which is almost all: 1,024 RoIs and 91 classes are 292
// MB of it in float32, of which 3.2 MB are not zero.
//
// 1  Three passes, each plain: all targets, read by read, four pixels each and for each a binary search in the runs;
//    the loss over all classes' logits, which writes the gradient; the gradient times dy.  So the gradient is written,
//    read and written again, and logits that do not count are fetched.
// 2  The forward pass is the library's: a thread goes down the columns of its bin, each pixel once, run by run; targets
//    are made where they are needed and never stored, only logits that count are read, and of the gradient only what is
//    not zero is kept.  Backward, a thread an element writes zero or that: two 64-bit divisions an element tell which.
// 3  The library's backward as well: a block writes zeros, 16 bytes a thread and nothing to compute, then its 64
//    pixels' own elements on top, while they are still in the cache.
#include "bench/kernels/problem.h"
#include "cuda/block.h"
#include "cuda/dispatch.h"
#include "cuda/mask_targets.h"

namespace sil::SIL_GPU {
namespace {

struct MaskProblem {
  Tensor logits, labels, rois, object;
  MaskRuns masks;

  MaskProblem to(Device d) const {
    return {
        logits.to(d), labels.to(d), rois.to(d), object.to(d), {masks.ends.to(d), masks.begin.to(d), masks.size.to(d)}};
  }
};

// Ellipses, and RoIs around them.
MaskProblem mask_problem(LadderSize size) {
  const bool real = size == LadderSize::real;
  const int64_t rows = real ? 1024 : 6, side = real ? 28 : 7, classes = real ? 91 : 5, objects = real ? 64 : 3;
  const int32_t height = real ? 800 : 40, width = real ? 1344 : 50;
  const std::vector<float> boxes = random_boxes(objects, 1, float(width), float(height)).to_vector<float>();
  std::vector<int32_t> ends, begin{0}, sizes, labels, object;
  for (int64_t o = 0; o < objects; ++o) {
    const float* b = boxes.data() + 4 * o;
    for (int32_t x = int32_t(b[0]); x < int32_t(b[2]); ++x) {
      const float u = 2 * (float(x) + 0.5f - b[0]) / (b[2] - b[0]) - 1, half = std::sqrt(u * u < 1 ? 1 - u * u : 0) / 2;
      ends.push_back(x * height + int32_t((0.5f - half) * (b[3] - b[1]) + b[1]));
      ends.push_back(x * height + int32_t((0.5f + half) * (b[3] - b[1]) + b[1]));
    }
    ends.push_back(height * width);
    begin.push_back(int32_t(ends.size()));
    sizes.insert(sizes.end(), {height, width});
  }
  std::vector<float> rois;
  for (int64_t r = 0; r < rows; ++r) {
    const auto shift = [&](uint64_t i) { return 20 * RngKey{uint64_t(r)}.uniform(i) - 10; };
    const int64_t o = r % objects;
    object.push_back(int32_t(o)), labels.push_back(r % 7 == 6 ? -1 : int32_t(r * 5 % classes));
    for (size_t i = 0; i < 4; ++i) rois.push_back(boxes[size_t(4 * o) + i] + shift(i));
  }
  return {
      random_floats({rows, side, side, classes}, 2, -5, 5),
      Tensor::of({rows}, labels),
      Tensor::of({rows, 4}, rois),
      Tensor::of({rows}, object),
      {Tensor::of({int64_t(ends.size())}, ends), Tensor::of({objects + 1}, begin), Tensor::of({objects, 2}, sizes)}};
}

// As mask_target, straight from the definition.
__device__ float read_by_read(const Masks& masks, int32_t object, const Box<float>& roi, int side, int i, int j) {
  const int32_t begin = masks.begin[object], end = masks.begin[object + 1];
  const Runs mask{masks.ends + begin, end - begin, masks.size[2 * object], masks.size[2 * object + 1]};
  const RoiAxis<float> y = roi_axis(roi.y1, roi.y2, 1.0f, side), x = roi_axis(roi.x1, roi.x2, 1.0f, side);
  const int samples_y = adaptive_samples(y), samples_x = adaptive_samples(x);
  const auto pixel = [&](int row, int column) { return float(mask.run_of(int64_t(column) * mask.height + row) % 2); };
  float sum = 0;
  for (int a = 0; a < samples_y; ++a)
    for (int b = 0; b < samples_x; ++b) {
      const LinearRead<float> down = roi_read(roi_sample(y, i, a, samples_y), mask.height);
      const LinearRead<float> across = roi_read(roi_sample(x, j, b, samples_x), mask.width);
      sum += down.w0 * (across.w0 * pixel(down.i0, across.i0) + across.w1 * pixel(down.i0, across.i1)) +
             down.w1 * (across.w0 * pixel(down.i1, across.i0) + across.w1 * pixel(down.i1, across.i1));
    }
  return sum / float(samples_y * samples_x);
}

__global__ void all_targets(int64_t n, int side, const float* rois, const int32_t* object, Masks masks,
                            float* targets) {
  for (int64_t e = thread_index(); e < n; e += thread_count()) {
    const int64_t r = e / side / side;
    targets[e] =
        read_by_read(masks, object[r], load_box<float>(rois + 4 * r), side, int(e / side % side), int(e % side));
  }
}

// A block a row; `share` is 1 / (rows that take part * pixels).
__global__ void all_classes(int64_t pixels, int64_t classes, const float* logits, const float* targets,
                            const int32_t* labels, float share, double* parts, float* dlogits) {
  const int64_t r = blockIdx.x;
  double sum = 0;
  for (int64_t i = threadIdx.x; i < pixels * classes; i += blockDim.x) {
    const int64_t at = r * pixels * classes + i;
    const float x = logits[at], target = targets[r * pixels + i / classes], e = std::exp(-std::abs(x));
    const bool mine = labels[r] >= 0 && i % classes == labels[r];
    if (mine) sum += double((x > 0 ? x : 0.0f) - x * target + std::log1p(e));
    dlogits[at] = mine ? ((x >= 0 ? 1.0f : e) / (1 + e) - target) * share : 0.0f;
  }
  sum = block_sum(sum);
  if (threadIdx.x == 0) parts[r] = sum;
}

__global__ void add_all(int64_t n, const double* parts, float share, float* loss) {
  double sum = 0;
  for (int64_t i = threadIdx.x; i < n; i += blockDim.x) sum += parts[i];
  sum = block_sum(sum);
  if (threadIdx.x == 0) *loss = float(sum * double(share));
}

__global__ void times_dy(int64_t n, const float* dy, float* dlogits) {
  for (int64_t e = thread_index(); e < n; e += thread_count()) dlogits[e] *= *dy;
}

__global__ void thread_an_element(int64_t n, int64_t of_row, int64_t classes, const float* dy, const float* slope,
                                  const int32_t* labels, float* dlogits) {
  for (int64_t e = thread_index(); e < n; e += thread_count()) {
    const int64_t pixel = e / classes;
    dlogits[e] = e % classes == labels[pixel / of_row] ? slope[pixel] * *dy : 0.0f;
  }
}

}  // namespace

Ladder mask_loss_ladder(Device device, LadderSize size) {
  const MaskProblem host = mask_problem(size), p = host.to(device);
  const int64_t rows = p.logits.dim(0), side = p.logits.dim(1), pixels = side * side, classes = p.logits.dim(3);
  const ops::MaskLoss want = ops::mask_loss(host.logits, host.labels, host.rois, host.object, host.masks);
  const Tensor dy = Tensor::full({}, 0.5, DType::f32, device);
  int64_t counted = 0;
  for (int32_t label : host.labels.to_vector<int32_t>()) counted += label >= 0;
  const float share = float(1 / double(counted * pixels));

  const Shape soft{rows, side, side};
  Tensor loss({}, DType::f32, device), slope(soft, DType::f32, device), dlogits(p.logits.shape(), DType::f32, device);
  const Tensor targets(soft, DType::f32, device), parts({2 * rows}, DType::f32, device);  // doubles
  const float *logits = p.logits.data<float>(), *rois = p.rois.data<float>(), *scale = dy.data<float>();
  const int32_t *labels = p.labels.data<int32_t>(), *object = p.object.data<int32_t>();
  const Masks masks = masks_of(p.masks);
  auto forward = [=]() mutable {
    Scratch scratch(device);
    device.kernels().mask_loss({}, p.logits, p.labels, p.rois, p.object, p.masks, loss, slope, scratch);
  };
  return {.bytes = 36.0 * double(rows * pixels) + double(dlogits.bytes()),
          .flop = 20.0 * double(rows * pixels),
          .outputs = {loss, dlogits},
          .expected = {want.value,
                       ops::mask_loss_backward(Tensor::full({}, 0.5), want.slope, host.labels, classes, DType::f32)},
          .versions = {{"targets, loss over all classes, times dy",
                        [=] {
                          launch({}, "all_targets", over(targets.numel()), all_targets, targets.numel(), int(side),
                                 rois, object, masks, targets.data<float>());
                          double* part = static_cast<double*>(parts.raw());
                          launch({}, "all_classes", {dim3(unsigned(rows)), kThreads}, all_classes, pixels, classes,
                                 logits, targets.data<float>(), labels, share, part, dlogits.data<float>());
                          launch({}, "add_all", {1, kThreads}, add_all, rows, part, share, loss.data<float>());
                          launch({}, "times_dy", over(dlogits.numel()), times_dy, dlogits.numel(), scale,
                                 dlogits.data<float>());
                        }},
                       {"forward fused, backward a thread an element",
                        [=]() mutable {
                          forward();
                          launch({}, "thread_an_element", over(dlogits.numel()), thread_an_element, dlogits.numel(),
                                 pixels, classes, scale, slope.data<float>(), labels, dlogits.data<float>());
                        }},
                       {"the library's: zeros by 16 bytes, the class on top", [=]() mutable {
                          forward();
                          device.kernels().mask_loss_backward({}, dy, slope, p.labels, dlogits);
                        }}}};
}

}  // namespace sil::SIL_GPU
