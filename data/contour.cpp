// A column's stretches have a top and a bottom edge each.  With the mask at the right hand, tops are walked to the
// right and bottoms to the left; between two columns the walk goes up or down to where the next edge leaves.  On that
// line the ends of edges, sorted, pair up: from the first to the second exactly one of the columns is inside, and so
// on.  Runs are enough for this, pixels are never laid out.
#include "data/contour.h"

#include <algorithm>

namespace sil {

namespace {

constexpr size_t kNone = ~size_t(0);

struct Edge {
  int64_t column, row;
};

// Edges by column, then row: of every stretch its top (even) and its bottom (odd).
std::vector<Edge> find_edges(RleView mask) {
  std::vector<Edge> edges;
  const int64_t height = mask.height;
  const auto add = [&](int64_t column, int64_t begin, int64_t end) {
    if (!edges.empty() && edges.back().column == column && edges.back().row == begin)
      edges.back().row = end;  // an empty run between
    else
      edges.insert(edges.end(), {{column, begin}, {column, end}});
  };
  int64_t position = 0;
  for (size_t i = 0; i + 1 < mask.counts.size(); i += 2) {
    const int64_t begin = position + mask.counts[i], end = begin + mask.counts[i + 1];
    position = end;
    if (begin == end) continue;
    for (int64_t column = begin / height; column * height < end; ++column)
      add(column, std::max(begin - column * height, int64_t(0)), std::min(end - column * height, height));
  }
  return edges;
}

class Outline {
 public:
  explicit Outline(RleView mask) : edges_(find_edges(mask)), next_(edges_.size()), previous_(edges_.size()) {
    size_t left = 0, left_end = 0;  // the edges of the column before
    for (size_t right = 0; right < edges_.size();) {
      size_t right_end = right;
      while (right_end < edges_.size() && edges_[right_end].column == edges_[right].column) ++right_end;
      if (left < left_end && edges_[left].column + 1 < edges_[right].column) {
        pair_up(left, left_end, right, right);
        left = left_end;
      }
      pair_up(left, left_end, right, right_end);
      left = right;
      left_end = right = right_end;
    }
    pair_up(left, left_end, left_end, left_end);
  }

  size_t size() const { return edges_.size(); }
  size_t next(size_t edge) const { return next_[edge]; }
  static bool is_top(size_t edge) { return edge % 2 == 0; }

  // Joins the walks of a stretch's top and of its bottom by a cut along the column's left side.
  void cut(size_t top) {
    const size_t bottom = top + 1, after = next_[bottom];
    link(previous_[top], after);
    link(bottom, top);
  }

  // The corners of the walk that `start` is on.
  Polygon walk(size_t start) const {
    Polygon corners;
    size_t edge = start;
    do {
      const auto [column, row] = edges_[edge];
      const size_t to = next_[edge];
      const double x = double(is_top(edge) ? column + 1 : column);
      if (row != edges_[to].row || is_top(edge) != is_top(to)) corners.insert(corners.end(), {x, double(row)});
      if (row != edges_[to].row) corners.insert(corners.end(), {x, double(edges_[to].row)});
      edge = to;
    } while (edge != start);
    return corners;
  }

 private:
  void link(size_t from, size_t to) {
    next_[from] = to;
    previous_[to] = from;
  }

  // Links the edges [left, left_end) and [right, right_end) of two neighbouring columns on the line between them.  Of
  // ends at one point a bottom comes before a top, so that pixels that meet at a corner alone stay apart.
  void pair_up(size_t left, size_t left_end, size_t right, size_t right_end) {
    size_t open = kNone;
    bool open_arrives = false;
    while (left < left_end || right < right_end) {
      const bool is_left =
          right == right_end || (left < left_end && (edges_[left].row < edges_[right].row ||
                                                     (edges_[left].row == edges_[right].row && !is_top(left))));
      const size_t edge = is_left ? left++ : right++;
      if (open == kNone) {
        open = edge;
        open_arrives = is_left == is_top(edge);
      } else {
        open_arrives ? link(open, edge) : link(edge, open);
        open = kNone;
      }
    }
  }

  std::vector<Edge> edges_;
  std::vector<size_t> next_, previous_;
};

// Calls outer(edge) or hole(edge, region) with the first edge of every walk; regions are counted by outers.
template <class Outer, class Hole>
void for_each_walk(const Outline& outline, Outer outer, Hole hole) {
  std::vector<size_t> region_of(outline.size(), kNone);
  size_t regions = 0;
  for (size_t first = 0; first < outline.size(); ++first) {
    if (region_of[first] != kNone) continue;
    // A hole's first edge is the bottom of the stretch above it, whose top was met before.
    const bool is_outer = Outline::is_top(first);
    const size_t region = is_outer ? regions++ : region_of[first - 1];
    for (size_t edge = first; region_of[edge] == kNone; edge = outline.next(edge)) region_of[edge] = region;
    is_outer ? outer(first) : hole(first, region);
  }
}

}  // namespace

std::vector<Contour> contours(RleView mask) {
  validate(mask);
  const Outline outline(mask);
  std::vector<Contour> out;
  for_each_walk(
      outline,
      [&](size_t edge) {
        out.push_back({outline.walk(edge), {}});
      },
      [&](size_t edge, size_t region) { out[region].holes.push_back(outline.walk(edge)); });
  return out;
}

std::vector<Polygon> to_polygons(RleView mask) {
  validate(mask);
  Outline outline(mask);
  std::vector<size_t> outers, holes;
  for_each_walk(
      outline, [&](size_t edge) { outers.push_back(edge); }, [&](size_t edge, size_t) { holes.push_back(edge); });
  for (const size_t bottom : holes) outline.cut(bottom - 1);
  std::vector<Polygon> parts;
  for (const size_t edge : outers) parts.push_back(outline.walk(edge));
  return parts;
}

}  // namespace sil
