#include "nn/module.h"

#include "autograd/ops.h"
#include "tensor/check.h"

namespace sil {

Var Parameter::in(DType dtype) const { return defined() ? cast(var, dtype) : Var(); }

void Parameter::set(Tensor value) {
  check(value.shape() == var.shape(), "parameter: value is {}, parameter is {}", value.shape(), var.shape());
  var = trainable() ? Var::parameter(std::move(value)) : Var(std::move(value));
}

void Leaf::set(Tensor value) const {
  if (parameter) return parameter->set(std::move(value));
  check(value.shape() == buffer->shape(), "{}: value is {}, buffer is {}", name, value.shape(), buffer->shape());
  *buffer = std::move(value);
}

Visitor& Visitor::operator()(std::string_view name, Parameter& parameter) {
  if (parameter.defined()) leaves.push_back({prefix_ + std::string(name), &parameter, nullptr});
  return *this;
}

Visitor& Visitor::operator()(std::string_view name, Tensor& buffer) {
  if (buffer.defined()) leaves.push_back({prefix_ + std::string(name), nullptr, &buffer});
  return *this;
}

size_t Visitor::enter(std::string_view name) {
  const size_t outer = prefix_.size();
  prefix_.append(name).append(".");
  return outer;
}

Visitor& Visitor::leave(size_t outer) {
  prefix_.resize(outer);
  return *this;
}

std::vector<Leaf> trainable(const std::vector<Leaf>& all) {
  std::vector<Leaf> out;
  for (const Leaf& leaf : all)
    if (leaf.trainable()) out.push_back(leaf);
  return out;
}

int64_t count_elements(const std::vector<Leaf>& all) {
  int64_t n = 0;
  for (const Leaf& leaf : all) n += leaf.value().numel();
  return n;
}

void freeze(const std::vector<Leaf>& all) {
  for (const Leaf& leaf : all)
    if (leaf.parameter) leaf.parameter->freeze();
}

}  // namespace sil
