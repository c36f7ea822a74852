#include "eval/calibration.h"

#include <algorithm>
#include <cmath>

namespace sil {

Calibration calibration(const Matches& matches, size_t threshold) {
  constexpr int N = std::tuple_size_v<decltype(Calibration::bins)>;
  Calibration out;
  for (int i = 0; i < N; ++i) out.bins[size_t(i)] = {double(i) / N, double(i + 1) / N, 0, 0, 0};
  const auto bin_of = [&](double score) {  // the bins' own ends decide, not score * 10, which rounds
    int i = std::min(int(score * N), N - 1);
    if (i > 0 && score < out.bins[size_t(i)].low) --i;
    if (i + 1 < N && score >= out.bins[size_t(i)].high) ++i;
    return size_t(i);
  };
  for (const Matches::Class& c : matches.classes)
    for (const Matches::Row& row : c.rows) {
      if (row.ignored >> threshold & 1) continue;
      if (!(row.score >= 0 && row.score <= 1)) {
        ++out.outside;
        continue;
      }
      Calibration::Bin& bin = out.bins[bin_of(row.score)];
      ++bin.detections;
      bin.score += row.score;
      bin.precision += double(row.right >> threshold & 1);
      ++out.detections;
    }
  for (Calibration::Bin& bin : out.bins) {
    if (bin.detections == 0) continue;
    bin.score /= double(bin.detections);
    bin.precision /= double(bin.detections);
    out.ece += double(bin.detections) / double(out.detections) * std::abs(bin.precision - bin.score);
  }
  return out;
}

}  // namespace sil
