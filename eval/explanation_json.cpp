// An explanation as JSON.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>

#include "data/json_reader.h"
#include "eval/explanation.h"

namespace sil {
namespace {

// Numbers with 17 digits; JSON has none for what is not finite.
std::string number(double x) { return std::isfinite(x) ? fmt::format("{:.17g}", x) : "null"; }

template <class Items, class Text>
std::string list(const Items& items, Text text) {
  std::vector<std::string> out;
  for (const auto& x : items) out.push_back(text(x));
  return fmt::format("[{}]", fmt::join(out, ",\n"));
}

template <class Values, class Text>
std::string by_error(const Values& values, Text text) {
  std::vector<std::string> out;
  for (size_t e = 0; e < values.size(); ++e) out.push_back(fmt::format("\"{}\": {}", tide_names[e], text(values[e])));
  return fmt::format("{{{}}}", fmt::join(out, ", "));
}

std::string json(const Tide& t) {
  return fmt::format(R"({{"AP": {}, "dAP": {}, "errors": {}, "FalsePos": {}, "FalseNeg": {}}})", number(t.AP),
                     by_error(t.dAP, number), by_error(t.errors, [](int64_t n) { return fmt::format("{}", n); }),
                     number(t.false_positives), number(t.false_negatives));
}

std::string json(const std::optional<ScoreThreshold>& t) {
  if (!t) return "null";
  return fmt::format(
      R"({{"score": {}, "F1": {}, "precision": {}, "recall": {}, "right": {}, "wrong": {}, "missed": {}}})",
      number(t->score), number(t->f1), number(t->precision), number(t->recall), t->right, t->wrong, t->missed);
}

std::string json(const ExplainedClass& c) {
  return fmt::format(
      R"({{"category_id": {}, "name": {}, "objects": {}, "detections": {}, "AP": {}, "AP50": {}, "AP75": {}, "best_threshold": {}}})",
      c.category_id, json_string(c.name), c.objects, c.detections, number(c.AP), number(c.AP50), number(c.AP75),
      json(c.best));
}

// Rows what was there, columns what was found; the last of both is background.
std::string json(const Confusion& c) {
  std::vector<std::string> rows;
  for (size_t truth = 0; truth < c.size(); ++truth) rows.push_back(fmt::format("[{}]", fmt::join(c.row(truth), ", ")));
  return fmt::format(R"({{"category_ids": [{}], "matrix": [{}]}})", fmt::join(c.categories(), ", "),
                     fmt::join(rows, ",\n"));
}

std::string json(const Calibration& c) {
  return fmt::format(R"({{"ECE": {}, "detections": {}, "outside": {}, "bins": {}}})", number(c.ece), c.detections,
                     c.outside, list(c.bins, [](const Calibration::Bin& b) {
                       return fmt::format(
                           R"({{"low": {}, "high": {}, "detections": {}, "score": {}, "precision": {}}})",
                           number(b.low), number(b.high), b.detections, number(b.score), number(b.precision));
                     }));
}

std::string json(const Explanation& x) {
  return fmt::format("{{\"tide\": {},\n\"classes\": {},\n\"confusion\": {},\n\"calibration\": {}}}", json(x.tide),
                     list(x.classes, [](const ExplainedClass& c) { return json(c); }), json(x.confusion),
                     json(x.calibration));
}

}  // namespace

std::string to_json(std::span<const Cause> causes, std::span<const Explanation> explanations) {
  std::string out = "{\"causes\": " + list(causes, [](const Cause& c) {
                      return fmt::format(R"({{"cause": {}, "text": {}}})", json_string(c.name), json_string(c.text));
                    });
  for (const Explanation& x : explanations) out += fmt::format(",\n\"{}\": {}", x.type, json(x));
  return out + "}";
}

std::string to_json(std::span<const Compared> all) {
  return list(all, [](const Compared& c) {
    return fmt::format(
        R"({{"iou": "{}", "results": {}, "compared": {}, "AP": {}, "compared_AP": {}, "difference": {}, "low": {}, "high": {}, "above": {}, "samples": {}}})",
        c.type, json_string(c.first), json_string(c.second), number(c.first_AP), number(c.second_AP),
        number(c.second_AP - c.first_AP), number(c.low), number(c.high), number(c.above), c.samples);
  });
}

}  // namespace sil
