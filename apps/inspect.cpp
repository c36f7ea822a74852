// Every stage of a pass as a file of tensors or as pictures, two such files held against each other, and what each
// module costs.
#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "apps/bn_eps.h"
#include "apps/device.h"
#include "apps/inputs.h"
#include "apps/inspect_pictures.h"
#include "apps/output.h"
#include "apps/photos.h"
#include "apps/program.h"
#include "data/dataset.h"
#include "data/image.h"
#include "models/model_tree.h"
#include "models/stage_diff.h"
#include "models/stages.h"
#include "nn/safetensors.h"
#include "tensor/atomic_file.h"
#include "train/checkpoint.h"

namespace {

namespace fs = std::filesystem;
using namespace sil;

struct Arguments {
  std::string weights, image, annotations, images, image_ids, out, given, pictures, json;
  std::string device = "cpu", dtype = "f32", exif = "ignore";
  std::optional<int> min_size, max_size;
  std::optional<float> bn_eps;
  std::vector<std::string> diff;
  double rtol = 1e-4;
  bool only_common = false, tree = false;
  std::optional<int> steps;
};

// Slow enough that rounding does not grow into another run (`--steps`).
constexpr double kCurveRate = 1e-5;
const OptimizerConfig kCurve{.kind = OptimizerConfig::Kind::sgd, .momentum = 0.9, .weight_decay = 0.05};

void define_common(CLI::App& app, Arguments& a) {
  app.add_option("--weights", a.weights, "A run's checkpoint, or torchvision's weights (.pth, .safetensors)")
      ->required();
  app.add_option("--out", a.out, "The stages, as .safetensors");
  app.add_option("--pictures", a.pictures, "Folder for the stages as pictures with captions");
  app.add_option("--min-size", a.min_size, "Short side of the model's input; else the weights' own")
      ->check(CLI::Range(1, 100000));
  app.add_option("--max-size", a.max_size, "Long side at most")->check(CLI::Range(1, 100000));
  app.add_option("--given", a.given, "The heads see the proposals of these stages instead of the model's own");
  app.add_option("--dtype", a.dtype, "f32, or f64: all arithmetic in float64 on plain loops, slow, as a reference")
      ->check(CLI::IsMember({"f32", "f64"}))
      ->capture_default_str();
  add_device(app, a.device);
  add_bn_eps(app, a.bn_eps);
  add_exif(app, a.exif);
}

// --given's stages, if any; they must have the proposals of each photo, and of each step of a curve.
Stages given_stages(const Arguments& a, int64_t photos) {
  if (a.given.empty()) return {};
  Stages given = read_safetensors(a.given).tensors;
  for (int64_t i = 0; i < photos; ++i)
    for (int step = 0; step < a.steps.value_or(1); ++step) {
      const std::string name = a.steps ? fmt::format("proposals.{}.{}", i, step) : fmt::format("proposals.{}", i);
      check(given.contains(name), "{}: has no {}; stages of as many photos{} expected", a.given, name,
            a.steps ? " and steps" : "");
    }
  return given;
}

// What is written, if anything, is none of these.
void check_outputs(const Arguments& a, const std::vector<fs::path>& inputs) {
  for (const std::string& file : {a.out, a.json})
    if (!file.empty()) check_no_input(file, inputs);
}

WeightsFile read_model(const Arguments& a) {
  for (const std::string& file : {a.out, a.json})
    if (!file.empty()) check_folder_of(file);
  check_outputs(a, {a.weights, a.image, a.annotations, a.given});
  check(Device::parse(a.device).kind() == Device::Kind::cpu || (a.dtype == "f32" && !a.tree),
        "--device is {}; --dtype f64 and --tree are computed on the cpu", a.device);
  check(a.pictures.empty() || a.dtype == "f32", "--pictures are of f32; --dtype is {}", a.dtype);
  if (!a.pictures.empty()) make_folder(a.pictures);
  WeightsFile file = read_weights(a.weights, a.bn_eps);
  check(!has_resize(file.config.augmentations) || (!a.min_size && !a.max_size),
        "{}: its Resize rules the size of photos; --min-size and --max-size have no effect", a.weights);
  ModelConfig& model = file.config.model;
  if (a.min_size) model.min_size = *a.min_size;
  if (a.max_size) model.max_size = *a.max_size;
  return file;
}

MaskRcnn model_for(const Arguments& a, const WeightsFile& file) {
  MaskRcnn model = model_of(file, a.weights);
  if (a.dtype == "f64") model.widen();
  model.move_to(Device::parse(a.device));
  return model;
}

void write_stages(const Arguments& a, const Stages& stages) {
  if (a.out.empty()) return;
  write_safetensors(a.out, {stages, {}});
  fmt::print("{}: {} stages\n", a.out, stages.size());
}

Batch batch_of(const Tensor& photo, const WeightsFile& file, Device device) {
  Example e;
  e.photo = photo;
  e.original = {int(photo.dim(0)), int(photo.dim(1))};
  return collate({prepare(std::move(e), preparation(file.config), {})}, device);
}

void print_tree(const Arguments& a, MaskRcnn& model, const Batch& batch) {
  const ModelTree tree = model_tree(model, batch);
  fmt::print("{}", to_text(tree));
  if (!a.json.empty()) write_atomically(a.json, [&](std::ostream& out) { out << to_json(tree); });
}

int infer(const Arguments& a) {
  check(!a.out.empty() || !a.pictures.empty() || a.tree, "infer: --out, --pictures or --tree expected");
  check(a.json.empty() || a.tree, "--json is --tree's; --tree expected");
  const WeightsFile file = read_model(a);
  MaskRcnn model = model_for(a, file);
  const Tensor photo = read_image(a.image, exif_of(a.exif));
  const Batch batch = batch_of(photo, file, model.device());
  if (a.tree) print_tree(a, model, batch);
  if (a.out.empty() && a.pictures.empty()) return 0;
  const Stages stages = detection_stages(model, batch, given_stages(a, 1));
  write_stages(a, stages);
  if (!a.pictures.empty()) draw_detection(a.pictures, stages, photo, finest_level(batch), names_of(file.categories));
  return 0;
}

std::vector<int64_t> ids_of(const std::string& text) {
  std::vector<int64_t> ids;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, ',');) {
    size_t end = 0;
    try {
      ids.push_back(std::stoll(part, &end));
    } catch (const std::exception&) {
    }
    check(end > 0 && end == part.size(), "--image-ids is {}; ids with commas between expected", text);
  }
  check(!ids.empty() && std::set<int64_t>(ids.begin(), ids.end()).size() == ids.size(),
        "--image-ids is {}; one or more different ids expected", text);
  return ids;
}

// These photos alone, in this order.
Annotations selected(const Annotations& all, const std::vector<int64_t>& ids) {
  Annotations some;
  some.source = all.source, some.categories = all.categories;
  for (int64_t id : ids) {
    const auto row = all.photo_row.find(id);
    check(row != all.photo_row.end(), "{}: has no image {}", all.source, id);
    some.photos.push_back(all.photos[row->second]);
    for (size_t i : all.by_photo[row->second]) some.annotations.push_back(all.annotations[i]);
  }
  some.index();
  return some;
}

int train_step(const Arguments& a) {
  check(!a.out.empty() || !a.pictures.empty(), "train: --out or --pictures expected");
  check(!a.steps || a.pictures.empty(), "--steps gives curves, of which there are no --pictures");
  WeightsFile file = read_model(a);
  every_candidate(file.config.model);
  MaskRcnn model = model_for(a, file);
  const Annotations all = read_annotations(a.annotations);
  check_outputs(a, all.files);
  const Annotations photos = selected(all, ids_of(a.image_ids));
  for (const Photo& photo : photos.photos) check_outputs(a, {fs::path(a.images) / photo.file_name});
  // A data set without objects is refused; a batch without any is a step like others.
  const bool objects = std::any_of(photos.annotations.begin(), photos.annotations.end(),
                                   [](const Annotation& annotation) { return !annotation.crowd; });
  const Dataset dataset(photos, a.images, file.categories, preparation(file.config),
                        objects ? Purpose::validation : Purpose::prediction, exif_of(a.exif));
  for (const std::string& warning : dataset.warnings()) warn(warning);
  std::vector<Example> examples;
  for (size_t i = 0; i < dataset.size(); ++i) examples.push_back(dataset.load(i, RngKey{}));
  const Batch batch = collate(examples, model.device());
  if (a.steps) {
    write_stages(a, training_curve(model, batch, *a.steps, kCurveRate, kCurve, given_stages(a, batch.photos.dim(0))));
    return 0;
  }
  const Tensor photo =
      a.pictures.empty() ? Tensor() : read_image(fs::path(a.images) / photos.photos[0].file_name, exif_of(a.exif));
  if (photo.defined()) {  // before a step moves running statistics
    const Batch alone = batch_of(photo, file, model.device());
    draw_detection(a.pictures, detection_stages(model, alone), photo, finest_level(alone), names_of(file.categories));
  }
  const Stages stages = training_stages(model, batch, given_stages(a, batch.photos.dim(0)));
  write_stages(a, stages);
  if (photo.defined()) draw_training(a.pictures, stages, collate(examples), file.config.model.rpn.matcher);
  return 0;
}

int diff(const Arguments& a) {
  std::vector<StageDiff> all =
      diff_stages(read_safetensors(a.diff[0]).tensors, read_safetensors(a.diff[1]).tensors, a.rtol);
  if (a.only_common) std::erase_if(all, [](const StageDiff& d) { return d.text == "missing"; });
  std::vector<double> gradients;
  size_t beyond = 0;
  for (const StageDiff& d : all) {
    fmt::print("{:60s} {}{}\n", d.name, d.text, d.beyond ? "  BEYOND" : "");
    beyond += d.beyond;
    if (d.error && d.name.starts_with("grad.")) gradients.push_back(*d.error);
  }
  std::sort(gradients.begin(), gradients.end());
  if (!gradients.empty())
    fmt::print("gradients: median {:.2e}, worst {:.2e}\n", gradients[gradients.size() / 2], gradients.back());
  fmt::print("{} stages, {} beyond {:g}\n", all.size(), beyond, a.rtol);
  return beyond ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments a;
  CLI::App *infer_app = nullptr, *train_app = nullptr;
  return run_program(
      argc, argv, "Shows what Mask R-CNN computes, stage by stage.  Each kind has its own --help: inspect infer --help",
      [&](CLI::App& app) {
        app.add_option("--diff", a.diff, "Two files of stages: whether the second equals the first up to rounding")
            ->expected(2);
        app.add_option("--rtol", a.rtol, "Tolerance of --diff: ten times this for masks, thirty times for gradients")
            ->check(between_0_and_1())
            ->capture_default_str();
        app.add_flag("--only-common", a.only_common, "--diff passes over stages that the second file lacks");
        app.require_subcommand(0, 1);
        infer_app = app.add_subcommand("infer", "The stages of detection in one photo");
        define_common(*infer_app, a);
        infer_app->add_option("--image", a.image, "The photo")->required();
        infer_app->add_flag("--tree", a.tree,
                            "The model as a tree: of each module weight and output shape, parameters, GMAC, "
                            "milliseconds and megabytes of activations in this photo");
        infer_app->add_option("--json", a.json, "The tree as JSON");
        train_app = app.add_subcommand("train", "The stages of a training step, losses and gradients included");
        define_common(*train_app, a);
        train_app->add_option("--annotations", a.annotations, "COCO JSON, or a folder in label schema")->required();
        train_app->add_option("--images", a.images, "Folder of its photos")->required();
        train_app->add_option("--image-ids", a.image_ids, "The batch: 1,2")->required();
        train_app
            ->add_option("--steps", a.steps,
                         "Instead: the losses of so many steps of SGD on the batch, and how far each parameter went")
            ->check(CLI::Range(1, 1000));
        train_app->footer(
            "Every candidate is a sample, so nothing is random.  --steps: rate 1e-5, momentum 0.9, weight decay 0.05.");
        app.footer(
            "Exit code 1: --diff found differences.\n"
            "  inspect infer --weights model.pth --image photo.jpg --out stages.safetensors\n"
            "  inspect infer --weights model.pth --image photo.jpg --tree\n"
            "  inspect train --weights model.pth --annotations val.json --images photos --image-ids 7 --pictures "
            "study\n"
            "  inspect --diff want.safetensors stages.safetensors");
      },
      [&] {
        if (*infer_app) return infer(a);
        if (*train_app) return train_step(a);
        check(a.diff.size() == 2, "infer, train or --diff expected (--help lists the arguments)");
        return diff(a);
      });
}
