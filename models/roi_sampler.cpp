#include "models/roi_sampler.h"

#include "tensor/ops.h"

namespace sil {
namespace {

// Rows of samples, those that are not empty first.  On the CPU as many as they need, rounded up.
Tensor trimmed(const Tensor& rows) {
  if (rows.device().kind() != Device::Kind::cpu) return rows;
  std::vector<int32_t> values = packed(rows).to_vector<int32_t>();
  values.resize(size_t(row_capacity(int64_t(values.size()))), -1);
  return Tensor::of({int64_t(values.size())}, values);
}

}  // namespace

int64_t row_capacity(int64_t rows) {
  int64_t step = 8;
  while (step * 16 < rows) step *= 2;
  return (rows + step - 1) / step * step;
}

Samples sample_rois(const Rois& proposals, const Targets& targets, int64_t photos, const BoxConfig& config,
                    const Tensor& key) {
  const Rois all{ops::concat({proposals.boxes, targets.boxes}, 0), ops::concat({proposals.image, targets.image}, 0)};
  const Tensor matched = ops::match_boxes(all.boxes, all.image, targets.boxes, targets.image, photos, config.matcher);
  const ops::Sampled drawn = ops::sample(matched, all.image, targets.labels, photos, key, config.sampler);

  const Tensor rows = trimmed(drawn.rows);
  Samples s;
  s.count = drawn.count;
  s.rois = {ops::gather_rows(all.boxes, rows), ops::lookup(all.image, rows)};
  s.labels = trimmed(drawn.labels);
  s.positive = trimmed(drawn.positive);
  const Tensor positive_rows = ops::lookup(rows, s.positive);
  s.positive_rois = {ops::gather_rows(all.boxes, positive_rows), ops::lookup(all.image, positive_rows)};
  s.positive_labels = ops::lookup(s.labels, s.positive);
  s.positive_object = ops::lookup(matched, positive_rows);
  return s;
}

}  // namespace sil
