// Trains a model: the loop, validations, checkpoints, log.
//
// A run's folder holds
//   config.json       what holds in this run, every key
//   log.jsonl         a line a step and a validation (train/metrics_log.h)
//   last.safetensors  to resume from: every checkpoint_minutes, after each validation (or where one ends early), before
//                     the error of a photo that cannot be read, and at the end
//   best.safetensors  of the best mask AP50 so far (the latest, until one is above 0)
//   metrics.json      that validation's metrics
#pragma once
#include <filesystem>
#include <functional>
#include <optional>

#include "data/dataset.h"
#include "models/mask_rcnn.h"
#include "train/checkpoint.h"
#include "train/metrics_log.h"

namespace sil {

struct Run {
  RunConfig config;  // complete()d
  const Dataset& training;
  const Dataset* validation = nullptr;
  std::filesystem::path folder;
  std::optional<Checkpoint> resumed;  // goes on from here, exactly as if it had not stopped
  std::function<bool()> stop_wanted;  // asked after each step and between a validation's photos: true writes
                                      // last.safetensors and ends the run
};

struct Trained {
  Progress progress;
  bool stopped = false;  // as stop_wanted asked: --resume goes on
};

// Progress goes to standard output.  A loss that is not finite is an Error that names step and loss.
Trained train(MaskRcnn&, Run);

// Losses (means over photos, by test counts and running statistics, samples drawn by one fixed key) and metrics;
// nothing if it was asked to stop.
std::optional<ValidationRecord> validate(MaskRcnn&, const Dataset&, int64_t step, double epoch,
                                         const std::function<bool()>& stop_wanted = {});

}  // namespace sil
