#include "data/augmentations.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>

#include "data/json_value.h"
#include "tensor/check.h"

namespace sil {
namespace {

constexpr double max_side = 16384;

// Every key of the object is allowed and there once.  `where` begins the message.
void check_keys(const Json& object, const std::string& where, std::initializer_list<const char*> allowed) {
  check_keys_once(object, where + ": ");
  for (const auto& member : object.GetObject()) {
    const std::string key = string_of(member.name);
    const bool known = std::any_of(allowed.begin(), allowed.end(), [&](const char* a) { return key == a; });
    const std::string keys = allowed.size() ? fmt::format("{}", fmt::join(allowed, ", ")) : "none";
    check(known, "{}: unknown key \"{}\"; allowed: {}", where, key, keys);
  }
}

// The "params" of one entry; `where` begins every message.
class Params {
 public:
  Params(const Json* object, std::string where, std::initializer_list<const char*> allowed)
      : object_(object), where_(std::move(where)) {
    if (!object_) return;
    check(object_->IsObject(), "{}: params is {}; an object expected", where_, text_of(*object_));
    check_keys(*object_, where_, allowed);
  }

  double number(const char* key, double otherwise, double low, double high) const {
    const Json* v = find(key);
    if (!v) return otherwise;
    check(v->IsNumber() && v->GetDouble() >= low && v->GetDouble() <= high,
          "{}: {} is {}; a number from {} to {} expected", where_, key, text_of(*v), low, high);
    return v->GetDouble();
  }

  // [low, high] of a factor.
  RandomPhotometricDistort::Range range(const char* key, RandomPhotometricDistort::Range otherwise, double low,
                                        double high) const {
    const Json* v = find(key);
    if (!v) return otherwise;
    const auto n = numbers(*v);
    check(n.size() == 2 && low <= n[0] && n[0] <= n[1] && n[1] <= high,
          "{}: {} is {}; [low, high] with {} <= low <= high <= {} expected", where_, key, text_of(*v), low, high);
    return {n[0], n[1]};
  }

  std::array<int, 2> size(const char* key) const {
    const Json* v = find(key);
    check(v, "{}: {} is missing; [height, width] expected", where_, key);
    const auto n = numbers(*v);
    const bool good = n.size() == 2 && std::all_of(n.begin(), n.end(), [](double x) {
                        return x >= 1 && x <= max_side && x == std::floor(x);
                      });
    check(good, "{}: {} is {}; [height, width], integers from 1 to {}, expected", where_, key, text_of(*v), max_side);
    return {int(n[0]), int(n[1])};
  }

  std::array<float, 3> channels(const char* key, std::array<float, 3> otherwise, bool positive) const {
    const Json* v = find(key);
    if (!v) return otherwise;
    const auto n = numbers(*v);
    const bool good = n.size() == 3 && std::all_of(n.begin(), n.end(), [&](double x) {
                        return std::abs(x) <= 1e6 && (!positive || x >= 1e-6);
                      });
    check(good, "{}: {} is {}; three {} (red, green, blue) expected", where_, key, text_of(*v),
          positive ? "numbers above 0" : "numbers");
    return {float(n[0]), float(n[1]), float(n[2])};
  }

 private:
  const Json* find(const char* key) const {
    if (!object_) return nullptr;
    const auto member = object_->FindMember(key);
    return member == object_->MemberEnd() ? nullptr : &member->value;
  }

  // Empty unless the value is an array of numbers alone.
  static std::vector<double> numbers(const Json& v) {
    std::vector<double> out;
    if (!v.IsArray()) return out;
    for (const auto& x : v.GetArray()) {
      if (!x.IsNumber()) return {};
      out.push_back(x.GetDouble());
    }
    return out;
  }

  const Json* object_;
  std::string where_;
};

Augmentation parse_one(const std::string& name, const Json* params, const std::string& where) {
  if (name == "RandomHorizontalFlip") return RandomHorizontalFlip{Params(params, where, {"p"}).number("p", 0.5, 0, 1)};
  if (name == "RandomPhotometricDistort") {
    const Params in(params, where, {"brightness", "contrast", "saturation", "hue", "p"});
    const RandomPhotometricDistort d;
    return RandomPhotometricDistort{.brightness = in.range("brightness", d.brightness, 0, 100),
                                    .contrast = in.range("contrast", d.contrast, 0, 100),
                                    .saturation = in.range("saturation", d.saturation, 0, 100),
                                    .hue = in.range("hue", d.hue, -0.5, 0.5),
                                    .p = in.number("p", d.p, 0, 1)};
  }
  if (name == "Resize") {
    const auto [height, width] = Params(params, where, {"size"}).size("size");
    return Resize{height, width};
  }
  if (name == "ToImage") return Params(params, where, {}), ToImage{};
  if (name == "Normalize") {
    const Params in(params, where, {"mean", "std"});
    return Normalize{in.channels("mean", imagenet_mean, false), in.channels("std", imagenet_std, true)};
  }
  fail(
      "{}: unknown name \"{}\"; allowed: RandomHorizontalFlip, RandomPhotometricDistort, Resize, ToImage, "
      "Normalize",
      where, name);
}

Augmentation parse_entry(const Json& entry, size_t place, std::string_view source) {
  std::string where = fmt::format("{}: augmentation {}", source, place);
  check(entry.IsObject(), "{} is {}; {{\"name\": ..., \"params\": {{...}}}} expected", where, text_of(entry));
  check_keys(entry, where, {"name", "params"});
  const auto name = entry.FindMember("name");
  check(name != entry.MemberEnd() && name->value.IsString(), "{}: name is missing or no string", where);
  const auto params = entry.FindMember("params");
  const std::string called = string_of(name->value);
  return parse_one(called, params == entry.MemberEnd() ? nullptr : &params->value, where + " (" + called + ")");
}

// Bytes before ToImage, floats after it.
void check_order(const Augmentations& list, std::string_view source) {
  bool floats = false, normalized = false, resized = false;
  for (size_t i = 0; i < list.size(); ++i) {
    const Augmentation& a = list[i];
    const std::string where = fmt::format("{}: augmentation {}", source, i + 1);
    if (std::holds_alternative<ToImage>(a)) {
      check(!floats, "{} (ToImage): it occurs twice", where);
      floats = true;
    } else if (std::holds_alternative<Normalize>(a)) {
      check(floats, "{} (Normalize): it stands before ToImage, which makes the floats that it needs", where);
      check(!normalized, "{} (Normalize): it occurs twice", where);
      normalized = true;
    } else if (std::holds_alternative<Resize>(a)) {
      check(!floats, "{} (Resize): it stands after ToImage, and works on bytes; put it before", where);
      check(!resized, "{} (Resize): it occurs twice", where);
      resized = true;
    } else if (std::holds_alternative<RandomPhotometricDistort>(a)) {
      check(!floats, "{} (RandomPhotometricDistort): it stands after ToImage, and works on bytes; put it before",
            where);
    }
  }
}

struct Print {
  using Range = RandomPhotometricDistort::Range;
  static std::string list(Range r) { return fmt::format("[{}, {}]", r[0], r[1]); }
  static std::string list(const std::array<float, 3>& c) { return fmt::format("[{}, {}, {}]", c[0], c[1], c[2]); }

  std::string operator()(const RandomHorizontalFlip& a) const {
    return fmt::format(R"({{"name": "RandomHorizontalFlip", "params": {{"p": {}}}}})", a.p);
  }
  std::string operator()(const RandomPhotometricDistort& a) const {
    return fmt::format(R"({{"name": "RandomPhotometricDistort", "params": {{"brightness": {}, "contrast": {}, )"
                       R"("saturation": {}, "hue": {}, "p": {}}}}})",
                       list(a.brightness), list(a.contrast), list(a.saturation), list(a.hue), a.p);
  }
  std::string operator()(const Resize& a) const {
    return fmt::format(R"({{"name": "Resize", "params": {{"size": [{}, {}]}}}})", a.height, a.width);
  }
  std::string operator()(const ToImage&) const { return R"({"name": "ToImage", "params": {}})"; }
  std::string operator()(const Normalize& a) const {
    return fmt::format(R"({{"name": "Normalize", "params": {{"mean": {}, "std": {}}}}})", list(a.mean), list(a.std));
  }
};

}  // namespace

Augmentations default_augmentations() {
  return {RandomHorizontalFlip{}, RandomPhotometricDistort{}, Resize{800, 800}, ToImage{}, Normalize{}};
}

Augmentations parse_augmentations(const Json& list, std::string_view source) {
  check(list.IsArray(), "{}: the augmentations are {}; a list of {{\"name\", \"params\"}} expected", source,
        text_of(list));
  Augmentations out;
  for (const auto& entry : list.GetArray()) out.push_back(parse_entry(entry, out.size() + 1, source));
  check_order(out, source);
  return out;
}

std::string to_json(const Augmentations& list) {
  std::vector<std::string> entries;
  for (const Augmentation& a : list) entries.push_back(std::visit(Print{}, a));
  return fmt::format("[{}]", fmt::join(entries, ",\n "));
}

bool has_resize(const Augmentations& list) {
  return std::any_of(list.begin(), list.end(), [](const Augmentation& a) { return std::holds_alternative<Resize>(a); });
}

}  // namespace sil
