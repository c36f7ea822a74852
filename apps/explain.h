// What `evaluate` says beside COCO's numbers: why they are so (--explain), drawn (--curves), and beside the numbers of
// other results (--compare).
#pragma once
#include <CLI/CLI.hpp>
#include <cctype>
#include <filesystem>
#include <string>
#include <vector>

#include "apps/output.h"
#include "data/image.h"
#include "eval/evaluation.h"
#include "eval/explanation.h"
#include "viz/explanation_pictures.h"

namespace sil {

struct ExplainFlags {
  bool explain = false;
  std::filesystem::path curves;
  std::vector<std::filesystem::path> compare;
  int samples = 1000;
  uint64_t seed = 0;

  bool given() const { return explain || !curves.empty() || !compare.empty(); }

  void add_to(CLI::App& app) {
    app.add_flag("--explain", explain,
                 "Where AP is lost (TIDE), each class with its best score threshold, confusions, calibration, and the "
                 "probable cause of an AP of 0; in --json too");
    app.add_option(
        "--curves", curves,
        "Folder for pictures: precision over recall of all classes and of each, confusion matrix, calibration");
    CLI::Option* compared = app.add_option(
        "--compare", compare,
        "Other results JSON, each compared with --results: difference of AP with a 95 % interval by a paired "
        "bootstrap over images");
    app.add_option("--samples", samples, "Of the bootstrap")
        ->check(CLI::Range(1, 1'000'000))
        ->needs(compared)
        ->capture_default_str();
    app.add_option("--seed", seed, "Of the bootstrap")
        ->check(whole_in_64_bits())
        ->needs(compared)
        ->capture_default_str();
  }
};

// To be printed after the numbers, and to be written into --json.
struct Said {
  std::string text;
  std::vector<JsonBlock> blocks;
};

// The IoU types that were measured.
inline std::vector<const Evaluator*> evaluators(const Evaluation& e) {
  std::vector<const Evaluator*> out;
  for (const std::optional<Evaluator>* one : {&e.bbox(), &e.segm()})
    if (*one) out.push_back(&**one);
  return out;
}

inline std::vector<Cause> causes(const Annotations& annotations, std::span<const Detection> detections,
                                 const Evaluation& evaluation) {
  std::vector<IouType> types;
  for (const Evaluator* e : evaluators(evaluation)) types.push_back(e->iou_type());
  return causes(annotations, detections, evaluators(evaluation).front()->protocol(), types);
}

// "dining table" -> "dining_table"; what a file's name cannot hold, or should not, becomes a _.
inline std::string file_stem(const std::string& type, const ExplainedClass& c) {
  std::string out = fmt::format("{}_{}_", type, c.category_id);
  for (char x : c.name.substr(0, 60)) out += std::isalnum(static_cast<unsigned char>(x)) || x == '-' ? x : '_';
  return out;
}

inline void draw_all(const std::filesystem::path& folder, const Evaluator& evaluator, const Explanation& x) {
  const Accumulated accumulated = evaluator.accumulate();
  const auto write = [&](const std::string& stem, const Tensor& picture) {
    write_png(folder / (stem + ".png"), picture);
  };
  write(x.type, draw_curves(accumulated, evaluator.protocol(), x));
  write(x.type + "_confusion", draw_confusion(x));
  write(x.type + "_calibration", draw_calibration(x));
  for (size_t k = 0; k < x.classes.size(); ++k)
    if (x.classes[k].objects > 0)
      write(file_stem(x.type, x.classes[k]), draw_curves(accumulated, evaluator.protocol(), x, k));
}

inline void explain_into(Said& said, const ExplainFlags& flags, const Annotations& annotations,
                         std::span<const Detection> detections, const Evaluation& evaluation) {
  std::vector<Explanation> explanations;
  for (const Evaluator* e : evaluators(evaluation)) {
    explanations.push_back(explain(annotations, detections, *e));
    if (!flags.curves.empty()) draw_all(flags.curves, *e, explanations.back());
  }
  if (!flags.explain) return;
  const std::vector<Cause> found = causes(annotations, detections, evaluation);
  said.text += "\n" + to_text(found);
  for (const Explanation& x : explanations) said.text += to_text(x);
  said.blocks.push_back({"explain", to_json(found, explanations)});
}

inline void compare_into(Said& said, const ExplainFlags& flags, const std::string& name, const Annotations& annotations,
                         const Evaluation& evaluation) {
  std::vector<Evaluation> others;
  std::vector<std::string> names{name};
  for (const std::filesystem::path& file : flags.compare) {
    const Results results = read_result_views(file);
    others.emplace_back(annotations, EvaluationOptions{.bbox = evaluation.bbox().has_value(),
                                                       .segm = evaluation.segm().has_value(),
                                                       .torchmetrics = false});
    others.back().add_all({&results, 1});
    names.push_back(file.string());
  }
  std::vector<Compared> all;
  for (size_t type = 0; type < evaluators(evaluation).size(); ++type) {
    std::vector<const Evaluator*> contenders{evaluators(evaluation)[type]};
    for (const Evaluation& other : others) contenders.push_back(evaluators(other)[type]);
    const std::vector<Compared> one = compare(annotations, contenders, names, flags.samples, flags.seed);
    all.insert(all.end(), one.begin(), one.end());
  }
  said.text += "\n" + to_text(all);
  said.blocks.push_back({"compare", to_json(all)});
}

// `name`: of the results, for the comparison.
inline Said explain_all(const ExplainFlags& flags, const std::string& name, const Annotations& annotations,
                        std::span<const Detection> detections, const Evaluation& evaluation) {
  Said said;
  if (flags.explain || !flags.curves.empty()) explain_into(said, flags, annotations, detections, evaluation);
  if (!flags.compare.empty()) compare_into(said, flags, name, annotations, evaluation);
  return said;
}

}  // namespace sil
