#include "nn/state_dict.h"

#include <algorithm>
#include <string_view>

#include "tensor/check.h"
#include "tensor/ops.h"

namespace sil {
namespace {

// Frozen norms do not count batches, so a file may have these where the model has none and the other way round.
bool is_counter(std::string_view name) { return name.ends_with("num_batches_tracked"); }

std::string describe(const LoadReport& r) {
  const size_t differences = r.missing.size() + r.unexpected.size() + r.mismatched.size();
  std::string first;
  if (!r.mismatched.empty()) {
    const auto& m = r.mismatched[0];
    first = fmt::format("{} is {}, the model expects {}", m.name, m.given, m.expected);
  } else if (!r.missing.empty()) {
    first = fmt::format("{} is missing", r.missing[0]);
  } else {
    first = fmt::format("{} is not of this model", r.unexpected[0]);
  }
  return differences == 1 ? first : fmt::format("{} ({} differences in all)", first, differences);
}

LoadReport compare(const std::vector<Leaf>& leaves, const StateDict& dict) {
  LoadReport report;
  std::map<std::string_view, const Leaf*> known;
  for (const Leaf& leaf : leaves) {
    known[leaf.name] = &leaf;
    const auto found = dict.find(leaf.name);
    const Shape expected = file_shape(leaf.value().shape(), leaf.layout());
    if (found == dict.end()) {
      if (!is_counter(leaf.name)) report.missing.push_back(leaf.name);
    } else if (!(found->second.shape() == expected)) {
      report.mismatched.push_back({leaf.name, found->second.shape(), expected});
    } else {
      ++report.loaded;
    }
  }
  for (const auto& [name, tensor] : dict)
    if (!known.contains(name) && !is_counter(name)) report.unexpected.push_back(name);
  return report;
}

// Copies every leaf that the dict has in the right shape.
void copy_fitting(const std::vector<Leaf>& leaves, const StateDict& dict) {
  for (const Leaf& leaf : leaves) {
    const Tensor& old = leaf.value();
    const auto found = dict.find(leaf.name);
    if (found == dict.end() || !(found->second.shape() == file_shape(old.shape(), leaf.layout()))) continue;
    Tensor value = ops::cast(to_ours(found->second, leaf.layout(), old.shape()), old.dtype());
    leaf.set(value.to(old.device()));
  }
}

}  // namespace

Shape file_shape(const Shape& ours, Layout layout) {
  if (layout == Layout::plain) return ours;
  check(ours.rank() == 4, "state dict: a weight of rank 4 expected, shape is {}", ours);
  if (layout == Layout::flattened) return {ours[0], ours[3] * ours[1] * ours[2]};
  return {ours[0], ours[3], ours[1], ours[2]};
}

Tensor to_file(const Tensor& ours, Layout layout) {
  if (layout == Layout::plain) return ours.clone();
  return ops::permute(ours, {0, 3, 1, 2}).view(file_shape(ours.shape(), layout));
}

Tensor to_ours(const Tensor& file, Layout layout, const Shape& ours) {
  check(file.shape() == file_shape(ours, layout), "state dict: weight is {}, expected {}", file.shape(),
        file_shape(ours, layout));
  if (layout == Layout::plain) return file.clone();
  return ops::permute(file.view(Shape{ours[0], ours[3], ours[1], ours[2]}), {0, 2, 3, 1});
}

StateDict state_dict(const std::vector<Leaf>& leaves) {
  StateDict dict;
  for (const Leaf& leaf : leaves) dict[leaf.name] = to_file(leaf.value(), leaf.layout()).to(Device::cpu());
  return dict;
}

StateDict gradients(const std::vector<Leaf>& leaves) {
  StateDict dict;
  for (const Leaf& leaf : leaves)
    if (leaf.trainable() && leaf.parameter->var.grad().defined())
      dict[leaf.name] = to_file(leaf.parameter->var.grad(), leaf.layout()).to(Device::cpu());
  return dict;
}

std::string summary(const LoadReport& r) {
  std::string text = fmt::format("{} tensors loaded", r.loaded);
  const auto add = [&](const char* what, const std::vector<std::string>& names) {
    constexpr size_t kShown = 8;
    for (size_t i = 0; i < std::min(names.size(), kShown); ++i) text += (i ? ", " : what) + names[i];
    if (names.size() > kShown) text += fmt::format(" and {} more", names.size() - kShown);
  };
  add("; new: ", r.missing);
  add("; left over: ", r.unexpected);
  return text;
}

LoadReport load_state_dict(const std::vector<Leaf>& leaves, const StateDict& dict) {
  LoadReport report = compare(leaves, dict);
  copy_fitting(leaves, dict);
  return report;
}

void load_state_dict_exact(const std::vector<Leaf>& leaves, const StateDict& dict, const std::string& source) {
  const LoadReport report = compare(leaves, dict);
  check(report.exact(), "{}: does not fit the model: {}", source, report.exact() ? "" : describe(report));
  copy_fitting(leaves, dict);
}

}  // namespace sil
