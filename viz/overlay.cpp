#include "viz/overlay.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "tensor/check.h"
#include "viz/canvas.h"
#include "viz/figure.h"

namespace sil {
namespace {

constexpr Rgb kRim{16, 16, 16};
constexpr int kSmallest = 448;  // pixels of the longer side

// Sizes that follow the picture's, so that a large photo's labels stay readable when it is shown small.
struct Style {
  int line, text, margin;
  explicit Style(const Canvas& c) {
    const int side = std::min(c.height(), c.width());
    line = std::clamp(side / 256, 1, 8) + 1;
    text = std::clamp(side / 32, 13, 96);
    margin = std::max(text / 5, 2);
  }
};

// Bits of a mask inside its bounding box, a pixel of room around it.
struct Patch {
  int x, y, width, height;
  std::vector<uint8_t> bits;
  bool at(int row, int column) const {
    return row >= 0 && column >= 0 && row < height && column < width &&
           bits[size_t(row) * size_t(width) + size_t(column)];
  }
};

Patch patch_of(const Rle& mask, int factor) {
  const auto [bx, by, bw, bh] = bounding_box(mask);
  const Tensor bits = decode(mask);
  const uint8_t* pixels = bits.data<uint8_t>();
  Patch p{int(bx) * factor - 1, int(by) * factor - 1, int(bw) * factor + 2, int(bh) * factor + 2, {}};
  p.bits.resize(size_t(p.width) * size_t(p.height));
  for (int y = 1; y + 1 < p.height; y++)
    for (int x = 1; x + 1 < p.width; x++)
      p.bits[size_t(y * p.width + x)] = pixels[((p.y + y) / factor) * mask.width + (p.x + x) / factor] != 0;
  return p;
}

// What stays after `steps` layers of pixels are taken off the edge.
Patch eroded(Patch p, int steps) {
  for (int s = 0; s < steps; s++) {
    const Patch before = p;
    for (int y = 0; y < p.height; y++)
      for (int x = 0; x < p.width; x++)
        p.bits[size_t(y * p.width + x)] =
            before.at(y, x) && before.at(y - 1, x) && before.at(y + 1, x) && before.at(y, x - 1) && before.at(y, x + 1);
  }
  return p;
}

void draw_mask(Canvas& canvas, const Patch& mask, Rgb colour, const Style& style) {
  const Patch inner = eroded(mask, style.line);
  for (int y = 0; y < mask.height; y++)
    for (int x = 0; x < mask.width; x++) {
      if (inner.at(y, x))
        canvas.blend(mask.y + y, mask.x + x, colour, 0.4);
      else if (mask.at(y, x))
        canvas.blend(mask.y + y, mask.x + x, colour, 1);
      else if (mask.at(y - 1, x) || mask.at(y + 1, x) || mask.at(y, x - 1) || mask.at(y, x + 1))
        canvas.blend(mask.y + y, mask.x + x, kRim, 0.75);
    }
}

Rect rect_of(const std::array<double, 4>& bbox, int factor) {
  const auto at = [factor](double v) { return int(std::lround(std::clamp(v, -1e6, 1e6) * factor)); };
  return {at(bbox[0]), at(bbox[1]), at(bbox[2]), at(bbox[3])};
}

void draw_box(Canvas& canvas, const Rect& box, Rgb colour, const Style& style) {
  canvas.frame({box.x - 1, box.y - 1, box.width + 2, box.height + 2}, style.line + 2, kRim, 0.75);
  canvas.frame(box, style.line, colour);
}

bool has_pixels(const OverlayObject& o) { return o.mask && area(*o.mask) > 0; }

// Around what is drawn: a mask may fill a part of its box alone.
Rect drawn_rect(const OverlayObject& o, int factor) {
  return rect_of(has_pixels(o) ? bounding_box(*o.mask) : o.bbox, factor);
}

std::string text_of(const OverlayObject& o) { return o.score ? fmt::format("{} {:.2f}", o.label, *o.score) : o.label; }

// Above the object, under it, or inside at its top: where the label hides least of the labels already there.
Rect place_label(const Canvas& canvas, const Rect& box, int width, int height, const std::vector<Rect>& taken) {
  const Rect tries[] = {{box.x, box.y - height, width, height},
                        {box.x, box.y + box.height, width, height},
                        {box.x + box.width - width, box.y - height, width, height},
                        {box.x + box.width - width, box.y + box.height, width, height},
                        {box.x, box.y, width, height},
                        {box.x, box.y + box.height - height, width, height}};
  Rect best;
  int64_t least = INT64_MAX;
  for (Rect r : tries) {
    const Rect wished = r;
    r.x = std::max(std::min(r.x, canvas.width() - width), 0);
    r.y = std::max(std::min(r.y, canvas.height() - height), 0);
    int64_t hidden = std::abs(r.x - wished.x) + std::abs(r.y - wished.y);  // prefers a place that need not move
    for (const Rect& other : taken) hidden += 4 * overlap(r, other);
    if (hidden < least) {
      least = hidden;
      best = r;
    }
  }
  return best;
}

void draw_label(Canvas& canvas, const std::string& text, const Rect& place, Rgb colour, const Style& style) {
  canvas.fill(place, kRim);
  canvas.fill({place.x + 1, place.y + 1, place.width - 2, place.height - 2}, colour);
  draw_text(canvas, text, place.x + style.margin, place.y + style.margin / 2 + 1, style.text, ink_on(colour));
}

std::vector<Rgb> colours_of(const std::vector<OverlayObject>& objects) {
  std::map<int, int> seen;
  std::vector<Rgb> colours;
  for (const OverlayObject& o : objects) colours.push_back(object_colour(o.class_index, seen[o.class_index]++));
  return colours;
}

}  // namespace

Tensor overlay(const Tensor& photo, const std::vector<OverlayObject>& objects) {
  check(photo.rank() == 3 && photo.dim(2) == 3 && photo.dtype() == DType::u8,
        "overlay: photo is {} {}; uint8 [H, W, 3] expected", name(photo.dtype()), photo.shape());
  for (const OverlayObject& o : objects)
    check(!o.mask || (o.mask->height == photo.dim(0) && o.mask->width == photo.dim(1)),
          "overlay: the mask of \"{}\" is {} x {} pixels; {} x {} expected, the photo's", o.label, o.mask->width,
          o.mask->height, photo.dim(1), photo.dim(0));
  const int longer = int(std::max({photo.dim(0), photo.dim(1), int64_t(1)}));
  const int factor = longer >= kSmallest ? 1 : (kSmallest + longer - 1) / longer;
  Canvas canvas(enlarge(photo, factor));
  const Style style(canvas);
  const std::vector<Rgb> colours = colours_of(objects);

  // Large objects first, so that none hides a small one.
  std::vector<size_t> order(objects.size());
  std::iota(order.begin(), order.end(), size_t(0));
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return objects[a].bbox[2] * objects[a].bbox[3] > objects[b].bbox[2] * objects[b].bbox[3];
  });
  for (size_t i : order) {
    if (has_pixels(objects[i]))
      draw_mask(canvas, patch_of(*objects[i].mask, factor), colours[i], style);
    else
      draw_box(canvas, rect_of(objects[i].bbox, factor), colours[i], style);
  }

  std::vector<Rect> taken;
  for (size_t i = 0; i < objects.size(); i++) {  // the first, the surest, have the choice of place
    const std::string text = text_of(objects[i]);
    const int width = text_width(text, style.text) + 2 * style.margin, height = style.text + style.margin + 2;
    taken.push_back(place_label(canvas, drawn_rect(objects[i], factor), width, height, taken));
    draw_label(canvas, text, taken.back(), colours[i], style);
  }
  return canvas.pixels();
}

std::vector<OverlayObject> overlay_objects(const std::vector<Detection>& detections,
                                           const std::vector<Category>& categories, int height, int width) {
  std::map<int64_t, std::string> names;  // by id, so that a category's rank does not hang on the file's order
  for (const Category& c : categories) names[c.id] = c.name;
  std::vector<OverlayObject> objects;
  for (const Detection& d : detections) {
    OverlayObject o;
    const auto found = names.find(d.category_id);
    o.class_index = found == names.end() ? int(names.size()) : int(std::distance(names.begin(), found));
    o.label = found == names.end() ? fmt::format("category {}", d.category_id) : found->second;
    o.score = d.score;
    o.bbox = d.bbox;
    if (const Rle* runs = std::get_if<Rle>(&d.segmentation)) o.mask = *runs;
    if (const auto* parts = std::get_if<std::vector<Polygon>>(&d.segmentation))
      o.mask = rasterise(*parts, height, width);
    if (o.mask && !d.has_bbox) o.bbox = bounding_box(*o.mask);
    objects.push_back(std::move(o));
  }
  return objects;
}

}  // namespace sil
