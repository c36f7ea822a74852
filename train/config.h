// All that a run is made of, but its data: the blocks model, train and augmentations.
//
// Later wins: defaults, --config, --hyperparameters and --augmentations, --set block.key=value, other flags.  The keys,
// what each allows and where it is kept stand in the tables of models/config.cpp and train/config.cpp;
// `train --print-config` prints those that have an effect.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "data/augmentations.h"
#include "data/transforms.h"
#include "models/config.h"
#include "nn/optimizer.h"
#include "nn/schedule.h"

namespace sil {

struct TrainConfig {
  std::string optimizer = "sgd";  // sgd, adamw
  double learning_rate = 0.005, momentum = 0.9, weight_decay = 0.0005;
  double beta1 = 0.9, beta2 = 0.999;  // of adamw
  std::string scheduler = "step";     // step, cosine, constant
  int step_size = 10;                 // epochs, of step
  double gamma = 0.1;                 // of step
  int warmup_steps = 0;               // linear, from rate / warmup_steps
  std::optional<double> clip_norm;    // of all gradients together
  int batch_size = 4;
  int max_epochs = 50;
  std::optional<int> max_steps;                     // replaces max_epochs; 0 keeps the untrained model
  std::optional<int> validate_every;                // steps; else every epoch
  double checkpoint_minutes = 10;                   // between last.safetensors, besides those of validations
  std::optional<int> early_stopping_patience = 15;  // epochs without a better mask AP50, from the first above 0
  bool pretrained = true;
  DType dtype = DType::f32;  // f32 or bf16: MaskRcnn::compute_in
  uint64_t seed = 0;
};

struct RunConfig {
  ModelConfig model;
  TrainConfig train;
  Augmentations augmentations = default_augmentations();
  std::set<std::string> given;  // "train.learning_rate", ..., "augmentations": what is not a default

  bool is_given(const std::string& key) const { return given.contains(key); }
};

// Every key of the blocks model and train.
std::vector<Field> fields_of(RunConfig&);

// Each throws an Error that names the source, the key, what was given and what is allowed (train/config_reader.cpp).
void apply_config(RunConfig&, const std::filesystem::path&);  // {"model": {}, "train": {}, "augmentations": []}
void apply_hyperparameters(RunConfig&, const std::filesystem::path&);  // the train block
void apply_augmentations(RunConfig&, const std::filesystem::path&);    // the augmentations block
// "train.learning_rate=0.01"; errors name the flag that it came by.
void apply_setting(RunConfig&, const std::string& setting, const std::string& flag = "--set");
void apply_text(RunConfig&, const std::string& json, const std::string& source);  // as apply_config

// Fills in what follows from the rest, unless it was given: without pretrained weights the norm is batch_norm and all
// five layers train; num_classes follows the categories.  Then checks what keys mean together.  has_weights: there are
// some to start from, whatever train.pretrained says.
void complete(RunConfig&, int num_classes, bool has_weights);

// As JSON that apply_config reads back to the same, every key that has an effect written out.
std::string to_json(const RunConfig&);

// In steps, for a training set of `photos`.
int64_t total_steps(const TrainConfig&, int64_t photos);
int64_t steps_of_epochs(const TrainConfig&, double epochs, int64_t photos);  // rounded up
double epochs_of_steps(const TrainConfig&, int64_t steps, int64_t photos);

OptimizerConfig optimizer_config(const TrainConfig&);
Schedule schedule(const TrainConfig&, int64_t photos);
Preparation preparation(const RunConfig&);

}  // namespace sil
