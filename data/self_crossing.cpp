#include <algorithm>
#include <numeric>

#include "data/validate.h"

namespace sil {

namespace {

struct Point {
  double x, y;
};

struct Edge {
  Point a, b;
  double left() const { return std::min(a.x, b.x); }
  double right() const { return std::max(a.x, b.x); }
};

// Above 0 if c lies to the left of a -> b.
double side(Point a, Point b, Point c) { return (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x); }

bool apart(double u, double v) { return (u > 0 && v < 0) || (u < 0 && v > 0); }

bool cross(const Edge& e, const Edge& f) {
  return apart(side(e.a, e.b, f.a), side(e.a, e.b, f.b)) && apart(side(f.a, f.b, e.a), side(f.a, f.b, e.b));
}

}  // namespace

bool self_crossing(const Polygon& outline) {
  std::vector<Edge> edges;
  const size_t n = outline.size() / 2;
  for (size_t i = 0; i < n; ++i) {
    const size_t j = (i + 1) % n;
    edges.push_back({{outline[2 * i], outline[2 * i + 1]}, {outline[2 * j], outline[2 * j + 1]}});
  }
  // From left to right, an edge can only cross those that begin before it ends.
  std::sort(edges.begin(), edges.end(), [](const Edge& e, const Edge& f) { return e.left() < f.left(); });
  for (size_t i = 0; i < edges.size(); ++i)
    for (size_t j = i + 1; j < edges.size() && edges[j].left() <= edges[i].right(); ++j)
      if (cross(edges[i], edges[j])) return true;
  return false;
}

}  // namespace sil
