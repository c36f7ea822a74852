#include "models/stage_diff.h"

#include <algorithm>
#include <cmath>

#include "tensor/check.h"
#include "tensor/ops.h"

namespace sil {
namespace {

using Rows = std::vector<std::vector<double>>;

std::vector<double> values_of(const Tensor& t) {
  const std::vector<double> none;
  if (t.numel() == 0) return none;
  if (t.dtype() != DType::i64) return ops::cast(t, DType::f64).to_vector<double>();
  const std::vector<int64_t> v = t.to_vector<int64_t>();
  return {v.begin(), v.end()};
}

Rows rows_of(const Tensor& t) {
  const std::vector<double> v = values_of(t);
  Rows rows(size_t(t.dim(0)));
  const size_t width = rows.empty() ? 0 : v.size() / rows.size();
  for (size_t i = 0; i < rows.size(); ++i)
    rows[i].assign(v.begin() + std::ptrdiff_t(i * width), v.begin() + std::ptrdiff_t((i + 1) * width));
  return rows;
}

// A detection as a row in which another label or score is as far as many pixels.
Rows detection_rows(const Stages& s) {
  Rows rows = rows_of(s.at("detections.boxes"));
  const std::vector<double> scores = values_of(s.at("detections.scores")),
                            labels = values_of(s.at("detections.labels"));
  check(scores.size() == rows.size() && labels.size() == rows.size(), "{} boxes, {} scores and {} labels of detections",
        rows.size(), scores.size(), labels.size());
  for (size_t i = 0; i < rows.size(); ++i) rows[i].push_back(1e3 * labels[i]), rows[i].push_back(1e2 * scores[i]);
  return rows;
}

double distance(const std::vector<double>& a, const std::vector<double>& b) {
  double most = 0;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) most = std::max(most, std::abs(a[i] - b[i]));
  return most;
}

// For each row of `want` the nearest row of `got` that is not yet another's, within the tolerance; else -1.
std::vector<int64_t> match(const Rows& want, const Rows& got, double tolerance) {
  std::vector<bool> taken(got.size());
  std::vector<int64_t> out(want.size(), -1);
  for (size_t i = 0; i < want.size(); ++i) {
    double best = tolerance;
    for (size_t j = 0; j < got.size(); ++j) {
      const double d = taken[j] ? INFINITY : distance(want[i], got[j]);
      if (d < best || (d == best && out[i] < 0)) best = d, out[i] = int64_t(j);
    }
    if (out[i] >= 0) taken[size_t(out[i])] = true;
  }
  return out;
}

StageDiff counted(const std::string& name, const std::vector<int64_t>& matched, size_t got, double least) {
  const int64_t want = int64_t(matched.size());
  const int64_t found = std::count_if(matched.begin(), matched.end(), [](int64_t j) { return j >= 0; });
  const double part = want ? double(found) / double(want) : 1;
  const bool beyond = part < least || std::abs(want - int64_t(got)) > std::max<int64_t>(1, want / 100);
  return {name, {}, 0, beyond, fmt::format("{:.2f}% of the rows found, {} rows for {}", 100 * part, got, want)};
}

double tolerance_of(const std::string& name, double rtol) {
  if (name.starts_with("grad.")) return 30 * rtol;
  if (name.starts_with("moved.")) return 100 * rtol;
  return name.starts_with("curve.") || name.starts_with("detections.masks") || name == "mask_logits" ? 10 * rtol : rtol;
}

// The largest difference of a step's loss, relative to that loss.
StageDiff step_by_step(const std::string& name, const std::vector<double>& want, const std::vector<double>& got,
                       double rtol) {
  double error = 0;
  for (size_t i = 0; i < want.size(); ++i) {
    const double apart = std::abs(want[i] - got[i]) / std::max(std::abs(want[i]), 1e-12);
    error = apart <= error ? error : apart;  // NaN stays
  }
  const double tolerance = tolerance_of(name, rtol);
  return {name, error, tolerance, !(error <= tolerance), fmt::format("relative error of a step {:.2e}", error)};
}

StageDiff measured(const std::string& name, const std::vector<double>& want, const std::vector<double>& got,
                   double rtol) {
  double apart = 0, norm = 0;
  for (size_t i = 0; i < want.size(); ++i) apart += (want[i] - got[i]) * (want[i] - got[i]), norm += want[i] * want[i];
  const double error = std::sqrt(apart) / std::max(std::sqrt(norm), 1e-12), tolerance = tolerance_of(name, rtol);
  return {name, error, tolerance, !(error <= tolerance), fmt::format("relative L2 error {:.2e}", error)};
}

// Rows of both that belong together, one after the other.
std::pair<std::vector<double>, std::vector<double>> matched_rows(const Tensor& want, const Tensor& got,
                                                                 const std::vector<int64_t>& matched) {
  const Rows w = rows_of(want), g = rows_of(got);
  std::pair<std::vector<double>, std::vector<double>> out;
  for (size_t i = 0; i < matched.size(); ++i) {
    if (matched[i] < 0) continue;
    const std::vector<double>&a = w.at(i), &b = g.at(size_t(matched[i]));
    out.first.insert(out.first.end(), a.begin(), a.end());
    out.second.insert(out.second.end(), b.begin(), b.end());
  }
  return out;
}

bool same_but_rows(const Tensor& a, const Tensor& b) {
  return a.rank() == b.rank() && a.rank() > 0 &&
         std::equal(a.shape().dims().begin() + 1, a.shape().dims().end(), b.shape().dims().begin() + 1);
}

}  // namespace

std::vector<StageDiff> diff_stages(const Stages& want, const Stages& got, double rtol) {
  std::optional<std::vector<int64_t>> detections;
  if (want.contains("detections.boxes") && got.contains("detections.boxes"))
    detections = match(detection_rows(want), detection_rows(got), 0.5);
  std::vector<StageDiff> out;
  for (const auto& [name, w] : want) {
    const auto found = got.find(name);
    if (found == got.end()) {
      out.push_back({name, {}, 0, true, "missing"});
      continue;
    }
    const Tensor& g = found->second;
    const bool of_detections =
        detections && (name.starts_with("detections.") || name == "mask_features" || name == "mask_logits");
    if (!(w.shape() == g.shape()) && !((of_detections || name.starts_with("proposals.")) && same_but_rows(w, g))) {
      out.push_back({name, {}, 0, true, fmt::format("{} for {}", g.shape(), w.shape())});
    } else if (name.starts_with("proposals.")) {
      out.push_back(counted(name, match(rows_of(w), rows_of(g), 0.05), size_t(g.dim(0)), 0.99));
    } else if (of_detections) {
      const auto [a, b] = matched_rows(w, g, *detections);
      StageDiff d = measured(name, a, b, rtol);
      if (name == "detections.boxes") {
        const StageDiff rows = counted(name, *detections, size_t(g.dim(0)), 0.98);
        d.beyond |= rows.beyond;
        d.text = rows.text + ", " + d.text;
      }
      out.push_back(d);
    } else if (name.starts_with("curve.")) {
      out.push_back(step_by_step(name, values_of(w), values_of(g), rtol));
    } else {
      out.push_back(measured(name, values_of(w), values_of(g), rtol));
    }
  }
  return out;
}

}  // namespace sil
