// COCO's numbers of detections against annotations.
#include <fmt/core.h>

#include <optional>

#include "apps/program.h"
#include "eval/evaluation.h"

namespace {

namespace fs = std::filesystem;

struct Arguments {
  fs::path annotations, json;
  std::vector<fs::path> results;
  std::vector<std::string> iou{"bbox", "segm"};
  bool per_class = false;
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

void print(const sil::Metrics& metrics, bool per_class) {
  const auto part = [](const char* type, const std::optional<sil::Summary>& summary) {
    if (summary) fmt::print("Evaluate annotation type *{}*\n{}", type, sil::summary_text(*summary));
  };
  part("bbox", metrics.bbox);
  part("segm", metrics.segm);
  if (per_class) fmt::print("\n{}", sil::class_table(metrics));
}

int evaluate(const Arguments& args) {
  const bool bbox = std::ranges::count(args.iou, "bbox") > 0, segm = std::ranges::count(args.iou, "segm") > 0;
  const sil::Annotations annotations = sil::read_annotations(args.annotations);
  const std::vector<sil::Detection> detections = read_all(args.results, annotations);
  sil::Evaluation evaluation(annotations, {.bbox = bbox, .segm = segm, .torchmetrics = !args.json.empty()});
  evaluation.add_all(detections);
  for (const std::string& warning : evaluation.warnings()) fmt::print(stderr, "warning: {}\n", warning);
  if (detections.empty()) fmt::print(stderr, "warning: there are no detections\n");
  const sil::Metrics metrics = evaluation.metrics();
  print(metrics, args.per_class);
  if (!args.json.empty()) sil::write_json(args.json, metrics);
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
        app.add_option("--results", args.results, "COCO results JSON; several files count as one")->required();
        app.add_option("--iou", args.iou, "What overlaps are measured on: bbox, segm or both")
            ->delimiter(',')
            ->check(CLI::IsMember({"bbox", "segm"}))
            ->capture_default_str();
        app.add_flag("--per-class", args.per_class, "A table of classes too");
        app.add_option("--json", args.json,
                       "Write the numbers there with 17 digits, those of each class and torchmetrics' too");
        app.footer(
            "Examples:\n"
            "  evaluate --annotations instances_val2017.json --results detections.json\n"
            "  evaluate --annotations val.json --results detections.json --iou segm --per-class --json metrics.json");
      },
      [&] { return evaluate(args); });
}
