#include "models/model_tree.h"

#include <fmt/format.h>

#include <chrono>
#include <map>

#include "nn/layer_log.h"

namespace sil {
namespace {

// When each stage was there.
class Clocked : public Probe {
 public:
  Tensor stage(const std::string& name, const Tensor&) override {
    at[name] = now();
    return {};
  }
  static double now() {
    using namespace std::chrono;
    return duration<double, std::milli>(steady_clock::now().time_since_epoch()).count();
  }
  std::map<std::string, double> at;
};

std::string parent_of(const std::string& path) {
  const size_t dot = path.rfind('.');
  return dot == std::string::npos ? "" : path.substr(0, dot);
}

class Tree {
 public:
  Tree() { row_of(""); }

  void add(const Leaf& leaf, const std::map<const Parameter*, LayerCost>& layers) {
    const std::string path = parent_of(leaf.name);
    const auto found = leaf.parameter ? layers.find(leaf.parameter) : layers.end();
    const bool counts = leaf.parameter || leaf.name.ends_with("weight") || leaf.name.ends_with("bias");
    const LayerCost cost = found == layers.end() ? LayerCost{} : found->second;
    for (std::string p = path;; p = parent_of(p)) {
      TreeRow& row = rows_[row_of(p)];
      if (counts) row.parameters += leaf.value().numel();
      row.macs += cost.macs, row.milliseconds += cost.milliseconds, row.bytes += cost.bytes;
      if (p.empty()) break;
    }
    TreeRow& own = rows_[row_of(path)];
    if (leaf.name.ends_with(".weight")) own.weight = leaf.value().shape();
    if (found != layers.end()) own.output = cost.output;
  }

  std::vector<TreeRow> rows() && { return std::move(rows_); }

 private:
  size_t row_of(const std::string& path) {
    if (const auto found = at_.find(path); found != at_.end()) return found->second;
    TreeRow row;
    if (!path.empty()) {
      row.depth = rows_[row_of(parent_of(path))].depth + 1;
      row.name = path.substr(path.rfind('.') + 1);
      row.path = path;
    }
    at_[path] = rows_.size();
    rows_.push_back(row);
    return rows_.size() - 1;
  }

  std::map<std::string, size_t> at_;
  std::vector<TreeRow> rows_;
};

std::string dims(const Shape& s) {
  std::string text;
  for (int i = 0; i < s.rank(); ++i) text += fmt::format("{}{}", i ? "x" : "", s[i]);
  return text;
}

std::string quoted(const std::string& text) { return '"' + text + '"'; }  // names of modules need no escapes

std::string listed(const Shape& s) {
  std::string text = "[";
  for (int i = 0; i < s.rank(); ++i) text += fmt::format("{}{}", i ? ", " : "", s[i]);
  return text + "]";
}

}  // namespace

ModelTree model_tree(MaskRcnn& model, const Batch& batch) {
  model.detect(batch);  // kernels are generated, memory is taken
  Clocked clock;
  LayerLog log;
  model.detect(batch, &clock);
  const double end = Clocked::now();

  Tree tree;
  for (const Leaf& leaf : leaves(model)) tree.add(leaf, log.layers);
  const auto at = [&](const char* stage) { return clock.at.at(stage); };
  return {
      std::move(tree).rows(),
      {{"proposals", clock.at.at(fmt::format("proposals.{}", batch.photos.dim(0) - 1)) - at("anchors")},
       {"RoIAlign of boxes", at("box_features") - clock.at.at(fmt::format("proposals.{}", batch.photos.dim(0) - 1))},
       {"selection, RoIAlign of masks", at("mask_features") - at("box_deltas")},
       {"pasting", end - at("mask_logits")}}};
}

std::string to_text(const ModelTree& tree) {
  std::string text = fmt::format("{:34} {:>16} {:>20} {:>12} {:>9} {:>9} {:>9}\n", "module", "weight", "output",
                                 "parameters", "GMAC", "ms", "MB");
  for (const TreeRow& r : tree.rows)
    text += fmt::format("{:34} {:>16} {:>20} {:>12} {:>9.3f} {:>9.1f} {:>9.2f}\n",
                        std::string(size_t(2 * r.depth), ' ') + (r.depth ? r.name : "mask_rcnn"), dims(r.weight),
                        dims(r.output), r.parameters, r.macs / 1e9, r.milliseconds, double(r.bytes) / 1e6);
  text += "between the layers\n";
  for (const auto& b : tree.between) text += fmt::format("  {:32} {:>70.1f}\n", b.name, b.milliseconds);
  return text;
}

std::string to_json(const ModelTree& tree) {
  std::string rows, between;
  for (const TreeRow& r : tree.rows)
    rows += fmt::format(
        "{}\n    {{\"path\": {}, \"weight\": {}, \"output\": {}, \"parameters\": {}, \"macs\": {:.0f}, \"ms\": {:.3f}, "
        "\"bytes\": {}}}",
        rows.empty() ? "" : ",", quoted(r.path), listed(r.weight), listed(r.output), r.parameters, r.macs,
        r.milliseconds, r.bytes);
  for (const auto& b : tree.between)
    between += fmt::format("{}\n    {{\"name\": {}, \"ms\": {:.3f}}}", between.empty() ? "" : ",", quoted(b.name),
                           b.milliseconds);
  return fmt::format("{{\n  \"modules\": [{}\n  ],\n  \"between\": [{}\n  ]\n}}\n", rows, between);
}

}  // namespace sil
