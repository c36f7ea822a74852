#include "train/config.h"

#include <fmt/format.h>
#include <rapidjson/document.h>
#include <rapidjson/error/en.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <iterator>
#include <vector>

#include "models/resnet.h"
#include "tensor/check.h"

namespace sil {
namespace {

using Json = rapidjson::Value;

// -- the kinds of fields ----------------------------------------------------------------------------------------------

struct Field {
  std::string key;      // "train.learning_rate"
  std::string allowed;  // "a number above 0"
  std::function<bool(const Json&)> read;
  std::function<std::string()> write;  // as JSON
};

struct Range {
  double low, high;
  bool low_is_inside;
  std::string text;
  bool holds(double v) const { return (low_is_inside ? v >= low : v > low) && v <= high; }
};

Range above(double low) { return {low, 1e30, false, fmt::format("above {} and up to 1e30", low)}; }
Range between(double low, double high) { return {low, high, true, fmt::format("from {} to {}", low, high)}; }
Range at_least(double low) { return between(low, 2147483647); }

// Whole; a NUL, which would end a message, spelled out.
std::string string_of(const Json& json) {
  std::string text(json.GetString(), json.GetStringLength());
  for (size_t at; (at = text.find('\0')) != std::string::npos;) text.replace(at, 1, "\\u0000");
  return text;
}

bool read_number(const Json& json, double& x, const Range& range) {
  if (!json.IsNumber() || !range.holds(json.GetDouble())) return false;
  x = json.GetDouble();
  return true;
}

template <class T>  // float, double
Field number(std::string key, T& x, Range range) {
  return {std::move(key), "a number " + range.text,
          [&x, range](const Json& json) {
            double v;
            if (!read_number(json, v, range)) return false;
            x = T(v);
            return true;
          },
          [&x] { return fmt::format("{}", x); }};
}

template <class T>  // int, int64_t
Field integer(std::string key, T& x, Range range) {
  return {std::move(key), "an integer " + range.text,
          [&x, range](const Json& json) {
            if (!json.IsInt64() || !range.holds(double(json.GetInt64()))) return false;
            x = T(json.GetInt64());
            return true;
          },
          [&x] { return fmt::format("{}", x); }};
}

// Any that JSON carries exactly.
Field seed(std::string key, uint64_t& x) {
  return {std::move(key), "an integer from 0 to 18446744073709551615",
          [&x](const Json& json) {
            if (!json.IsUint64()) return false;
            x = json.GetUint64();
            return true;
          },
          [&x] { return fmt::format("{}", x); }};
}

Field boolean(std::string key, bool& x) {
  return {std::move(key), "true or false",
          [&x](const Json& json) {
            if (!json.IsBool()) return false;
            x = json.GetBool();
            return true;
          },
          [&x] { return fmt::format("{}", x); }};
}

std::string one_of(const std::vector<std::string>& names) {
  return fmt::format("one of \"{}\"", fmt::join(names, "\", \""));
}

Field choice(std::string key, std::string& x, std::vector<std::string> names) {
  return {std::move(key), one_of(names),
          [&x, names](const Json& json) {
            if (!json.IsString() || std::find(names.begin(), names.end(), string_of(json)) == names.end()) return false;
            x = string_of(json);
            return true;
          },
          [&x] { return '"' + x + '"'; }};
}

template <class Enum>  // whose values are 0, 1, ... in the order of the names
Field choice(std::string key, Enum& x, std::vector<std::string> names) {
  return {std::move(key), one_of(names),
          [&x, names](const Json& json) {
            const auto found = json.IsString() ? std::find(names.begin(), names.end(), string_of(json)) : names.end();
            if (found == names.end()) return false;
            x = Enum(found - names.begin());
            return true;
          },
          [&x, names] { return '"' + names[size_t(x)] + '"'; }};
}

Field choice(std::string key, int& x, std::vector<int> values) {
  return {std::move(key), fmt::format("one of {}", fmt::join(values, ", ")),
          [&x, values](const Json& json) {
            if (!json.IsInt() || std::find(values.begin(), values.end(), json.GetInt()) == values.end()) return false;
            x = json.GetInt();
            return true;
          },
          [&x] { return fmt::format("{}", x); }};
}

template <size_t N>
Field numbers(std::string key, std::array<float, N>& x, Range range) {
  return {std::move(key), fmt::format("a list of {} numbers {}", N, range.text),
          [&x, range](const Json& json) {
            if (!json.IsArray() || json.Size() != N) return false;
            std::array<float, N> values;
            for (size_t i = 0; i < N; i++) {
              double v;
              if (!read_number(json[unsigned(i)], v, range)) return false;
              values[i] = float(v);
            }
            x = values;
            return true;
          },
          [&x] { return fmt::format("[{}]", fmt::join(x, ", ")); }};
}

// The field, or null for "none".  `of` makes the field over the value inside.
template <class T>
Field or_null(std::optional<T>& x, const std::function<Field(T&)>& of) {
  auto inside = std::make_shared<T>();
  const Field field = of(*inside);
  return {field.key, field.allowed + " or null",
          [&x, inside, field](const Json& json) {
            if (json.IsNull()) return x.reset(), true;
            if (!field.read(json)) return false;
            x = *inside;
            return true;
          },
          [&x, inside, field] { return x ? (*inside = *x, field.write()) : std::string("null"); }};
}

Field or_null(std::string key, std::optional<int>& x, Range range) {
  return or_null<int>(x, [=](int& v) { return integer(key, v, range); });
}
Field or_null(std::string key, std::optional<double>& x, Range range) {
  return or_null<double>(x, [=](double& v) { return number(key, v, range); });
}

// -- the table --------------------------------------------------------------------------------------------------------

std::vector<Field> fields_of(ModelConfig& m) {
  return {
      choice("model.backbone", m.backbone, backbone_names()),
      choice("model.norm", m.norm, {"frozen_bn", "batch_norm", "group_norm"}),
      number("model.norm_eps", m.norm_eps, between(0, 1)),
      integer("model.trainable_layers", m.trainable_layers, between(0, 5)),
      integer("model.fpn_channels", m.fpn_channels, between(1, 4096)),
      numbers("model.anchor_sizes", m.anchor_sizes, between(1, 1e6)),
      numbers("model.anchor_ratios", m.anchor_ratios, between(1e-3, 1e3)),
      integer("model.box_head_width", m.box_head_width, between(1, 16384)),
      integer("model.mask_head_width", m.mask_head_width, between(1, 4096)),
      integer("model.mask_head_layers", m.mask_head_layers, between(0, 16)),
      choice("model.mask_size", m.mask_size, std::vector<int>{14, 28}),
      integer("model.num_classes", m.num_classes, between(2, 100000)),
      integer("model.min_size", m.min_size, between(1, 16384)),
      integer("model.max_size", m.max_size, between(1, 16384)),
      integer("model.rois_per_image", m.box.sampler.per_image, at_least(1)),
      number("model.roi_positive_fraction", m.box.sampler.positive, between(0, 1)),
      number("model.roi_foreground_iou", m.box.matcher.foreground, between(0, 1)),
      number("model.roi_background_iou", m.box.matcher.background, between(0, 1)),
      integer("model.detections_per_image", m.box.detections, at_least(1)),
      integer("model.rpn_anchors_per_image", m.rpn.sampler.per_image, at_least(1)),
      number("model.rpn_positive_fraction", m.rpn.sampler.positive, between(0, 1)),
      number("model.rpn_foreground_iou", m.rpn.matcher.foreground, between(0, 1)),
      number("model.rpn_background_iou", m.rpn.matcher.background, between(0, 1)),
      integer("model.rpn_train_candidates", m.rpn.train_candidates, at_least(1)),
      integer("model.rpn_test_candidates", m.rpn.test_candidates, at_least(1)),
      integer("model.rpn_train_proposals", m.rpn.train_proposals, at_least(1)),
      integer("model.rpn_test_proposals", m.rpn.test_proposals, at_least(1)),
      number("model.rpn_nms_threshold", m.rpn.nms_threshold, between(0, 1)),
  };
}

// The three thresholds are the model's, but stand among the hyperparameters.
std::vector<Field> fields_of(TrainConfig& t, ModelConfig& m) {
  return {
      choice("train.optimizer", t.optimizer, {"sgd", "adamw"}),
      number("train.learning_rate", t.learning_rate, above(0)),
      number("train.momentum", t.momentum, between(0, 1)),
      number("train.weight_decay", t.weight_decay, between(0, 1)),
      number("train.beta1", t.beta1, between(0, 0.999999)),
      number("train.beta2", t.beta2, between(0, 0.999999)),
      choice("train.scheduler", t.scheduler, {"step", "cosine", "constant"}),
      integer("train.step_size", t.step_size, at_least(1)),
      number("train.gamma", t.gamma, between(0, 1)),
      integer("train.warmup_steps", t.warmup_steps, at_least(0)),
      or_null("train.clip_norm", t.clip_norm, above(0)),
      integer("train.batch_size", t.batch_size, between(1, 4096)),
      integer("train.max_epochs", t.max_epochs, at_least(1)),
      or_null("train.max_steps", t.max_steps, at_least(0)),
      or_null("train.validate_every", t.validate_every, at_least(1)),
      number("train.checkpoint_minutes", t.checkpoint_minutes, at_least(0)),
      or_null("train.early_stopping_patience", t.early_stopping_patience, at_least(1)),
      boolean("train.pretrained", t.pretrained),
      seed("train.seed", t.seed),
      number("train.nms_threshold", m.box.nms_threshold, between(0, 1)),
      number("train.score_threshold", m.box.score_threshold, between(0, 1)),
      number("train.mask_threshold", m.mask_threshold, between(0, 1)),
  };
}

std::vector<Field> fields(RunConfig& c) {
  std::vector<Field> all = fields_of(c.model);
  for (Field& f : fields_of(c.train, c.model)) all.push_back(std::move(f));
  return all;
}

// -- reading ----------------------------------------------------------------------------------------------------------

// What was given, for messages: JSON text, cut short.
std::string text_of(const Json& json) {
  if (json.IsString()) return fmt::format("\"{}\"", string_of(json));
  if (json.IsNull()) return "null";
  if (json.IsBool()) return json.GetBool() ? "true" : "false";
  if (json.IsInt64()) return fmt::format("{}", json.GetInt64());
  if (json.IsNumber()) return fmt::format("{}", json.GetDouble());
  return json.IsArray() ? fmt::format("a list of {}", json.Size()) : "an object";
}

constexpr unsigned kParsing =
    rapidjson::kParseFullPrecisionFlag | rapidjson::kParseIterativeFlag;  // depth is no recursion

rapidjson::Document parse(const std::string& text, const std::string& source) {
  rapidjson::Document document;
  document.Parse<kParsing>(text.data(), text.size());
  if (document.HasParseError()) {
    const size_t at = std::min(document.GetErrorOffset(), text.size());
    fail("{}: not JSON at line {}: {}", source, 1 + std::count(text.begin(), text.begin() + std::ptrdiff_t(at), '\n'),
         rapidjson::GetParseError_En(document.GetParseError()));
  }
  return document;
}

std::string read_text(const std::filesystem::path& path) {
  check(!std::filesystem::is_directory(path), "{}: a folder; a JSON file expected", path.string());
  std::ifstream file(path, std::ios::binary);
  check(file.good(), "{}: cannot be read", path.string());
  return {std::istreambuf_iterator<char>(file), {}};
}

void apply_field(RunConfig& config, const std::string& key, const Json& value, const std::string& source) {
  const std::string block = key.substr(0, key.find('.') + 1);
  std::string known;
  for (const Field& field : fields(config)) {
    if (field.key == key) {
      check(field.read(value), "{}: {} is {}; {} expected", source, key, text_of(value), field.allowed);
      config.given.insert(key);
      return;
    }
    if (field.key.starts_with(block)) known += (known.empty() ? "" : ", ") + field.key.substr(block.size());
  }
  fail("{}: unknown key \"{}\"; allowed in {}: {}", source, key.substr(block.size()), block.substr(0, block.size() - 1),
       known);
}

void apply_block(RunConfig& config, const std::string& block, const Json& value, const std::string& source) {
  check(value.IsObject(), "{}: {} is {}; an object expected", source, block, text_of(value));
  std::set<std::string> seen;
  for (const auto& member : value.GetObject()) {
    const std::string key = block + "." + string_of(member.name);
    check(seen.insert(key).second, "{}: {} is given twice", source, key);
    apply_field(config, key, member.value, source);
  }
}

void apply_list(RunConfig& config, const Json& value, const std::string& source) {
  config.augmentations = parse_augmentations(value, source);
  config.given.insert("augmentations");
}

void apply_blocks(RunConfig& config, const Json& document, const std::string& source) {
  check(document.IsObject(), "{}: {}; an object with the blocks model, train and augmentations expected", source,
        text_of(document));
  std::set<std::string> seen;
  for (const auto& member : document.GetObject()) {
    const std::string name = string_of(member.name);
    check(seen.insert(name).second, "{}: the block {} is given twice", source, name);
    if (name == "augmentations")
      apply_list(config, member.value, source + ": augmentations");
    else if (name == "model" || name == "train")
      apply_block(config, name, member.value, source);
    else
      fail("{}: unknown block \"{}\"; allowed: model, train, augmentations", source, name);
  }
}

// What a Resize among the augmentations replaces.
bool is_photo_size(const std::string& key) { return key == "model.min_size" || key == "model.max_size"; }

}  // namespace

void apply_config(RunConfig& config, const std::filesystem::path& path) {
  apply_blocks(config, parse(read_text(path), path.string()), path.string());
}

void apply_text(RunConfig& config, const std::string& json, const std::string& source) {
  apply_blocks(config, parse(json, source), source);
}

void apply_hyperparameters(RunConfig& config, const std::filesystem::path& path) {
  const rapidjson::Document document = parse(read_text(path), path.string());
  apply_block(config, "train", document, path.string());
}

void apply_augmentations(RunConfig& config, const std::filesystem::path& path) {
  const rapidjson::Document document = parse(read_text(path), path.string());
  apply_list(config, document, path.string());
}

// The value is JSON; what is not JSON is a string, so that --set model.backbone=resnet18 needs no quotes.
void apply_setting(RunConfig& config, const std::string& setting) {
  const size_t equals = setting.find('=');
  const std::string key = setting.substr(0, equals);
  const bool is_list = key == "augmentations";
  check(equals != std::string::npos && (is_list || key.starts_with("model.") || key.starts_with("train.")),
        "--set {}: model.KEY=VALUE, train.KEY=VALUE or augmentations=LIST expected", setting);
  rapidjson::Document value;
  value.Parse<kParsing>(setting.c_str() + equals + 1);
  if (value.HasParseError()) value.SetString(setting.c_str() + equals + 1, value.GetAllocator());
  if (is_list)
    apply_list(config, value, "--set augmentations");
  else
    apply_field(config, key, value, "--set");
}

void complete(RunConfig& config, int num_classes, bool has_weights) {
  ModelConfig& m = config.model;
  if (!config.train.pretrained && !has_weights) {
    if (!config.is_given("model.norm")) m.norm = NormKind::batch_norm;
    if (!config.is_given("model.trainable_layers")) m.trainable_layers = 5;
    check(m.norm != NormKind::frozen_bn,
          "model.norm is \"frozen_bn\", but without pretrained weights there are no statistics to freeze; "
          "\"batch_norm\" or "
          "\"group_norm\" expected");
    check(m.trainable_layers == 5,
          "model.trainable_layers is {}, but without pretrained weights the others would stay as drawn; 5 expected",
          m.trainable_layers);
  }
  if (!config.is_given("model.num_classes")) m.num_classes = num_classes;
  check(m.num_classes >= num_classes, "model.num_classes is {}; the annotations need at least {}, background included",
        m.num_classes, num_classes);
  for (const std::string& key : config.given)
    check(!is_photo_size(key) || !has_resize(config.augmentations),
          "{} has no effect beside the augmentation Resize{}; give one of the two", key,
          config.is_given("augmentations") ? "" : " of the default list");
  validate(m);
}

std::string to_json(const RunConfig& config) {
  RunConfig copy = config;  // fields point into what they can also write
  std::string text, block;
  for (const Field& field : fields(copy)) {
    if (has_resize(config.augmentations) && is_photo_size(field.key)) continue;
    const size_t dot = field.key.find('.');
    const std::string name = field.key.substr(0, dot);
    text += name == block ? ",\n" : fmt::format("{}  \"{}\": {{\n", block.empty() ? "{\n" : "\n  },\n", name);
    text += fmt::format("    \"{}\": {}", field.key.substr(dot + 1), field.write());
    block = name;
  }
  return text + fmt::format("\n  }},\n  \"augmentations\": {}\n}}\n", to_json(config.augmentations));
}

// Batches are full and may span epochs, so an epoch ends within a step.
int64_t steps_of_epochs(const TrainConfig& t, double epochs, int64_t photos) {
  return int64_t(std::ceil(epochs * double(photos) / t.batch_size - 1e-9));
}

double epochs_of_steps(const TrainConfig& t, int64_t steps, int64_t photos) {
  return double(steps) * t.batch_size / double(photos);
}

int64_t total_steps(const TrainConfig& t, int64_t photos) {
  return t.max_steps ? *t.max_steps : steps_of_epochs(t, t.max_epochs, photos);
}

OptimizerConfig optimizer_config(const TrainConfig& t) {
  OptimizerConfig o;
  o.kind = t.optimizer == "sgd" ? OptimizerConfig::Kind::sgd : OptimizerConfig::Kind::adamw;
  o.momentum = t.momentum;
  o.beta1 = t.beta1;
  o.beta2 = t.beta2;
  o.weight_decay = t.weight_decay;
  return o;
}

Schedule schedule(const TrainConfig& t, int64_t photos) {
  Schedule s;
  s.kind = t.scheduler == "step"     ? Schedule::Kind::step
           : t.scheduler == "cosine" ? Schedule::Kind::cosine
                                     : Schedule::Kind::constant;
  s.base = t.learning_rate;
  s.warmup_steps = t.warmup_steps;
  s.step_size = steps_of_epochs(t, t.step_size, photos);
  s.gamma = t.gamma;
  s.total_steps = total_steps(t, photos);
  return s;
}

Preparation preparation(const RunConfig& config) {
  return {config.augmentations, {config.model.min_size, config.model.max_size}};
}

}  // namespace sil
