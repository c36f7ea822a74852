// A module is a struct of its parts and a call.  `visit` names the parts once; state dict, optimizer, freezing and
// counting all come from it:
//
//   struct Conv2d {
//     Parameter weight;
//     Conv2dGeom geom;
//     Var operator()(const Var& x) { return conv2d(x, weight.in(x.value().dtype()), geom); }
//     void visit(Visitor& v) { v("weight", weight); }
//   };
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "autograd/var.h"

namespace sil {

// Decides the proposal counts and whose batch statistics, nothing else.
enum class Mode { train, test };

// How a weight of ours relates to the same weight in a file, which has torch's order.
enum class Layout {
  plain,          // the same
  channels_last,  // ours [a, H, W, b], theirs [a, b, H, W]: convolution OHWI and OIHW, transposed IHWO and IOHW
  flattened,      // ours [O, H, W, C], theirs [O, C * H * W]: the first linear layer behind a feature map
};

// A weight.  It takes part in training unless frozen: then it is a constant, and no tape reaches below it.
struct Parameter {
  Var var;
  Layout layout = Layout::plain;

  Parameter() = default;  // absent, as a bias may be
  explicit Parameter(Tensor value, Layout l = Layout::plain) : var(Var::parameter(std::move(value))), layout(l) {}

  bool defined() const { return var.defined(); }
  bool trainable() const { return var.needs_grad(); }
  const Tensor& value() const { return var.value(); }
  // In the dtype of what it meets, where a layer uses it: a float32 weight among bfloat16 activations is rounded to
  // bfloat16, and its gradient arrives in float32.  Absent stays absent.
  Var in(DType) const;
  void set(Tensor value);  // keeps whether it trains; its gradient is gone
  void freeze() { var = Var(var.value()); }
};

// A named leaf of a module: a parameter or a buffer (running statistics, a frozen norm's vectors), the other is null.
struct Leaf {
  std::string name;
  Parameter* parameter = nullptr;
  Tensor* buffer = nullptr;

  const Tensor& value() const { return parameter ? parameter->value() : *buffer; }
  Layout layout() const { return parameter ? parameter->layout : Layout::plain; }
  bool trainable() const { return parameter && parameter->trainable(); }
  void set(Tensor value) const;
};

// Walks a module and gathers its leaves in order, names joined by dots.  Absent parts are passed over.
class Visitor {
 public:
  Visitor& operator()(std::string_view name, Parameter&);
  Visitor& operator()(std::string_view name, Tensor& buffer);
  template <class Module>
  Visitor& operator()(std::string_view name, Module& module) {
    const size_t outer = enter(name);
    module.visit(*this);
    return leave(outer);
  }
  template <class Module>
  Visitor& operator()(std::string_view name, std::optional<Module>& module) {
    return module ? (*this)(name, *module) : *this;
  }
  template <class Pair>  // a convolution and its norm, named side by side
  Visitor& operator()(std::string_view first, std::string_view second, Pair& pair) {
    pair.visit(*this, first, second);
    return *this;
  }
  template <class Module>  // numbered from 0
  Visitor& operator()(std::string_view name, std::vector<Module>& modules) {
    const size_t outer = enter(name);
    for (size_t i = 0; i < modules.size(); ++i) (*this)(std::to_string(i), modules[i]);
    return leave(outer);
  }

  std::vector<Leaf> leaves;

 private:
  size_t enter(std::string_view name);  // gives the prefix's length to return to
  Visitor& leave(size_t outer);
  std::string prefix_;
};

// All leaves of a module, parameters and buffers.  They point into it: it must stay where it is.
template <class Module>
std::vector<Leaf> leaves(Module& module) {
  Visitor v;
  module.visit(v);
  return std::move(v.leaves);
}

// Those that train.
std::vector<Leaf> trainable(const std::vector<Leaf>&);
int64_t count_elements(const std::vector<Leaf>&);
void freeze(const std::vector<Leaf>&);

}  // namespace sil
