#include "viz/object_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "data/json_reader.h"
#include "tensor/check.h"
#include "viz/mask_facts.h"

namespace sil {

std::string json_or_null(double x) { return std::isfinite(x) ? json_number(x) : "null"; }

std::string list(const std::array<double, 4>& v) {
  return fmt::format("[{},{},{},{}]", json_or_null(v[0]), json_or_null(v[1]), json_or_null(v[2]), json_or_null(v[3]));
}

static std::string facts_json(const MaskFacts& f, const std::string& path) {
  return fmt::format(R"(,"area":{},"box":{},"parts":{},"holes":{},"perimeter":{},"border":{},"path":"{}")", f.area,
                     list(f.box), f.parts, f.holes, json_or_null(f.perimeter), f.touches_border, path);
}

std::string mask_json(const Annotation& a, const Photo& photo) {
  try {
    const Rle mask = to_rle(a, photo);
    const std::vector<Contour> regions = contours(mask);
    return facts_json(mask_facts(mask, regions), exact_path(regions));
  } catch (const Error& e) {
    return fmt::format(R"(,"fault":{})", json_string(e.what()));
  }
}

std::string thumbnail_path(const Annotation& a, const Photo& photo) {
  const double step = std::max(1.0, std::ceil(2.0 * std::max(photo.width, photo.height) / kThumbnail) / 2);
  try {
    return coarse_path(contours(to_rle(a, photo)), std::ceil(step));
  } catch (const Error&) {
    return "";
  }
}

}  // namespace sil
