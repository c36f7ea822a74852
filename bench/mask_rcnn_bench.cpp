// Times Mask R-CNN as a whole: detection on one photo at a time, or training steps (forward, backward, optimizer; no
// loading), with a table of stages and the peak memory.  Prints one JSON line at the end, for
// bench/compare_torchvision.py.
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <map>

#include "apps/device.h"
#include "apps/program.h"
#include "autograd/ops.h"
#include "data/dataset.h"
#include "data/loader.h"
#include "models/mask_rcnn.h"
#include "nn/optimizer.h"
#include "nn/safetensors.h"
#include "tensor/arena.h"
#include "tensor/threads.h"

namespace {

using namespace sil;
using Clock = std::chrono::steady_clock;

double seconds(Clock::time_point since) { return std::chrono::duration<double>(Clock::now() - since).count(); }

double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return v.empty() ? 0 : (v[(v.size() - 1) / 2] + v[v.size() / 2]) / 2;
}

// A stage's time is what passes between the stage before and its end.  On a GPU that is what the host takes: a stage's
// work may run on behind it, until one reads a result.
struct StageTimer : Probe {
  Clock::time_point last = Clock::now();
  std::vector<std::string> order;
  std::map<std::string, double> spent;
  void start() { last = Clock::now(); }
  Tensor stage(const std::string& name, const Tensor&) override { return mark(name), Tensor(); }
  void mark(const std::string& name) {
    if (!spent.contains(name)) order.push_back(name);
    spent[name] += seconds(last);
    last = Clock::now();
  }
};

struct Options {
  std::string annotations, images, weights, backbone = "resnet50", dtype = "f32", device = "cpu";
  int classes = 91, size = 800, max_size = 800, batch = 4, repeat = 3;
  bool train = false;
};

void report(const char* what, const std::vector<double>& times, StageTimer& stages, int photos, Device device) {
  const int runs = int(times.size());
  fmt::print("{:<28} {:>10}\n", "stage", "ms");
  for (const std::string& name : stages.order) fmt::print("{:<28} {:>10.1f}\n", name, 1e3 * stages.spent[name] / runs);
  fmt::print(
      "{{\"what\": \"{}\", \"median_s\": {:.4f}, \"per_image_s\": {:.4f}, \"peak_bytes\": {}, \"threads\": {}}}\n",
      what, median(times), median(times) / photos, Arena::of(device).peak(), threads());
}

void bench_detect(MaskRcnn& model, Loader& loader, const Options& o) {
  model.fold(o.dtype == "bf16" ? DType::bf16 : DType::f32);
  StageTimer stages;
  std::vector<double> times;
  size_t found = 0;
  for (int i = -1; i < o.repeat; ++i) {
    const Batch batch = loader.next()->to(model.device());
    if (i == 0) stages = {}, Arena::of(model.device()).reset_peak();
    stages.start();
    const auto t = Clock::now();
    const auto detections = model.detect(batch, &stages);
    if (i >= 0) times.push_back(seconds(t)), found += detections[0].boxes.size();
  }
  fmt::print("{:.1f} detections a photo\n", double(found) / o.repeat);
  report("detect", times, stages, 1, model.device());
}

void bench_train(MaskRcnn& model, Loader& loader, const Options& o) {
  const std::vector<Leaf> parts = leaves(model);
  Optimizer optimizer(parts, {});
  StageTimer stages;
  std::vector<double> times;
  for (int i = -1; i < o.repeat; ++i) {
    const Batch batch = loader.next()->to(model.device());
    if (i == 0) stages = {}, Arena::of(model.device()).reset_peak();
    stages.start();
    const auto t = Clock::now();
    const Losses losses = model.losses(batch, Mode::train, RngKey{uint64_t(i + 1)}, &stages);
    stages.mark("losses");
    optimizer.zero_grad();
    backward(losses.all());
    stages.mark("backward");
    optimizer.step(1e-5);
    parts.front().value().rows(0, 1).to(Device::cpu());  // a GPU's work is done when this has arrived
    stages.mark("optimizer");
    if (i >= 0) times.push_back(seconds(t));
  }
  report("train", times, stages, o.batch, model.device());
}

int run(const Options& o) {
  ModelConfig config;
  config.backbone = o.backbone, config.num_classes = o.classes;
  MaskRcnn model(config, RngKey{1});
  if (!o.weights.empty()) load_state_dict_exact(leaves(model), read_safetensors(o.weights).tensors, o.weights);
  model.move_to(Device::parse(o.device));
  Annotations annotations = read_annotations(o.annotations);
  CategoryTable table = CategoryTable::by_rank(annotations);
  const Preparation preparation{{}, {o.size, o.max_size}};
  const Dataset data(std::move(annotations), o.images, table, preparation,
                     o.train ? Purpose::training : Purpose::prediction);
  LoaderOptions options;
  options.batch_size = o.train ? o.batch : 1;
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
        app.add_option("--min-size", o.size);
        app.add_option("--max-size", o.max_size);
        app.add_option("--batch", o.batch, "Photos a training step");
        app.add_option("--repeat", o.repeat, "Timed runs, after one that is not");
        app.add_option("--dtype", o.dtype, "f32 or bf16, for detection");
        add_device(app, o.device);
        app.add_flag("--train", o.train);
      },
      [&] { return run(o); });
}
