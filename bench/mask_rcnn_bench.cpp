// Times Mask R-CNN as a whole: detection, or training steps (forward, backward, optimizer), of a batch without its
// loading, with a table of stages and the peak memory.  Prints one JSON line at the end, for
// bench/compare_torchvision.py.
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include "apps/device.h"
#include "apps/program.h"
#include "data/dataset.h"
#include "data/loader.h"
#include "models/mask_rcnn.h"
#include "nn/safetensors.h"
#include "tensor/arena.h"
#include "tensor/range.h"
#include "tensor/recorded.h"
#include "tensor/threads.h"
#include "train/training_step.h"

namespace {

using namespace sil;
using Clock = std::chrono::steady_clock;

double seconds(Clock::time_point since) { return std::chrono::duration<double>(Clock::now() - since).count(); }

double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return v.empty() ? 0 : (v[(v.size() - 1) / 2] + v[v.size() / 2]) / 2;
}

struct Options {
  std::string annotations, images, weights, backbone = "resnet50", dtype = "f32", device = "cpu";
  int classes = 91, size = 800, max_size = 800, repeat = 3;
  std::vector<int> resize;  // height, width
  std::optional<int> batch;
  bool train = false;

  int photos() const { return batch.value_or(train ? 4 : 1); }
};

// Times `work` on a batch each, after those that prepare it; of the last, each stage.  On a GPU that is what the host
// takes: a stage's work may run on behind it, until one reads a result.  Returns the members of the JSON line.
template <class F>
std::string time_runs(const char* what, MaskRcnn& model, Loader& loader, int repeat, int photos, F work) {
  std::vector<double> times;
  const auto next = [&] { return collate(*loader.next(), model.device()); };
  for (int i = 0; i < (Recorded::possible(model.device()) ? 2 : 1); ++i) work(next(), 0);
  Arena::of(model.device()).reset_peak();
  for (int i = 1; i <= repeat; ++i) {
    const Batch batch = next();
    const auto start = Clock::now();
    work(batch, i);
    times.push_back(seconds(start));
  }
  const int64_t peak = Arena::of(model.device()).peak();
  const Batch batch = next();
  const RangeLog log;
  work(batch, repeat + 1);
  fmt::print("{:<28} {:>10}\n", "stage", "ms");
  for (const auto& [name, milliseconds] : log.milliseconds) fmt::print("{:<28} {:>10.1f}\n", name, milliseconds);
  return fmt::format(R"("what": "{}", "median_s": {:.6f}, "per_image_s": {:.6f}, "peak_bytes": {}, "threads": {})",
                     what, median(times), median(times) / photos, peak, threads());
}

void bench_detect(MaskRcnn& model, Loader& loader, const Options& o) {
  model.fold(o.dtype == "bf16" ? DType::bf16 : DType::f32);
  const auto work = [&](const Batch& batch, int i) {
    const auto detections = model.detect(batch);
    if (i == 1) fmt::print("{} detections in the first photo\n", detections[0].boxes.size());
  };
  fmt::print("{{{}}}\n", time_runs("detect", model, loader, o.repeat, o.photos(), work));
}

// Whether a GPU took its steps as one launch each.
std::string counts_of(const TrainingStep& step) {
  const TrainingStep::Counts& c = step.counts();
  if (!c.reason.empty()) warn("steps were not recorded: " + c.reason);
  return fmt::format(R"("recorded": {{"replayed": {}, "first": {}, "not_recorded": {}, "dropped": {}}})", c.replayed,
                     c.first, c.not_recorded, c.dropped);
}

void bench_train(MaskRcnn& model, Loader& loader, const Options& o) {
  const std::vector<Leaf> parts = leaves(model);
  if (o.dtype == "bf16") model.compute_in(DType::bf16);
  Optimizer optimizer(parts, {});
  std::optional<TrainingStep> step;
  std::string recorded;  // of the steps that are timed, and those before
  const auto work = [&](const Batch& batch, int i) {
    if (step && i > o.repeat) recorded = counts_of(*step);
    if (!step || i > o.repeat) step.emplace(model, optimizer, std::nullopt);  // the first of a shape shows its stages
    // With a rate, random weights may soon be NaN, which find no RoIs.  A GPU's work is done when the values are there.
    (*step)(batch, RngKey{uint64_t(i)}, 0).values();
  };
  const std::string times = time_runs("train", model, loader, o.repeat, o.photos(), work);
  fmt::print("{{{}, {}}}\n", times, recorded);
}

int run(const Options& o) {
  ModelConfig config;
  config.backbone = o.backbone, config.num_classes = o.classes;
  MaskRcnn model(config, 1);
  if (!o.weights.empty()) load_state_dict_exact(leaves(model), read_safetensors(o.weights).tensors, o.weights);
  model.move_to(Device::parse(o.device));
  Annotations annotations = read_annotations(o.annotations);
  CategoryTable table = CategoryTable::by_rank(annotations);
  Preparation preparation{{}, {o.size, o.max_size}};
  if (!o.resize.empty()) preparation.augmentations = {Resize{o.resize[0], o.resize[1]}};
  const Dataset data(std::move(annotations), o.images, table, preparation,
                     o.train ? Purpose::training : Purpose::prediction);
  LoaderOptions options;
  options.batch_size = o.photos();
  Loader loader(data, options);
  o.train ? bench_train(model, loader, o) : bench_detect(model, loader, o);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options o;
  return run_program(
      argc, argv, "Times Mask R-CNN: detection, or training steps with --train.",
      [&](CLI::App& app) {
        app.add_option("--annotations", o.annotations, "COCO JSON of the photos")->required();
        app.add_option("--images", o.images, "Folder of the photos")->required();
        app.add_option("--weights", o.weights, "A .safetensors; random without it");
        app.add_option("--backbone", o.backbone);
        app.add_option("--classes", o.classes, "With background");
        app.add_option("--min-size", o.size)->check(CLI::Range(1, 100000));
        app.add_option("--max-size", o.max_size)->check(CLI::Range(1, 100000));
        app.add_option("--resize", o.resize, "HEIGHT WIDTH: every photo gets this size, whatever its shape")
            ->expected(2)
            ->check(CLI::Range(1, 100000));
        app.add_option("--batch", o.batch, "Photos at once; 4 to train, 1 to detect without it")
            ->check(CLI::Range(1, 100000));
        app.add_option("--repeat", o.repeat, "Timed runs, after one or two that are not")->check(CLI::Range(1, 100000));
        app.add_option("--dtype", o.dtype, "f32 or bf16")->check(CLI::IsMember({"f32", "bf16"}));
        add_device(app, o.device);
        app.add_flag("--train", o.train);
      },
      [&] { return run(o); });
}
