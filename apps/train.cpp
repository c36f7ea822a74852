// Trains Mask R-CNN on a data set of one's own.
#include <atomic>
#include <csignal>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "apps/device.h"
#include "apps/inputs.h"
#include "apps/photos.h"
#include "apps/program.h"
#include "data/dataset.h"
#include "tensor/atomic_file.h"
#include "train/checkpoint.h"
#include "train/folder_lock.h"
#include "train/pretrained.h"
#include "train/trainer.h"

namespace {

namespace fs = std::filesystem;
using namespace sil;

struct Arguments {
  std::string train_annotations, train_images, val_annotations, val_images, out;
  std::string config, hyperparameters, augmentations, weights;
  std::vector<std::string> settings;
  std::string device = "cpu", exif = "ignore";
  std::optional<std::string> dtype, seed;  // as text, for the table of keys to judge
  std::optional<int> max_steps;
  bool resume = false, print_config = false;
};

void define(CLI::App& app, Arguments& a) {
  app.add_option("--train-annotations", a.train_annotations, "COCO JSON, or a folder in label schema");
  app.add_option("--train-images", a.train_images, "Folder of the training photos");
  app.add_option("--val-annotations", a.val_annotations, "The same of the photos to validate on");
  app.add_option("--val-images", a.val_images, "Folder of the validation photos");
  app.add_option("--out", a.out, "The run's folder: checkpoints, log, metrics");
  app.add_option("--config", a.config, "JSON with the blocks model, train and augmentations");
  app.add_option("--hyperparameters", a.hyperparameters, "JSON with keys of the block train");
  app.add_option("--augmentations", a.augmentations, "JSON list of augmentations");
  app.add_option("--set", a.settings, "One key: --set train.learning_rate=0.01; may be repeated")
      ->allow_extra_args(false);
  app.add_option(
      "--weights", a.weights,
      "Start from this checkpoint of a run, or torchvision's .pth or .safetensors; its model block stands in "
      "the place of the defaults");
  app.add_flag("--resume", a.resume, "Go on with the run in --out where it stopped");
  add_device(app, a.device);
  app.add_option("--dtype", a.dtype,
                 "Of activations and products: f32, or bf16, which is faster where the hardware has it; weights and "
                 "optimizer stay float32: train.dtype");
  add_exif(app, a.exif);
  app.add_option("--seed", a.seed, "Of weights, order and samples: train.seed");
  app.add_option("--max-steps", a.max_steps, "Steps to train, instead of epochs: train.max_steps");
  app.add_flag("--print-config", a.print_config,
               "Print every key that has an effect with the value that would hold, and stop");
  app.footer(
      "Later wins: defaults, --config, --hyperparameters and --augmentations, --set, other flags.\n"
      "From scratch, on photos of any size, 300 steps:\n"
      "  train --train-annotations train.json --train-images photos --val-annotations val.json --val-images photos \\\n"
      "        --out runs/first --config config.json --set train.pretrained=false --max-steps 300\n"
      "Ctrl-C (or SIGTERM) ends a run after its step, or in a validation, which --resume makes up for, and keeps "
      "it; the exit code is then 130 (143).\n"
      "Then: predict --weights runs/first/best.safetensors --images photos --results results.json --overlay overlays");
}

// One place for the order in which settings win.
RunConfig merged(RunConfig config, const Arguments& a) {
  if (!a.config.empty()) apply_config(config, a.config);
  if (!a.hyperparameters.empty()) apply_hyperparameters(config, a.hyperparameters);
  if (!a.augmentations.empty()) apply_augmentations(config, a.augmentations);
  for (const std::string& setting : a.settings) apply_setting(config, setting);
  if (a.dtype) apply_setting(config, fmt::format("train.dtype={}", *a.dtype), "--dtype");
  if (a.seed) apply_setting(config, fmt::format("train.seed={}", *a.seed), "--seed");
  if (a.max_steps) apply_setting(config, fmt::format("train.max_steps={}", *a.max_steps), "--max-steps");
  return config;
}

void check_arguments(const Arguments& a) {
  check(!a.train_annotations.empty() && !a.train_images.empty() && !a.out.empty(),
        "--train-annotations, --train-images and --out are needed (--help lists the arguments)");
  check(a.val_annotations.empty() == a.val_images.empty(), "--val-annotations and --val-images go together");
  check(!(a.resume && !a.weights.empty()), "--resume goes on with {}'s own weights; --weights does not go with it",
        a.out);
}

constexpr const char* kOutputs[] = {"config.json", "log.jsonl", "metrics.json", "last.safetensors", "best.safetensors"};

// A run's files are none of what it reads; but a resumed one's are its own.
void check_outputs(const Arguments& a, const std::vector<fs::path>& inputs) {
  if (a.resume) return;
  for (const char* name : kOutputs) check_no_input(fs::path(a.out) / name, inputs);
}

Annotations annotations_of(const Arguments& a, const std::string& path) {
  Annotations annotations = read_annotations(path, nullptr, exif_of(a.exif));
  check_outputs(a, annotations.files);
  return annotations;
}

Dataset dataset(Annotations annotations, const std::string& images, const CategoryTable& table, const RunConfig& config,
                Purpose purpose, Exif exif) {
  Dataset d(std::move(annotations), images, table, preparation(config), purpose, exif);
  for (const std::string& warning : d.warnings()) warn(warning);
  return d;
}

// A run goes on as if it had not stopped only on the same data from the same seed.
void check_same_run(const Checkpoint& resumed, const RunConfig& config, const Dataset& training,
                    const std::string& source) {
  check(config.train.seed == resumed.config.train.seed, "{}: its seed is {}, not {}; the same expected to resume",
        source, resumed.config.train.seed, config.train.seed);
  const std::string &optimizer = resumed.config.train.optimizer, &wanted = config.train.optimizer;
  check(optimizer == wanted, "{}: its optimizer is {}, not {}; the same expected to resume", source, optimizer, wanted);
  const int64_t photos = resumed.progress.photos, given = int64_t(training.size());
  check(photos == 0 || photos == given,
        "{}: it trained on {} photos, --train-annotations has {}; the same expected to resume (--weights starts anew "
        "from its weights)",
        source, photos, given);
}

void check_same_categories(const CategoryTable& ours, const CategoryTable& theirs, const std::string& source) {
  check(ours == theirs, "{}: its categories are not those of --train-annotations; the same expected to resume", source);
}

// What the model starts from: nothing, a file's weights, or torchvision's published ones.
struct Start {
  std::string source;  // empty: from scratch
  WeightsFile file;
  RunConfig base;  // what the settings are laid over
};

Start start_of(const Arguments& a) {
  Start start;
  const RunConfig config = merged({}, a);
  start.source = a.weights;
  if (start.source.empty() && config.train.pretrained) start.source = find_pretrained(config.model.backbone).string();
  if (start.source.empty()) return start;
  start.file = read_weights(start.source);
  start.base.model = start.file.config.model;
  return start;
}

MaskRcnn new_model(const RunConfig& config, const CategoryTable& categories, Start start) {
  MaskRcnn model(config.model, config.train.seed);
  if (start.source.empty()) return model;
  fmt::print("starts from {}\n", is_backbone(start.file.weights)
                                     ? load_backbone(model, start.file.weights, start.source)
                                     : load_for_training(model, categories, start.file, start.source));
  return model;
}

std::atomic<int> received = 0;  // SIGINT or SIGTERM, on whatever thread

// The first signal ends the run after its step, a second one at once.
void stop_on_signals() {
  struct sigaction action {};
  action.sa_handler = [](int signal) { received = signal; };
  action.sa_flags = SA_RESETHAND | SA_RESTART;
  for (const int signal : {SIGINT, SIGTERM}) sigaction(signal, &action, nullptr);
}

fs::path last_of(const Arguments& a) { return fs::path(a.out) / "last.safetensors"; }

// As a run would have it; but no data is read, and published weights are not looked for.
int print_config(const Arguments& a) {
  RunConfig base;
  if (a.resume)
    base = read_checkpoint(last_of(a)).config;
  else if (!a.weights.empty())
    base.model = read_weights(a.weights).config.model;
  RunConfig config = merged(base, a);
  complete(config, config.model.num_classes, a.resume || !a.weights.empty());
  fmt::print("{}", to_json(config));
  return 0;
}

int run_training(const Arguments& a) {
  check_arguments(a);
  const Device device = Device::parse(a.device);
  check_outputs(a, {a.config, a.hyperparameters, a.augmentations, a.weights});
  const fs::path last = last_of(a);
  std::optional<Checkpoint> resumed;
  if (a.resume) resumed = read_checkpoint(last);
  Start start;
  if (!resumed) start = start_of(a);
  RunConfig config = merged(resumed ? resumed->config : start.base, a);

  Annotations annotations = annotations_of(a, a.train_annotations);
  const CategoryTable table = CategoryTable::by_rank(annotations);
  check(!table.rows.empty(), "{}: has no categories; one or more expected", a.train_annotations);
  if (resumed) check_same_categories(table, resumed->categories, last.string());
  const Exif exif = exif_of(a.exif);
  complete(config, table.num_classes(), resumed || !start.source.empty());
  const Dataset training = dataset(std::move(annotations), a.train_images, table, config, Purpose::training, exif);
  if (resumed) check_same_run(*resumed, config, training, last.string());
  std::optional<Dataset> validation;
  if (!a.val_annotations.empty())
    validation.emplace(
        dataset(annotations_of(a, a.val_annotations), a.val_images, table, config, Purpose::validation, exif));

  MaskRcnn model = new_model(config, table, std::move(start));  // whose file is needed no more
  if (resumed) load_state_dict_exact(leaves(model), resumed->weights, last.string());
  model.move_to(device);
  std::error_code error;
  fs::create_directories(a.out, error);
  check(!error, "{}: cannot be made: {}", a.out, error.message());
  const FolderLock only_run(a.out);
  check(resumed || !fs::exists(last), "{} exists; --resume goes on with that run, another --out starts a new one",
        last.string());
  if (only_run.held())
    for (const char* name : kOutputs) remove_leftovers(fs::path(a.out) / name);

  fmt::print("{} photos, {} classes, {} weights, {} of them train, {} steps\n", training.size(), table.rows.size(),
             count_elements(leaves(model)), count_elements(trainable(leaves(model))),
             total_steps(config.train, int64_t(training.size())));
  stop_on_signals();
  const auto [done, stopped] = train(model, {config, training, validation ? &*validation : nullptr, a.out,
                                             std::move(resumed), [] { return received != 0; }});
  if (done.best_step > 0)
    fmt::print("best mask AP50 {:.3f} at step {}: {}\n", done.best_score, done.best_step,
               (fs::path(a.out) / "best.safetensors").string());
  fmt::print("after step {}: {}\n", done.step, last.string());
  return stopped ? 128 + received : 0;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments a;
  return run_program(
      argc, argv, "Trains Mask R-CNN on photos with annotated objects.", [&](CLI::App& app) { define(app, a); },
      [&] { return a.print_config ? print_config(a) : run_training(a); });
}
