// Reverse-mode automatic differentiation.
//
// A Var is a Tensor and, where a gradient may flow, the node of the tape that made it.  An operation is one function:
// it computes forward and records a closure that returns the inputs' gradients.  What the closure captures is what the
// operation keeps in memory.
//
//   Var relu(const Var& x) {
//     Tensor y = ops::relu(x.value());
//     return record(y, {x}, [y](const Tensor& dy, Needs) -> Grads { return {ops::relu_backward(dy, y)}; });
//   }
//
// Where a function takes a Tensor instead of a Var, the gradient stops; one reads it off the signature.
#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "tensor/tensor.h"

namespace sil {

struct Node;

class Var {
 public:
  Var() = default;                                 // undefined: stands for "absent" where an argument is optional
  Var(Tensor value) : value_(std::move(value)) {}  // a constant

  // A leaf whose gradient is wanted.
  static Var parameter(Tensor value);

  const Tensor& value() const { return value_; }
  const Shape& shape() const { return value_.shape(); }
  int64_t dim(int axis) const { return value_.dim(axis); }
  bool defined() const { return value_.defined(); }
  bool needs_grad() const { return node_ != nullptr; }

  // Of a leaf: the gradient accumulated since zero_grad; undefined if none came.
  const Tensor& grad() const;
  void zero_grad();
  void set_grad(Tensor);  // for gradient clipping and tests

 private:
  friend struct Tape;
  Tensor value_;
  std::shared_ptr<Node> node_;
  int output_ = 0;  // which output of its node this is
};

// Which inputs' gradients are wanted.  A closure computes only these; the others it returns undefined.
class Needs {
 public:
  explicit Needs(uint64_t bits) : bits_(bits) {}
  bool operator[](size_t input) const { return input >= 64 || (bits_ >> input & 1); }

 private:
  uint64_t bits_;
};

// What flows back to a value that several operations read: of its terms the last one is not added to the others yet, as
// what takes the gradient may add it on the way (relu_backward) and save a pass over memory.
struct Gradient {
  Tensor sum, last;  // undefined: nothing, or nothing more

  bool defined() const { return sum.defined(); }
  void add(Tensor term);
  void settle();  // puts all into the sum
  operator Tensor() &&;
};

using Grads = std::vector<Tensor>;  // one an input, in order; undefined means zero or not wanted

// Puts an operation on the tape.  Its closure may take dy as a Tensor or as a Gradient.  If no input needs a gradient,
// or inside NoGrad, nothing is kept: the result is a constant and `backward` is dropped.
Var record(Tensor value, std::vector<Var> inputs, std::function<Grads(Gradient dy, Needs)> backward);

// The same for several outputs.  An output that no gradient reached has an undefined dy.
std::vector<Var> record(std::vector<Tensor> values, std::vector<Var> inputs,
                        std::function<Grads(const std::vector<Tensor>& dys, Needs)> backward);

// Adds d(sum of roots)/d(leaf) to each leaf's grad.  Nodes run newest first; each is freed once it has run, so a tape
// is used once (a second backward through it throws).  `seeds`, one a root, default to ones.
void backward(const std::vector<Var>& roots, std::vector<Tensor> seeds = {});
inline void backward(const Var& root) { backward(std::vector<Var>{root}); }

// While one lives, this thread records no tape.
class NoGrad {
 public:
  NoGrad();
  ~NoGrad();
  NoGrad(const NoGrad&) = delete;

 private:
  bool before_;
};

std::vector<Tensor> values(const std::vector<Var>&);

}  // namespace sil
