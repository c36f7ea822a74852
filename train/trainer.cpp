#include "train/trainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <deque>
#include <utility>

#include "data/loader.h"
#include "eval/evaluation.h"
#include "nn/optimizer.h"
#include "tensor/arena.h"
#include "tensor/atomic_file.h"
#include "tensor/check.h"
#include "tensor/recorded.h"
#include "tensor/threads.h"
#include "train/detect.h"
#include "train/early_stopping.h"
#include "train/memory_advice.h"
#include "train/status.h"
#include "train/training_step.h"

namespace sil {
namespace {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point t) { return std::chrono::duration<double>(Clock::now() - t).count(); }

void check_finite(const StepRecord& r) {
  for (size_t i = 0; i < r.losses.size(); i++)
    check(std::isfinite(r.losses[i]),
          "step {}: loss {} is {}; a smaller train.learning_rate or a train.clip_norm may help", r.step, kLossNames[i],
          r.losses[i]);
  check(std::isfinite(r.gradient_norm), "step {}: the gradients' norm is {}; a smaller train.learning_rate may help",
        r.step, r.gradient_norm);
}

// What does not hang on the batch, in bytes.
int64_t fixed_bytes(const std::vector<Leaf>& leaves, const TrainConfig& config) {
  const int64_t states = config.optimizer == "adamw" ? 2 : 1;
  int64_t bytes = 0;
  for (const Leaf& leaf : leaves) bytes += int64_t(leaf.value().bytes()) * (leaf.trainable() ? 2 + states : 1);
  return bytes;
}

std::string losses_text(const LossValues& losses) {
  std::string text = fmt::format("loss {:.3f} (", total(losses));
  for (size_t i = 0; i < losses.size(); i++)
    text += fmt::format("{}{} {:.3f}", i ? ", " : "", kLossNames[i], losses[i]);
  return text + ")";
}

std::string step_text(const StepRecord& r, Device device) {
  return fmt::format("{:.1f} images/s  {}  peak {}", r.images_per_second, losses_text(r.losses),
                     bytes_text(double(Arena::of(device).peak())));
}

std::string validation_text(const ValidationRecord& r, bool is_best) {
  std::string text =
      fmt::format("step {}: mask AP50 {:.3f}, mask AP {:.3f}, box AP50 {:.3f}, {}{}", r.step, r.metrics.segm->AP50,
                  r.metrics.segm->AP, r.metrics.bbox->AP50, losses_text(r.losses), is_best ? ", the best so far" : "");
  for (const ClassMetrics& c : r.metrics.per_class)
    text += fmt::format("\n  {:<20} mask AP50 {:.3f}  mask AP {:.3f}  box AP50 {:.3f}  ({} objects)", c.name,
                        c.segm->AP50, c.segm->AP, c.bbox->AP50, c.objects);
  return text;
}

// The epochs' ends, unless validate_every counts steps; and the last step.
bool validation_is_due(const TrainConfig& t, int64_t step, int64_t photos, int64_t last_step) {
  if (step == last_step) return true;
  if (t.validate_every) return step % *t.validate_every == 0;
  const auto epoch = [&](int64_t s) { return int64_t(epochs_of_steps(t, s, photos) + 1e-9); };
  return epoch(step) > epoch(step - 1);
}

// Threads that read photos: where a GPU computes, all but the one that feeds it.
int photo_workers(Device device) { return device.kind() == Device::Kind::cpu ? 1 : std::max(1, threads() - 1); }

std::string counts_text(const TrainingStep::Counts& c) {
  std::string text = fmt::format("{} steps replayed, {} the first of their shape", c.replayed, c.first);
  if (c.not_recorded) text += fmt::format(", {} that could not be recorded ({})", c.not_recorded, c.reason);
  if (c.dropped) text += fmt::format("; {} recordings were given up for their memory", c.dropped);
  return text;
}

// A step that is queued, and its numbers, once they are there.
struct Unread {
  StepRecord record;
  Reading numbers;
  Clock::time_point begin, loaded;  // when its batch was asked for, and was there
};

class Trainer {
 public:
  Trainer(MaskRcnn& model, Run run)
      : model_(model),
        run_(std::move(run)),
        config_(run_.config.train),
        photos_(int64_t(run_.training.size())),
        steps_(total_steps(config_, photos_)),
        leaves_(leaves(model)),
        optimizer_(leaves_, optimizer_config(config_)),
        rate_(schedule(config_, photos_)),
        progress_(resume()),
        step_(model_, optimizer_, config_.clip_norm),
        log_(run_.folder / "log.jsonl", progress_.step),
        status_(steps_, "step", progress_.step) {}

  Trained run() {
    const int workers = photo_workers(model_.device());
    Loader loader(run_.training, {.batch_size = config_.batch_size,
                                  .seed = config_.seed,
                                  .first_step = progress_.step,
                                  .workers = workers,
                                  .ahead = workers + 1});
    if (progress_.step >= steps_ || validation_is_missing()) validate_and_save();
    bool ends = stopped_ || stops_early();
    while (!ends && progress_.step < steps_) {
      const Clock::time_point begin = Clock::now();
      queue_in_memory(next(loader), begin);
      read_all_but(model_.device().kind() == Device::Kind::cpu ? 0 : 1);
      if (validation_is_due(config_, progress_.step, photos_, steps_)) {
        validate_and_save();
        ends = stopped_ || stops_early();
      } else if (seconds_since(saved_) >= 60 * config_.checkpoint_minutes) {
        save();
      }
      if (!ends && progress_.step < steps_ && run_.stop_wanted && run_.stop_wanted()) save(), ends = stopped_ = true;
    }
    if (stopped_)
      status_.line(fmt::format("stopped after step {} of {}, as asked; --resume goes on", progress_.step, steps_));
    if (Recorded::possible(model_.device())) status_.line(counts_text(step_.counts()));
    return {progress_, stopped_};
  }

 private:
  // A photo that cannot be read ends the run, but not what was done so far: mended, --resume goes on.
  std::vector<Example> next(Loader& loader) {
    try {
      return *loader.next();
    } catch (const Error&) {
      save_before_error();
      throw;
    }
  }

  // The error that ends the run is told, also where nothing can be saved.
  void save_before_error() {
    try {
      if (progress_.step > 0) save();
    } catch (const Error& e) {
      status_.line(fmt::format("not saved: {}", e.what()));
    }
  }

  Progress resume() {
    Progress progress;
    if (run_.resumed) {
      optimizer_.load_state(run_.resumed->optimizer, (run_.folder / "last.safetensors").string());
      progress = run_.resumed->progress;
      run_.resumed.reset();  // model and optimizer have what they need of it
    }
    progress.photos = photos_;
    return progress;
  }

  void queue_in_memory(const std::vector<Example>& examples, Clock::time_point begin) {
    optimizer_.zero_grad();  // before what is in use is measured
    const int64_t before = Arena::of(model_.device()).in_use();
    try {
      queue(collate(examples, model_.device()), begin);
    } catch (const OutOfMemory& e) {
      fail("step {}: {}; {}", progress_.step + 1, e.what(),
           memory_advice(e, fixed_bytes(leaves_, config_), before, config_.batch_size));
    }
  }

  // Photos, samples and rate follow from the seed and the step alone, so a run resumes exactly.
  void queue(const Batch& batch, Clock::time_point begin) {
    const Clock::time_point loaded = Clock::now();
    const RngKey key = RngKey{config_.seed}.fold("samples").fold(uint64_t(progress_.step));
    const double rate = rate_(progress_.step);
    Reading numbers = step_(batch, key, rate);
    ++progress_.step;
    const double epoch = epochs_of_steps(config_, progress_.step, photos_);
    unread_.push_back({{.step = progress_.step, .epoch = epoch, .rate = rate}, std::move(numbers), begin, loaded});
  }

  // What a step has come to is logged once it can be read without a GPU's waiting for the host: a step late.
  void read_all_but(size_t unread) {
    for (; unread_.size() > unread; unread_.pop_front()) {
      Unread& u = unread_.front();
      const std::vector<float> numbers = u.numbers.values();
      const Clock::time_point before = std::exchange(read_, Clock::now());
      StepRecord& r = u.record;
      std::copy_n(numbers.begin(), r.losses.size(), r.losses.begin());
      if (numbers.size() > r.losses.size()) r.gradient_norm = numbers.back();
      check_finite(r);
      r.seconds = seconds_since(std::max(u.loaded, before));
      r.images_per_second = double(config_.batch_size) / seconds_since(std::max(u.begin, before));
      log_.push(r);
      status_.update(r.step, step_text(r, model_.device()));
    }
  }

  void validate_and_save() {
    read_all_but(0);
    if (run_.validation) {
      if (const auto record = validated())
        keep(*record);
      else
        stopped_ = true;
    }
    save();
  }

  // A photo that cannot be read ends the run here too, but not what was trained.
  std::optional<ValidationRecord> validated() {
    try {
      return validate(model_, *run_.validation, progress_.step, epochs_of_steps(config_, progress_.step, photos_),
                      run_.stop_wanted);
    } catch (const Error&) {
      save_before_error();
      throw;
    }
  }

  void keep(const ValidationRecord& record) {
    progress_.validated = progress_.step;
    const bool is_best = improve(progress_, progress_.step, record.metrics.segm->AP50);
    log_.push(record);
    status_.line(validation_text(record, is_best));
    if (is_best || progress_.best_step == 0) {
      write_checkpoint(run_.folder / "best.safetensors", checkpoint(false));
      write_json(run_.folder / "metrics.json", record.metrics);
    }
  }

  // It is due at the step from which this run goes on, and was not done or not ended.
  bool validation_is_missing() const {
    return run_.validation && progress_.step > progress_.validated &&
           validation_is_due(config_, progress_.step, photos_, steps_);
  }

  void save() {
    read_all_but(0);  // weights of a step that went wrong are not kept
    write_checkpoint(run_.folder / "last.safetensors", checkpoint(true));
    saved_ = Clock::now();
  }

  // Behind a validation alone: a run that is resumed between two ends where it would have ended uncut.
  bool stops_early() {
    if (!run_.validation || progress_.validated != progress_.step) return false;
    if (!should_stop(progress_, config_, photos_)) return false;
    status_.line(fmt::format("stopped at step {}: no better mask AP50 than step {}'s {:.3f} for {} epochs",
                             progress_.step, progress_.best_step, progress_.best_score,
                             *config_.early_stopping_patience));
    return true;
  }

  Checkpoint checkpoint(bool to_resume) const {
    return {run_.config, run_.training.categories(), progress_, state_dict(leaves_),
            to_resume ? optimizer_.state() : StateDict{}};
  }

  MaskRcnn& model_;
  Run run_;
  const TrainConfig& config_;
  int64_t photos_, steps_;
  std::vector<Leaf> leaves_;
  Optimizer optimizer_;
  Schedule rate_;
  Progress progress_;
  TrainingStep step_;
  MetricsLog log_;
  Status status_;
  std::deque<Unread> unread_;
  bool stopped_ = false;                    // as asked
  Clock::time_point saved_ = Clock::now();  // when last.safetensors was written
  Clock::time_point read_ = saved_;         // when a step's numbers were
};

}  // namespace

std::optional<ValidationRecord> validate(MaskRcnn& model, const Dataset& dataset, int64_t step, double epoch,
                                         const std::function<bool()>& stop_wanted) {
  const RngKey key = RngKey{}.fold("validation");
  Evaluation evaluation(dataset.annotations());
  Status status(int64_t(dataset.size()), "validation");
  Loader loader(dataset, {.batch_size = 1, .shuffle = false});
  LossValues sum{};
  for (size_t i = 0; i < dataset.size(); i++) {
    if (stop_wanted && stop_wanted()) return std::nullopt;
    const auto [losses, found] = model.losses_and_detections(collate(*loader.next(), model.device()), key);
    const LossValues of_photo = values(losses);
    for (size_t k = 0; k < sum.size(); k++) sum[k] += of_photo[k];
    const int64_t id = dataset.photo(i).id;
    evaluation.add(id, to_detections(found.at(0), id, dataset.categories()));
    status.update(int64_t(i) + 1);
  }
  evaluation.add_rest();
  for (double& v : sum) v /= double(std::max<size_t>(dataset.size(), 1));
  return ValidationRecord{step, epoch, sum, evaluation.metrics()};
}

Trained train(MaskRcnn& model, Run run) {
  write_atomically(run.folder / "config.json", [&](std::ostream& out) { out << to_json(run.config); });
  model.compute_in(run.config.train.dtype);
  return Trainer(model, std::move(run)).run();
}

}  // namespace sil
