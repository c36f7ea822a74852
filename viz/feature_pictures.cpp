#include <fmt/format.h>

#include <algorithm>

#include "viz/plot.h"
#include "viz/stage_parts.h"
#include "viz/stage_pictures.h"

namespace sil {

Tensor draw_input(const StageMap& stages) {
  const Tensor photo = photo_of(stages);
  return figure(
      "Input",
      fmt::format("The photo as the network sees it: resized, normalised by ImageNet's mean and deviation (taken back "
                  "here), padded with zeros on the right and below to {} x {}, multiples of 32, so that every "
                  "level of the pyramid has whole cells.",
                  photo.dim(1), photo.dim(0)),
      {{enlarge(photo, factor_of(photo)), fmt::format("input [1, 3, {}, {}]", photo.dim(0), photo.dim(1))}}, 1);
}

Tensor draw_feature_maps(const StageMap& stages) {
  std::vector<Panel> panels;
  const Tensor& finest = stages.at("c2");  // its sides double level by level, so one side fits all
  const int cells = int(std::max({finest.dim(2), finest.dim(3), int64_t(1)})), side = cells * std::max(1, 264 / cells);
  for (const char* name : {"c2", "c3", "c4", "c5", "p2", "p3", "p4", "p5", "p6"}) {
    const Tensor map = strength(stages.at(name));
    const auto [low, high] = extremes(map);
    panels.push_back(
        map_panel(map, low, high,
                  fmt::format("{} {} x {}, {} channels", name, map.dim(1), map.dim(0), stages.at(name).dim(1)), side));
    if (panels.size() == 4) panels.push_back({blank(8, 8).pixels(), ""});  // five columns, and there is no c6
  }
  return figure(
      "Feature maps",
      "Mean of |x| over the channels, dark is strong; each map on its own scale. Above: the residual network's four "
      "stages, each half the size of the one before. Below: the pyramid (Lin et al. 2017, fig. 3): each level is the "
      "stage above it, brought to 256 channels, plus the coarser level, so that fine maps know what coarse ones "
      "found; p6 is every second cell of p5.",
      panels, 5);
}

}  // namespace sil
