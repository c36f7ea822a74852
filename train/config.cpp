#include "train/config.h"

#include <fmt/format.h>

#include <cmath>

#include "models/field.h"
#include "tensor/check.h"

namespace sil {
namespace {

// What a Resize among the augmentations replaces.
bool is_photo_size(const std::string& key) { return key == "model.min_size" || key == "model.max_size"; }

}  // namespace

std::vector<Field> fields_of(RunConfig& config) {
  TrainConfig& t = config.train;
  std::vector<Field> all = fields_of(config.model);
  for (Field& f : std::vector<Field>{
           field("train.optimizer", t.optimizer, {"sgd", "adamw"}),
           field("train.learning_rate", t.learning_rate, above(0)),
           field("train.momentum", t.momentum, between(0, 1)),
           field("train.weight_decay", t.weight_decay, between(0, 1)),
           field("train.beta1", t.beta1, between(0, 0.999999)),
           field("train.beta2", t.beta2, between(0, 0.999999)),
           field("train.scheduler", t.scheduler, {"step", "cosine", "constant"}),
           field("train.step_size", t.step_size, at_least(1)),
           field("train.gamma", t.gamma, between(0, 1)),
           field("train.warmup_steps", t.warmup_steps, at_least(0)),
           field("train.clip_norm", t.clip_norm, above(0)),
           field("train.batch_size", t.batch_size, between(1, 4096)),
           field("train.max_epochs", t.max_epochs, at_least(1)),
           field("train.max_steps", t.max_steps, at_least(0)),
           field("train.validate_every", t.validate_every, at_least(1)),
           field("train.checkpoint_minutes", t.checkpoint_minutes, at_least(0)),
           field("train.early_stopping_patience", t.early_stopping_patience, at_least(1)),
           field("train.pretrained", t.pretrained),
           field("train.dtype", t.dtype, {"f32", "bf16"}),
           field("train.seed", t.seed),
       })
    all.push_back(std::move(f));
  for (Field& f : thresholds_of(config.model)) all.push_back(std::move(f));
  return all;
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
  for (const Field& field : fields_of(copy)) {
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
