// COCO's numbers of detections against annotations: of results files, or of a model run first.
#include <fmt/core.h>

#include <optional>

#include "apps/bn_eps.h"
#include "apps/explain.h"
#include "apps/inputs.h"
#include "apps/output.h"
#include "apps/photos.h"
#include "apps/program.h"
#include "eval/evaluation.h"
#include "train/checkpoint.h"
#include "train/detect.h"
#include "train/status.h"

namespace {

namespace fs = std::filesystem;

struct Arguments {
  fs::path annotations, json, images, weights;
  std::vector<fs::path> results;
  std::string device = "cpu", dtype = "f32", exif = "ignore";
  std::vector<std::string> iou{"bbox", "segm"};
  std::optional<float> bn_eps;
  bool per_class = false;
  sil::ExplainFlags explain;
};

// All files, one after the other: the order decides between equal scores.
std::vector<sil::Detection> read_all(const std::vector<fs::path>& files, const sil::Annotations& annotations) {
  std::vector<sil::Detection> out;
  for (const fs::path& file : files) {
    std::vector<sil::Detection> some = sil::read_results(file);
    sil::check_photos(annotations, some, file.string());
    out.insert(out.end(), std::make_move_iterator(some.begin()), std::make_move_iterator(some.end()));
  }
  return out;
}

// What the model finds in the annotations' photos, one after the other.
std::vector<sil::Detection> detect(const Arguments& args, const sil::Annotations& annotations) {
  const sil::WeightsFile weights = sil::read_weights(args.weights, args.bn_eps);
  sil::check_categories(weights.categories, annotations, args.weights.string());
  sil::MaskRcnn model = sil::model_of(weights, args.weights.string());
  model.fold(args.dtype == "bf16" ? sil::DType::bf16 : sil::DType::f32);
  const sil::Dataset photos(annotations, args.images, weights.categories, preparation(weights.config),
                            sil::Purpose::prediction, sil::exif_of(args.exif));
  std::vector<sil::Detection> out;
  sil::Status status(int64_t(photos.size()), "photo");
  sil::detect_all(model, photos, [&](size_t i, const std::vector<sil::Detection>& found) {
    out.insert(out.end(), found.begin(), found.end());
    status.update(int64_t(i) + 1);
  });
  if (!args.results.empty()) sil::write_results(args.results.front(), out, &annotations);
  return out;
}

bool asked(const Arguments& args, const char* iou_type) { return std::ranges::count(args.iou, iou_type) > 0; }

void check_arguments(const Arguments& args) {
  sil::check(args.images.empty() == args.weights.empty(),
             "--images and --weights go together: they run the model first");
  sil::check(!args.weights.empty() || !args.results.empty(),
             "--results, or --images and --weights, expected: what is to be evaluated (--help lists the arguments)");
  sil::check(args.weights.empty() || args.results.size() <= 1,
             "--results is given {} times; with --weights it is the one file to write", args.results.size());
  if (!args.weights.empty() && !args.results.empty()) sil::check_folder_of(args.results.front());
  if (!args.json.empty()) sil::check_folder_of(args.json);
  const bool explained = args.explain.explain || !args.explain.curves.empty() || !args.explain.compare.empty();
  sil::check(!explained || asked(args, "bbox") || asked(args, "segm"),
             "--explain, --curves and --compare look at bbox and segm; --iou has neither");
  if (!args.explain.curves.empty()) {
    sil::check_no_input(args.explain.curves, {args.images});
    sil::make_folder(args.explain.curves);
  }
  sil::check(sil::Device::parse(args.device).kind() == sil::Device::Kind::cpu,
             "--device is {}; the model runs on the cpu alone yet", args.device);
}

// What will be written is none of what is read, nor the other of the two.
void check_outputs(const Arguments& args, const sil::Annotations& annotations) {
  std::vector<fs::path> outputs, inputs{args.annotations, args.weights};
  if (!args.json.empty()) outputs.push_back(args.json);
  inputs.insert(inputs.end(), args.explain.compare.begin(), args.explain.compare.end());
  auto& results = args.weights.empty() ? inputs : outputs;
  results.insert(results.end(), args.results.begin(), args.results.end());
  if (!args.images.empty())
    for (const sil::Photo& photo : annotations.photos) inputs.push_back(args.images / photo.file_name);
  for (const fs::path& out : outputs)
    for (const fs::path& in : inputs) sil::check_no_input(out, {in});
  sil::check(outputs.size() < 2 || fs::weakly_canonical(outputs[0]) != fs::weakly_canonical(outputs[1]),
             "{}: given for --json and for --results", args.json.string());
}

// What to look at where AP is 0 or -1, unless it is explained anyway.
void warn_of_causes(const sil::Metrics& metrics, const sil::Annotations& annotations,
                    std::span<const sil::Detection> detections, const sil::Evaluation& evaluation) {
  if ((metrics.bbox && metrics.bbox->AP <= 0) || (metrics.segm && metrics.segm->AP <= 0))
    for (const sil::Cause& cause : sil::causes(annotations, detections, evaluation))
      fmt::print(stderr, "warning: {}\n", cause.text);
}

void print(const sil::Metrics& metrics, bool per_class) {
  const auto part = [](const char* type, const std::optional<sil::Summary>& summary) {
    if (summary) fmt::print("Evaluate annotation type *{}*\n{}", type, sil::summary_text(*summary));
  };
  part("bbox", metrics.bbox);
  part("segm", metrics.segm);
  part("boundary", metrics.boundary);
  if (per_class) fmt::print("\n{}", sil::class_table(metrics));
}

int evaluate(const Arguments& args) {
  check_arguments(args);
  const sil::Annotations annotations = sil::read_annotations(args.annotations);
  check_outputs(args, annotations);
  const std::vector<sil::Detection> detections =
      args.weights.empty() ? read_all(args.results, annotations) : detect(args, annotations);
  sil::Evaluation evaluation(annotations, {.bbox = asked(args, "bbox"),
                                           .segm = asked(args, "segm"),
                                           .boundary = asked(args, "boundary"),
                                           .torchmetrics = !args.json.empty()});
  evaluation.add_all(detections);
  for (const std::string& warning : evaluation.warnings()) fmt::print(stderr, "warning: {}\n", warning);
  const sil::Metrics metrics = evaluation.metrics();
  const std::string name = args.results.empty() ? args.weights.string() : args.results.front().string();
  const sil::Said said = sil::explain_all(args.explain, name, annotations, detections, evaluation);
  if (!args.explain.explain) warn_of_causes(metrics, annotations, detections, evaluation);
  if (!args.json.empty()) sil::write_json(args.json, metrics, said.blocks);
  print(metrics, args.per_class);
  fmt::print("{}", said.text);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments args;
  return sil::run_program(
      argc, argv,
      "Average precision and recall of detections, equal to pycocotools' to the last bit: the twelve lines for boxes "
      "and for masks. What pycocotools ignores silently is ignored and counted in a warning.",
      [&](CLI::App& app) {
        app.add_option("--annotations", args.annotations, "COCO JSON, or a folder in label schema")->required();
        app.add_option("--results", args.results,
                       "COCO results JSON; several files count as one; with --weights: to write");
        app.add_option("--images", args.images, "Folder of the photos: run the model of --weights on them first");
        app.add_option("--weights", args.weights, "A run's checkpoint, or torchvision's weights (.pth, .safetensors)");
        sil::add_bn_eps(app, args.bn_eps);
        app.add_option("--device", args.device, "Of the model: cpu, cuda or cuda:N");
        app.add_option("--dtype", args.dtype, "Of the model: f32, or bf16, which is faster where the CPU has it")
            ->check(CLI::IsMember({"f32", "bf16"}));
        sil::add_exif(app, args.exif);
        app.add_option("--iou", args.iou,
                       "What overlaps are measured on, some of bbox, segm and boundary (Boundary IoU)")
            ->delimiter(',')
            ->check(CLI::IsMember({"bbox", "segm", "boundary"}))
            ->capture_default_str();
        app.add_flag("--per-class", args.per_class, "A table of classes too");
        app.add_option("--json", args.json,
                       "Write the numbers there with 17 digits, those of each class and torchmetrics' too");
        args.explain.add_to(app);
        app.footer(
            "Examples:\n"
            "  evaluate --annotations instances_val2017.json --results detections.json\n"
            "  evaluate --annotations val.json --results detections.json --iou segm --per-class --json metrics.json\n"
            "  evaluate --annotations val.json --results mine.json --explain --curves pictures\n"
            "  evaluate --annotations val.json --results mine.json --compare theirs.json\n"
            "  evaluate --annotations val.json --images photos --weights runs/first/best.safetensors");
      },
      [&] { return evaluate(args); });
}
