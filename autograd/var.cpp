#include "autograd/var.h"

#include <atomic>
#include <queue>

#include "tensor/check.h"
#include "tensor/ops.h"

namespace sil {

// One operation of the tape, or a leaf (no backward).  Ids ascend, so newest first is a topological order.
struct Node {
  uint64_t id = 0;
  std::vector<Gradient> grads;  // one an output
  std::vector<Var> inputs;
  std::function<Grads(std::vector<Gradient>, Needs)> backward;
  bool leaf = false;
};

namespace {

thread_local bool recording = true;
std::atomic<uint64_t> next_id{1};

}  // namespace

void Gradient::add(Tensor term) {
  settle();
  (sum.defined() ? last : sum) = std::move(term);
}

void Gradient::settle() {
  if (!last.defined()) return;
  if (sum.sole_owner())
    ops::add_into(sum, last);
  else
    sum = ops::add(sum, last);  // somebody else sees this gradient: leave it as it is
  last = Tensor();
}

Gradient::operator Tensor() && {
  settle();
  return std::move(sum);
}

// What record and backward may touch of a Var.
struct Tape {
  static Node* node(const Var& v) { return v.node_.get(); }
  static const std::shared_ptr<Node>& shared(const Var& v) { return v.node_; }
  static int output(const Var& v) { return v.output_; }
  static Var make(Tensor value, std::shared_ptr<Node> node, int output) {
    Var v(std::move(value));
    v.node_ = std::move(node), v.output_ = output;
    return v;
  }
  // An input is kept for where its gradient goes, not for its value: what an operation saves is in its closure.
  static Var without_value(Var v) {
    v.value_ = Tensor();
    return v;
  }
};

Var Var::parameter(Tensor value) {
  auto node = std::make_shared<Node>();
  node->leaf = true, node->id = next_id++, node->grads.resize(1);
  return Tape::make(std::move(value), std::move(node), 0);
}

const Tensor& Var::grad() const {
  check(node_ && node_->leaf, "grad: only a parameter keeps its gradient");
  return node_->grads[0].sum;
}

void Var::zero_grad() {
  check(node_ && node_->leaf, "zero_grad: only a parameter keeps its gradient");
  node_->grads[0] = {};
}

void Var::set_grad(Tensor g) {
  check(node_ && node_->leaf, "set_grad: only a parameter keeps its gradient");
  check(!g.defined() || g.shape() == shape(), "set_grad: gradient is {}, parameter is {}", g.shape(), shape());
  node_->grads[0] = {std::move(g), {}};
}

namespace {

using Backward = std::function<Grads(std::vector<Gradient>, Needs)>;

std::vector<Var> put_on_tape(std::vector<Tensor> values, std::vector<Var> inputs, Backward backward) {
  bool needed = false;
  for (const Var& v : inputs) needed |= v.needs_grad();
  std::shared_ptr<Node> node;
  if (needed && recording) {
    node = std::make_shared<Node>();
    node->id = next_id++;
    node->grads.resize(values.size());
    for (Var& v : inputs) node->inputs.push_back(Tape::without_value(std::move(v)));
    node->backward = std::move(backward);
  }
  std::vector<Var> out;
  for (size_t i = 0; i < values.size(); ++i) out.push_back(Tape::make(std::move(values[i]), node, int(i)));
  return out;
}

}  // namespace

Var record(Tensor value, std::vector<Var> inputs, std::function<Grads(Gradient, Needs)> backward) {
  std::vector<Tensor> values;
  values.push_back(std::move(value));
  return put_on_tape(
      std::move(values), std::move(inputs),
      [f = std::move(backward)](std::vector<Gradient> dys, Needs needs) { return f(std::move(dys[0]), needs); })[0];
}

std::vector<Var> record(std::vector<Tensor> values, std::vector<Var> inputs,
                        std::function<Grads(const std::vector<Tensor>&, Needs)> backward) {
  return put_on_tape(std::move(values), std::move(inputs),
                     [f = std::move(backward)](std::vector<Gradient> dys, Needs needs) {
                       std::vector<Tensor> whole;
                       for (Gradient& dy : dys) whole.push_back(std::move(dy));
                       return f(whole, needs);
                     });
}

void backward(const std::vector<Var>& roots, std::vector<Tensor> seeds) {
  check(seeds.empty() || seeds.size() == roots.size(), "backward: {} roots, {} seeds", roots.size(), seeds.size());
  auto older = [](const std::shared_ptr<Node>& a, const std::shared_ptr<Node>& b) { return a->id < b->id; };
  std::priority_queue<std::shared_ptr<Node>, std::vector<std::shared_ptr<Node>>, decltype(older)> queue(older);
  // A node is queued when its first gradient arrives.
  auto give = [&](const Var& to, Tensor g) {
    const auto& node = Tape::shared(to);
    if (!node || !g.defined()) return;
    check(node->leaf || node->backward != nullptr, "backward: this part of the tape was used and freed already");
    bool first = true;
    for (const Gradient& dy : node->grads) first &= !dy.defined();
    Gradient& dy = node->grads[size_t(Tape::output(to))];
    dy.add(std::move(g));
    if (node->leaf)
      dy.settle();
    else if (first)
      queue.push(node);
  };
  for (size_t i = 0; i < roots.size(); ++i) {
    const Tensor& v = roots[i].value();
    if (!seeds.empty())
      check(seeds[i].shape() == v.shape(), "backward: seed is {}, root is {}", seeds[i].shape(), v.shape());
    give(roots[i], seeds.empty() ? Tensor::full(v.shape(), 1, v.dtype(), v.device()) : seeds[i]);
  }
  seeds.clear();
  while (!queue.empty()) {
    std::shared_ptr<Node> node = queue.top();
    queue.pop();
    uint64_t bits = 0;
    for (size_t i = 0; i < node->inputs.size() && i < 64; ++i) bits |= uint64_t(node->inputs[i].needs_grad()) << i;
    // Moved out, so that gradients and saved memory are gone as soon as this node has run.
    auto closure = std::exchange(node->backward, nullptr);
    const std::vector<Var> inputs = std::exchange(node->inputs, {});
    Grads grads = closure(std::exchange(node->grads, {}), Needs(bits));
    check(grads.size() == inputs.size(), "backward: an operation of {} inputs returned {} gradients", inputs.size(),
          grads.size());
    closure = nullptr;
    for (size_t i = 0; i < inputs.size(); ++i) give(inputs[i], std::exchange(grads[i], {}));
  }
}

NoGrad::NoGrad() : before_(std::exchange(recording, false)) {}
NoGrad::~NoGrad() { recording = before_; }

std::vector<Tensor> values(const std::vector<Var>& vars) {
  std::vector<Tensor> out;
  for (const Var& v : vars) out.push_back(v.value());
  return out;
}

}  // namespace sil
