#include "nn/optimizer.h"

#include <algorithm>
#include <map>

#include "tensor/check.h"
#include "tensor/ops.h"

namespace sil {
namespace {

using Kind = OptimizerConfig::Kind;

// Takes the tensor `prefix`.`name` of a checkpoint, in our layout.
Tensor take(const StateDict& dict, const std::string& prefix, const Leaf& leaf, const std::string& source) {
  const std::string key = prefix + "." + leaf.name;
  const auto found = dict.find(key);
  check(found != dict.end(), "{}: {} is missing", source, key);
  const Shape expected = file_shape(leaf.value().shape(), leaf.layout());
  check(found->second.shape() == expected, "{}: {} is {}, expected {}", source, key, found->second.shape(), expected);
  return ops::cast(to_ours(found->second, leaf.layout(), leaf.value().shape()), leaf.value().dtype())
      .to(leaf.value().device());
}

}  // namespace

Optimizer::Optimizer(const std::vector<Leaf>& leaves, OptimizerConfig config)
    : parameters_(trainable(leaves)), states_(parameters_.size()), config_(config) {}

void Optimizer::zero_grad() {
  for (const Leaf& p : parameters_) p.parameter->var.zero_grad();
}

int64_t Optimizer::steps() const { return steps_.defined() ? int64_t(steps_.item()) : 0; }

void Optimizer::start(size_t parameter) {
  const Tensor& w = parameters_[parameter].value();
  State& s = states_[parameter];
  s.behind = steps();  // first: while a step is recorded it cannot be read, and nothing may have begun
  if (config_.kind == Kind::adamw) s.second = zeros_like(w);
  s.first = zeros_like(w);
}

void Optimizer::step(const Tensor& rate, const Clip& clip) {
  // One call for all parameters that have taken equally many steps; seldom more than one.  New ones are a call of their
  // own: SGD's first step is another.
  std::map<std::pair<int64_t, bool>, std::vector<size_t>> groups;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    State& s = states_[i];
    const bool is_new = !s.started();
    if (!parameters_[i].parameter->var.grad().defined()) {
      s.behind += !is_new;
      continue;
    }
    if (is_new) start(i);
    groups[{s.behind, is_new}].push_back(i);
  }
  if (groups.empty()) return;
  if (!steps_.defined()) steps_ = Tensor::of<int64_t>({1}, {0}, parameters_[0].value().device());
  ops::increment(steps_);
  const StepNumbers numbers{rate, steps_, clip.norm, clip.max_norm};
  for (const auto& [kind, rows] : groups) {
    std::vector<Tensor> w, g, first, second;
    for (size_t i : rows) {
      const Var& var = parameters_[i].parameter->var;
      w.push_back(var.value()), g.push_back(var.grad());
      first.push_back(states_[i].first), second.push_back(states_[i].second);
    }
    if (config_.kind == Kind::adamw)
      ops::adamw(w, g, first, second, numbers,
                 {config_.beta1, config_.beta2, config_.epsilon, config_.weight_decay, kind.first});
    else
      ops::sgd(w, g, first, numbers, {config_.momentum, config_.weight_decay, kind.second});
  }
}

void Optimizer::step(double rate, const Clip& clip) {
  if (!parameters_.empty()) step(Tensor::of<double>({1}, {rate}, parameters_[0].value().device()), clip);
}

StateDict Optimizer::state() const {
  StateDict dict;
  const int64_t all = steps();
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const Leaf& p = parameters_[i];
    const State& s = states_[i];
    dict["step." + p.name] = Tensor::of<int64_t>({}, {s.started() ? all - s.behind : 0});
    if (!s.started()) continue;
    dict[(config_.kind == Kind::sgd ? "momentum." : "exp_avg.") + p.name] =
        to_file(s.first, p.layout()).to(Device::cpu());
    if (config_.kind == Kind::adamw) dict["exp_avg_sq." + p.name] = to_file(s.second, p.layout()).to(Device::cpu());
  }
  return dict;
}

void Optimizer::load_state(const StateDict& dict, const std::string& source) {
  std::vector<State> loaded(states_.size());
  std::vector<int64_t> taken(states_.size());
  int64_t all = 0;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const Leaf& p = parameters_[i];
    const auto step = dict.find("step." + p.name);
    check(step != dict.end(), "{}: step.{} is missing", source, p.name);
    check(step->second.dtype() == DType::i64 && step->second.numel() == 1, "{}: step.{} is {} {}, one int64 expected",
          source, p.name, name(step->second.dtype()), step->second.shape());
    taken[i] = int64_t(step->second.item());
    check(taken[i] >= 0, "{}: step.{} is {}, 0 or more expected", source, p.name, taken[i]);
    all = std::max(all, taken[i]);
    if (!taken[i]) continue;
    loaded[i].first = take(dict, config_.kind == Kind::sgd ? "momentum" : "exp_avg", p, source);
    if (config_.kind == Kind::adamw) loaded[i].second = take(dict, "exp_avg_sq", p, source);
  }
  for (size_t i = 0; i < loaded.size(); ++i) loaded[i].behind = all - taken[i];
  states_ = std::move(loaded);
  steps_ = parameters_.empty() ? Tensor() : Tensor::of<int64_t>({1}, {all}, parameters_[0].value().device());
}

Tensor gradient_norm(const std::vector<Leaf>& leaves) {
  std::vector<Tensor> gradients;
  for (const Leaf& leaf : leaves)
    if (leaf.trainable() && leaf.parameter->var.grad().defined()) gradients.push_back(leaf.parameter->var.grad());
  return ops::global_norm(gradients);
}

}  // namespace sil
