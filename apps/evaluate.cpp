// COCO's numbers of detections against annotations: of results files, or of a model run first.
#include <fmt/core.h>

#include <optional>

#include "apps/bn_eps.h"
#include "apps/device.h"
#include "apps/explain.h"
#include "apps/inputs.h"
#include "apps/output.h"
#include "apps/photos.h"
#include "apps/program.h"
#include "apps/protocol_flags.h"
#include "eval/evaluation.h"
#include "eval/lenient_files.h"
#include "eval/npz.h"
#include "eval/part.h"
#include "train/checkpoint.h"
#include "train/detect.h"
#include "train/status.h"

namespace {

namespace fs = std::filesystem;

struct Arguments {
  fs::path annotations, json, arrays, weights;
  std::vector<std::string> images;  // the folder of photos with --weights, else ids
  fs::path partial;
  std::vector<fs::path> results, merge;
  std::string device = "cpu", dtype = "f32", exif = "ignore";
  std::vector<std::string> iou{"bbox", "segm"};
  std::optional<float> bn_eps;
  bool per_class = false;
  sil::ExplainFlags explain;
  sil::ProtocolFlags protocol;
};

// What the model finds in the annotations' photos, one after the other.
std::vector<sil::Detection> detect(const Arguments& args, const sil::Annotations& annotations) {
  const sil::WeightsFile weights = sil::read_weights(args.weights, args.bn_eps);
  sil::check_categories(weights.categories, annotations, args.weights.string());
  sil::MaskRcnn model = sil::model_of(weights, args.weights.string());
  model.move_to(sil::Device::parse(args.device));
  model.fold(args.dtype == "bf16" ? sil::DType::bf16 : sil::DType::f32);
  const sil::Dataset photos(annotations, args.images.front(), weights.categories, preparation(weights.config),
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
  if (!args.merge.empty())
    sil::check(args.annotations.empty() && args.results.empty() && args.weights.empty() && args.images.empty() &&
                   !args.protocol.given() && !args.explain.given(),
               "--merge takes parts, which know what was measured: no annotations, results or parameters beside it");
  else
    sil::check(!args.annotations.empty(), "--annotations is required (--help lists the arguments)");
  sil::check(args.weights.empty() || args.images.size() == 1,
             "--images is given {} times; with --weights, whose model runs first, it is the one folder of photos",
             args.images.size());
  sil::check(!args.weights.empty() || !args.results.empty() || !args.merge.empty(),
             "--results, or --images and --weights, expected: what is to be evaluated (--help lists the arguments)");
  sil::check(args.weights.empty() || args.results.size() <= 1,
             "--results is given {} times; with --weights it is the one file to write", args.results.size());
  if (!args.weights.empty() && !args.results.empty()) sil::check_folder_of(args.results.front());
  for (const fs::path& out : {args.json, args.arrays, args.partial})
    if (!out.empty()) sil::check_folder_of(out);
  sil::check(!args.explain.given() || asked(args, "bbox") || asked(args, "segm"),
             "--explain, --curves and --compare look at bbox and segm; --iou has neither");
  if (!args.explain.curves.empty()) {
    if (!args.weights.empty()) sil::check_no_input(args.explain.curves, {args.images.front()});
    sil::make_folder(args.explain.curves);
  }
  sil::Device::parse(args.device);  // an Error if it cannot be used
}

// What will be written is none of what is read, and all of it goes to different files.
void check_outputs(const Arguments& args, const sil::Annotations& annotations) {
  struct Output {
    const char* flag;
    fs::path path;
  };
  std::vector<Output> outputs{{"--json", args.json}, {"--arrays", args.arrays}, {"--partial", args.partial}};
  std::vector<fs::path> inputs{args.annotations, args.weights};
  inputs.insert(inputs.end(), annotations.files.begin(), annotations.files.end());
  inputs.insert(inputs.end(), args.merge.begin(), args.merge.end());
  inputs.insert(inputs.end(), args.explain.compare.begin(), args.explain.compare.end());
  for (const fs::path& results : args.results)
    if (args.weights.empty())
      inputs.push_back(results);
    else
      outputs.push_back({"--results", results});
  if (!args.weights.empty())
    for (const sil::Photo& photo : annotations.photos)
      inputs.push_back(fs::path(args.images.front()) / photo.file_name);
  std::erase_if(outputs, [](const Output& out) { return out.path.empty(); });
  for (size_t i = 0; i < outputs.size(); ++i) {
    sil::check_no_input(outputs[i].path, inputs);
    for (size_t j = 0; j < i; ++j)
      sil::check(fs::weakly_canonical(outputs[i].path) != fs::weakly_canonical(outputs[j].path),
                 "{}: given for {} and for {}", outputs[i].path.string(), outputs[j].flag, outputs[i].flag);
  }
}

// What to look at where AP is 0 or -1, unless it is explained anyway.
void warn_of_causes(const sil::Metrics& metrics, const sil::EvaluationFiles& files, const sil::Evaluation& evaluation) {
  if ((metrics.bbox && metrics.bbox->AP <= 0) || (metrics.segm && metrics.segm->AP <= 0))
    for (const sil::Cause& cause : sil::causes(files.annotations, sil::to_detections(files.results), evaluation))
      sil::warn(cause.text);
}

// As torchmetrics names its numbers: the IoU type stands before the names where several are measured.
void write_arrays(const fs::path& path, const sil::Measured& measured) {
  std::vector<sil::Accumulated> accumulated;
  accumulated.reserve(3);
  std::vector<sil::NamedArray> arrays;
  const auto put = [&](const std::string& prefix, const std::optional<sil::Evaluator>& evaluator) {
    if (!evaluator) return;
    const sil::Accumulated& x = accumulated.emplace_back(evaluator->accumulate());
    arrays.push_back({prefix + "precision", {x.T, x.R, x.K, x.A, x.M}, x.precision});
    arrays.push_back({prefix + "recall", {x.T, x.K, x.A, x.M}, x.recall});
    arrays.push_back({prefix + "scores", {x.T, x.R, x.K, x.A, x.M}, x.scores});
  };
  const bool several = measured.bbox.has_value() + measured.segm.has_value() + measured.boundary.has_value() > 1;
  put(several ? "bbox_" : "", measured.bbox);
  put(several ? "segm_" : "", measured.segm);
  put(several ? "boundary_" : "", measured.boundary);
  sil::write_npz(path, arrays);
}

void print(const sil::Metrics& metrics, const sil::Protocol& protocol, bool per_class) {
  const auto part = [&](const char* type, const std::optional<sil::Summary>& summary) {
    if (summary) fmt::print("Evaluate annotation type *{}*\n{}", type, sil::summary_text(*summary, protocol));
  };
  part("bbox", metrics.bbox);
  part("segm", metrics.segm);
  part("boundary", metrics.boundary);
  if (per_class) fmt::print("\n{}", sil::class_table(metrics));
}

void report(const sil::Measured& measured, const sil::Metrics& metrics, const Arguments& args,
            const sil::Said& said = {}) {
  if (!args.arrays.empty()) write_arrays(args.arrays, measured);
  if (!args.partial.empty()) sil::write_part(args.partial, measured);
  if (!args.json.empty()) sil::write_json(args.json, metrics, said.blocks);
  print(metrics, measured.any().protocol(), args.per_class);
  fmt::print("{}", said.text);
}

// Why the numbers are so.  Of files and parameters that pycocotools alone knows nothing is said.
sil::Said say_why(const Arguments& args, const sil::EvaluationFiles& files, const sil::EvaluationOptions& options,
                  const sil::Evaluation& evaluation, const sil::Metrics& metrics) {
  const std::string name = args.results.empty() ? args.weights.string() : args.results.front().string();
  const bool ours = files.lenient || options.images || options.categories || args.protocol.given();
  sil::check(!ours || !args.explain.given(),
             "{}: --explain, --curves and --compare are of files that train takes, too, and of COCO's own parameters",
             name);
  if (ours) return {};
  if (!args.explain.explain) warn_of_causes(metrics, files, evaluation);
  if (!args.explain.given()) return {};
  return sil::explain_all(args.explain, name, files.annotations, sil::to_detections(files.results), evaluation);
}

sil::EvaluationOptions options_of(const Arguments& args) {
  sil::EvaluationOptions options{.bbox = asked(args, "bbox"),
                                 .segm = asked(args, "segm"),
                                 .boundary = asked(args, "boundary"),
                                 .torchmetrics = !args.json.empty() || !args.partial.empty()};
  sil::ProtocolFlags protocol = args.protocol;
  if (args.weights.empty()) protocol.add_images(args.images);
  protocol.apply(options);
  sil::check_summary(options.protocol);
  return options;
}

int evaluate(const Arguments& args) {
  check_arguments(args);
  if (!args.merge.empty()) {
    check_outputs(args, {});
    const sil::Measured merged = sil::merge_parts(args.merge);
    report(merged, merged.metrics(), args);
    return 0;
  }
  sil::EvaluationOptions options = options_of(args);
  sil::EvaluationFiles files =
      args.weights.empty()
          ? sil::read_for_evaluation(args.annotations, args.results, options)
          : sil::EvaluationFiles{sil::read_annotations(args.annotations, nullptr, sil::exif_of(args.exif)), {}, false};
  check_outputs(args, files.annotations);
  std::vector<sil::Detection> detections;
  if (!args.weights.empty()) {
    detections = detect(args, files.annotations);
    files.results.push_back(sil::view(detections, args.weights.string()));
  }
  sil::check(args.partial.empty() || !options.odd_images,
             "{}: has ids of images that are no 64-bit integers; parts need such", args.annotations.string());
  sil::Evaluation evaluation(files.annotations, options);
  evaluation.add_all(files.results);
  for (const std::string& warning : evaluation.warnings()) sil::warn(warning);
  if (files.detections() == 0) sil::warn("there are no detections");
  const sil::Metrics metrics = evaluation.metrics();
  report(evaluation.measured(), metrics, args, say_why(args, files, options, evaluation, metrics));
  return 0;
}

void add_inputs(CLI::App& app, Arguments& args) {
  app.add_option("--annotations", args.annotations, "COCO JSON, or a folder in label schema");
  app.add_option("--results", args.results, "COCO results JSON; several files count as one; with --weights: to write");
  app.add_option("--images", args.images,
                 "Ids of the images to measure alone; with --weights: folder of the photos, on which its model runs "
                 "first");
  CLI::Option* weights =
      app.add_option("--weights", args.weights, "A run's checkpoint, or torchvision's weights (.pth, .safetensors)");
  sil::add_bn_eps(app, args.bn_eps);
  sil::add_device(app, args.device);
  app.add_option("--dtype", args.dtype, "Of the model: f32, or bf16, which is faster where the CPU has it")
      ->check(CLI::IsMember({"f32", "bf16"}));
  sil::add_exif(app, args.exif);
  for (const char* of_the_model : {"--bn-eps", "--device", "--dtype", "--exif"})
    app.get_option(of_the_model)->needs(weights);
}

void add_measures(CLI::App& app, Arguments& args) {
  app.add_option("--iou", args.iou, "What overlaps are measured on, some of bbox, segm and boundary (Boundary IoU)")
      ->delimiter(',')
      ->check(CLI::IsMember({"bbox", "segm", "boundary"}))
      ->capture_default_str();
  args.protocol.add_to(app);
}

void add_outputs(CLI::App& app, Arguments& args) {
  app.add_flag("--per-class", args.per_class, "A table of classes too");
  app.add_option("--json", args.json,
                 "Write the numbers there with 17 digits, those of each class and torchmetrics' too");
  args.explain.add_to(app);
  app.add_option("--arrays", args.arrays,
                 "Write pycocotools' precision, recall and scores there as .npz; with two IoU types their names begin "
                 "with bbox_ and segm_");
  app.add_option("--partial", args.partial,
                 "Write what was measured there, for --merge: images without detections here may have some in another "
                 "part");
  app.add_option("--merge", args.merge, "Parts of one evaluation, in any order: as one run over all their results")
      ->excludes("--iou");
}

}  // namespace

int main(int argc, char** argv) {
  Arguments args;
  return sil::run_program(
      argc, argv,
      "Average precision and recall of detections, equal to pycocotools' to the last bit: the twelve lines for boxes "
      "and for masks. What pycocotools ignores silently is ignored and counted in a warning.",
      [&](CLI::App& app) {
        add_inputs(app, args);
        add_measures(app, args);
        add_outputs(app, args);
        app.footer(
            "Examples:\n"
            "  evaluate --annotations instances_val2017.json --results detections.json\n"
            "  evaluate --annotations val.json --results detections.json --iou segm --per-class --json metrics.json\n"
            "  evaluate --annotations val.json --results mine.json --explain --curves pictures\n"
            "  evaluate --annotations val.json --results mine.json --compare theirs.json\n"
            "  evaluate --annotations val.json --results first_half.json --partial a.part\n"
            "  evaluate --merge a.part b.part --json metrics.json\n"
            "  evaluate --annotations val.json --images photos --weights runs/first/best.safetensors");
      },
      [&] { return evaluate(args); });
}
