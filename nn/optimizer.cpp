#include "nn/optimizer.h"

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

void Optimizer::step(double rate) {
  const bool adamw = config_.kind == Kind::adamw;
  // One call for all parameters that have taken equally many steps; seldom more than one.
  std::map<int64_t, std::vector<size_t>> by_steps;
  for (size_t i = 0; i < parameters_.size(); ++i)
    if (parameters_[i].parameter->var.grad().defined()) by_steps[states_[i].steps].push_back(i);
  for (const auto& [steps, rows] : by_steps) {
    std::vector<Tensor> w, g, first, second;
    for (size_t i : rows) {
      State& s = states_[i];
      const Var& var = parameters_[i].parameter->var;
      if (!s.first.defined()) s.first = zeros_like(var.value());
      if (adamw && !s.second.defined()) s.second = zeros_like(var.value());
      w.push_back(var.value()), g.push_back(var.grad()), first.push_back(s.first), second.push_back(s.second);
      ++s.steps;
    }
    if (adamw)
      ops::adamw(w, g, first, second,
                 {rate, config_.beta1, config_.beta2, config_.epsilon, config_.weight_decay, steps + 1});
    else
      ops::sgd(w, g, first, {rate, config_.momentum, config_.weight_decay, steps == 0});
  }
}

StateDict Optimizer::state() const {
  StateDict dict;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const Leaf& p = parameters_[i];
    const State& s = states_[i];
    dict["step." + p.name] = Tensor::of<int64_t>({}, {s.steps});
    if (!s.steps) continue;
    dict[(config_.kind == Kind::sgd ? "momentum." : "exp_avg.") + p.name] =
        to_file(s.first, p.layout()).to(Device::cpu());
    if (config_.kind == Kind::adamw) dict["exp_avg_sq." + p.name] = to_file(s.second, p.layout()).to(Device::cpu());
  }
  return dict;
}

void Optimizer::load_state(const StateDict& dict, const std::string& source) {
  std::vector<State> loaded(states_.size());
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const Leaf& p = parameters_[i];
    const auto step = dict.find("step." + p.name);
    check(step != dict.end(), "{}: step.{} is missing", source, p.name);
    check(step->second.dtype() == DType::i64 && step->second.numel() == 1, "{}: step.{} is {} {}, one int64 expected",
          source, p.name, name(step->second.dtype()), step->second.shape());
    loaded[i].steps = int64_t(step->second.item());
    if (!loaded[i].steps) continue;
    loaded[i].first = take(dict, config_.kind == Kind::sgd ? "momentum" : "exp_avg", p, source);
    if (config_.kind == Kind::adamw) loaded[i].second = take(dict, "exp_avg_sq", p, source);
  }
  states_ = std::move(loaded);
}

double clip_gradients(const std::vector<Leaf>& leaves, double max_norm) {
  std::vector<Tensor> gradients;
  std::vector<Var*> vars;
  for (const Leaf& leaf : leaves) {
    if (!leaf.trainable() || !leaf.parameter->var.grad().defined()) continue;
    vars.push_back(&leaf.parameter->var), gradients.push_back(leaf.parameter->var.grad());
  }
  if (vars.empty()) return 0;
  const double norm = ops::global_norm(gradients).item();
  const double factor = max_norm / (norm + 1e-6);
  if (factor < 1)
    for (size_t i = 0; i < vars.size(); ++i) vars[i]->set_grad(ops::scale(gradients[i], factor));
  return norm;
}

}  // namespace sil
