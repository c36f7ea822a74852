#include "data/shapes.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "data/image.h"
#include "data/partial_folder.h"
#include "tensor/check.h"
#include "tensor/threads.h"

namespace sil {
namespace {

constexpr std::array names{"circle", "square", "triangle"};

using Color = std::array<int, 3>;

// Draws one number after another from a key.
class Dice {
 public:
  explicit Dice(RngKey key) : key_(key) {}
  double between(double low, double high) { return low + (high - low) * key_.uniform64(next_++); }
  int below(int n) { return int(key_.below(next_++, n)); }
  Color color() {
    const int r = below(256), g = below(256), b = below(256);
    return {r, g, b};
  }

 private:
  RngKey key_;
  uint64_t next_ = 0;
};

struct Direction {
  double x, y;
};

// On the unit circle, without sine and cosine, which differ in the last bit from machine to machine.
Direction any_direction(Dice& dice) {
  const double t = dice.between(0, 1), length = 1 + t * t;
  const Direction d{(1 - t * t) / length, 2 * t / length};  // the first quarter
  switch (dice.below(4)) {
    case 0:
      return d;
    case 1:
      return {-d.y, d.x};
    case 2:
      return {-d.x, -d.y};
    default:
      return {d.y, -d.x};
  }
}

struct Shape2d {
  int category;
  double x, y, radius;  // of the circle; the others have about its area
  Direction turn;
  Color color;

  bool contains(double px, double py) const {
    const double dx = px - x, dy = py - y;
    const double u = dx * turn.x + dy * turn.y, v = dy * turn.x - dx * turn.y;
    switch (category) {
      case 1:
        return dx * dx + dy * dy <= radius * radius;
      case 2:
        return std::max(std::abs(u), std::abs(v)) <= 0.886 * radius;
      default:
        return std::max({u, 0.8660254 * v - 0.5 * u, -0.8660254 * v - 0.5 * u}) <= 0.74 * radius;
    }
  }
};

Shape2d any_shape(int size, Dice& dice) {
  Shape2d s{};
  s.category = 1 + dice.below(3);
  s.x = dice.between(0.06, 0.94) * size;
  s.y = dice.between(0.06, 0.94) * size;
  s.radius = dice.between(0.08, 0.22) * size;
  s.turn = any_direction(dice);
  s.color = dice.color();
  return s;
}

// Which shape each pixel shows: 0 is none, i + 1 shape i.
class Scene {
 public:
  explicit Scene(int size) : size_(size), shown_(size_t(size) * size_t(size), 0) {}

  // Puts the shape on top, unless that would hide too much of one below, or leave too little of itself.
  bool place(const Shape2d& shape) {
    std::vector<uint8_t> after = shown_;
    const uint8_t mark = uint8_t(shapes_.size() + 1);
    int64_t covered = 0;
    for (int y = 0; y < size_; ++y)
      for (int x = 0; x < size_; ++x)
        if (shape.contains(x + 0.5, y + 0.5)) {
          after[size_t(y) * size_t(size_) + size_t(x)] = mark;
          ++covered;
        }
    if (covered < size_ * size_ / 200) return false;  // the border cut it off
    std::vector<int64_t> visible(shapes_.size() + 2, 0);
    for (uint8_t m : after) ++visible[m];
    for (size_t i = 0; i < shapes_.size(); ++i)
      if (3 * visible[i + 1] < full_[i]) return false;
    shown_ = std::move(after);
    shapes_.push_back(shape);
    full_.push_back(covered);
    return true;
  }

  const std::vector<Shape2d>& shapes() const { return shapes_; }
  const Shape2d* shown(int x, int y) const {
    const uint8_t mark = shown_[size_t(y) * size_t(size_) + size_t(x)];
    return mark ? &shapes_[mark - 1] : nullptr;
  }
  Rle mask(size_t i) const {
    std::vector<uint8_t> columns(shown_.size());
    for (size_t y = 0; y < size_t(size_); ++y)
      for (size_t x = 0; x < size_t(size_); ++x)
        columns[x * size_t(size_) + y] = shown_[y * size_t(size_) + x] == i + 1;
    return encode_columns(columns.data(), size_, size_);
  }

 private:
  int size_;
  std::vector<uint8_t> shown_;
  std::vector<Shape2d> shapes_;
  std::vector<int64_t> full_;  // pixels of each shape inside the picture
};

struct Background {
  Color from, to;
  Direction along;
  int size;

  Color middle() const {
    Color m{};
    for (size_t c = 0; c < 3; ++c) m[c] = (from[c] + to[c]) / 2;
    return m;
  }
  int at(int x, int y, size_t c) const {
    const double across = ((x + 0.5 - size / 2.0) * along.x + (y + 0.5 - size / 2.0) * along.y) / size;
    const double t = std::clamp(0.5 + 0.7 * across, 0.0, 1.0);  // 0.7: the diagonal is sqrt(2) sides long
    return int(from[c] + t * (to[c] - from[c]));
  }
};

bool stands_out(const Color& color, const Color& from) {
  int most = 0;
  for (size_t c = 0; c < 3; ++c) most = std::max(most, std::abs(color[c] - from[c]));
  return most > 48;
}

Background any_background(int size, Dice& dice) {
  Background b{dice.color(), {}, any_direction(dice), size};
  for (size_t c = 0; c < 3; ++c) b.to[c] = std::clamp(b.from[c] + dice.below(161) - 80, 0, 255);
  return b;
}

Scene any_scene(int size, const Background& background, Dice& dice) {
  constexpr int tries = 500;  // where nothing more fits, fewer shapes stand
  Scene scene(size);
  const size_t wanted = size_t(2 + dice.below(5));
  for (int i = 0; i < tries && scene.shapes().size() < wanted; ++i)
    if (const Shape2d s = any_shape(size, dice); stands_out(s.color, background.middle())) scene.place(s);
  return scene;
}

Tensor paint(const Scene& scene, const Background& background, int size, Dice& dice) {
  const int grain = 6 + dice.below(25);
  Tensor image({size, size, 3}, DType::u8);
  uint8_t* p = image.data<uint8_t>();
  for (int y = 0; y < size; ++y)
    for (int x = 0; x < size; ++x) {
      const Shape2d* shape = scene.shown(x, y);
      for (size_t c = 0; c < 3; ++c) {
        const int plain = shape ? shape->color[c] : background.at(x, y, c);
        *p++ = uint8_t(std::clamp(plain + dice.below(2 * grain + 1) - grain, 0, 255));
      }
    }
  return image;
}

std::string file_name(int index) { return fmt::format("{:06}.png", index + 1); }

}  // namespace

ShapesPicture draw_shapes(int size, RngKey key) {
  Dice dice(key);
  const Background background = any_background(size, dice);
  const Scene scene = any_scene(size, background, dice);
  ShapesPicture picture{paint(scene, background, size, dice), {}};
  for (size_t i = 0; i < scene.shapes().size(); ++i)
    picture.shapes.push_back({scene.shapes()[i].category, scene.mask(i)});
  return picture;
}

Annotations write_shapes(const std::filesystem::path& folder, const ShapesOptions& options) {
  check(options.images >= 1 && options.images <= 999999, "shapes: images is {} (1 to 999999 expected)", options.images);
  check(options.size >= 32 && options.size <= 4096, "shapes: size is {} (32 to 4096 pixels expected)", options.size);
  PartialFolder partial(folder);
  const std::filesystem::path images = partial.make("images");
  std::vector<std::vector<VisibleShape>> shapes(static_cast<size_t>(options.images));
  const RngKey key = RngKey{options.seed}.fold("shapes");
  parallel_for(options.images, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      ShapesPicture picture = draw_shapes(options.size, key.fold(uint64_t(i)));
      write_png(images / file_name(int(i)), picture.image);
      shapes[size_t(i)] = std::move(picture.shapes);
    }
  });

  Annotations out;
  out.source = (folder / "annotations.json").string();
  for (size_t c = 0; c < names.size(); ++c) out.categories.push_back({int64_t(c) + 1, names[c], "shape"});
  for (int i = 0; i < options.images; ++i) {
    out.photos.push_back({i + 1, file_name(i), options.size, options.size});
    for (VisibleShape& s : shapes[size_t(i)]) {
      Annotation a;
      a.id = int64_t(out.annotations.size()) + 1;
      a.image_id = i + 1;
      a.category_id = s.category;
      a.bbox = bounding_box(s.mask);
      a.area = double(area(s.mask));
      a.has_bbox = a.has_area = true;
      a.segmentation = std::move(s.mask);
      out.annotations.push_back(std::move(a));
    }
  }
  write_coco(partial.path() / "annotations.json", out);
  partial.finish();
  out.index();
  return out;
}

}  // namespace sil
