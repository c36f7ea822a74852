#include "viz/mask_facts.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

namespace sil {
namespace {

// Calls f with each outline, holes' too.
template <class F>
void for_each_outline(const std::vector<Contour>& regions, F f) {
  for (const Contour& region : regions) {
    f(region.outer);
    for (const Polygon& hole : region.holes) f(hole);
  }
}

// Edges run along x or along y alone.
double length(const Polygon& outline) {
  double sum = 0;
  for (size_t i = 0, j = outline.size() - 2; i < outline.size(); j = i, i += 2)
    sum += std::abs(outline[i] - outline[j]) + std::abs(outline[i + 1] - outline[j + 1]);
  return sum;
}

void append_exact(std::string& path, const Polygon& p) {
  fmt::format_to(std::back_inserter(path), "M{} {}", int64_t(p[0]), int64_t(p[1]));
  for (size_t i = 2; i < p.size(); i += 2)
    if (p[i + 1] == p[i - 1])
      fmt::format_to(std::back_inserter(path), "H{}", int64_t(p[i]));
    else
      fmt::format_to(std::back_inserter(path), "V{}", int64_t(p[i + 1]));
  path += 'Z';
}

void append_coarse(std::string& path, const Polygon& p, double step) {
  double x = p[0], y = p[1];
  size_t corners = 1;
  std::string out = fmt::format("M{} {}", int64_t(x), int64_t(y));
  for (size_t i = 2; i < p.size(); i += 2) {
    if (std::abs(p[i] - x) + std::abs(p[i + 1] - y) < step) continue;
    x = p[i];
    y = p[i + 1];
    ++corners;
    fmt::format_to(std::back_inserter(out), "L{} {}", int64_t(x), int64_t(y));
  }
  if (corners >= 3)
    path += out + "Z";
  else
    fmt::format_to(std::back_inserter(path), "M{} {}h{}v{}h-{}Z", int64_t(p[0]), int64_t(p[1]), step, step, step);
}

}  // namespace

MaskFacts mask_facts(RleView mask, const std::vector<Contour>& regions) {
  MaskFacts out;
  out.area = area(mask);
  out.box = bounding_box(mask);
  out.parts = int64_t(regions.size());
  for (const Contour& region : regions) out.holes += int64_t(region.holes.size());
  for_each_outline(regions, [&](const Polygon& p) { out.perimeter += length(p); });
  const auto [x, y, w, h] = out.box;
  out.touches_border =
      out.area > 0 && (x == 0 || y == 0 || x + w == double(mask.width) || y + h == double(mask.height));
  return out;
}

std::string exact_path(const std::vector<Contour>& regions) {
  std::string path;
  for_each_outline(regions, [&](const Polygon& p) { append_exact(path, p); });
  return path;
}

std::string coarse_path(const std::vector<Contour>& regions, double step) {
  std::string path;
  for_each_outline(regions, [&](const Polygon& p) { append_coarse(path, p, step); });
  return path;
}

}  // namespace sil
