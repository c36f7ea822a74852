// How sure a difference of AP is: the images are drawn again and again with replacement, as many as there are, and AP
// is computed anew each time (Efron 1979).  Paired: all contenders see the same draws, so that what makes an image hard
// for all of them cancels.  Nothing is matched again: an image that is drawn n times counts n times.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "eval/matches.h"

namespace sil {

// AP (mean over IoU and recall thresholds and the categories with objects) where image i counts weight[i] times: that
// of a data set with so many copies of it.
class WeightedAp {
 public:
  // image_ids: all images, those without objects and detections too; they give the weights' order.
  WeightedAp(const Matches&, std::span<const int64_t> image_ids, std::vector<double> recall_thresholds);

  double operator()(std::span<const uint16_t> weights) const;  // -1 without any object
  size_t images() const { return images_; }

 private:
  struct Hit {
    uint32_t row, image;  // place in `images` of its class, index of the image
  };
  struct Class {
    std::vector<uint32_t> images;                        // by detection, best score first
    std::vector<std::vector<Hit>> right, ignored;        // by threshold
    std::vector<std::pair<uint32_t, uint32_t>> objects;  // image, how many
  };
  // Of one class, at all thresholds; none without objects.
  std::optional<double> precision_of(const Class&, std::span<const uint16_t> weights) const;
  double sum_of(const Class&, size_t threshold, double objects, std::span<const uint32_t> seen,
                std::span<const uint16_t> weights) const;

  size_t images_ = 0, thresholds_ = 0;
  std::vector<double> recalls_;
  std::vector<Class> classes_;
};

// AP of each contender in each sample, [contenders][samples].  The same numbers for any number of threads.
std::vector<std::vector<double>> bootstrap(std::span<const WeightedAp> contenders, int samples, uint64_t seed);

struct Difference {
  double low = 0, high = 0;  // the middle 95 % of the samples' differences
  double above = 0;          // share of the samples in which the second is above the first
};
// second - first, sample by sample.  Percentiles between two samples are interpolated.
Difference difference(std::span<const double> first, std::span<const double> second);

}  // namespace sil
