// SGD with momentum and AdamW in torch's form.  A parameter without a gradient is left alone, as torch leaves one
// whose grad is None: no decay, no momentum.
#pragma once
#include <string>
#include <vector>

#include "nn/module.h"
#include "nn/state_dict.h"

namespace sil {

struct OptimizerConfig {
  enum class Kind { sgd, adamw } kind = Kind::sgd;
  double momentum = 0.9;  // of sgd
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  double weight_decay = 5e-4;
};

struct Clip {
  Tensor norm;  // float32 [1], of all gradients (gradient_norm); absent: none is scaled
  double max_norm = 0;
};

class Optimizer {
 public:
  // Updates those of `leaves` that train.
  Optimizer(const std::vector<Leaf>& leaves, OptimizerConfig);

  void zero_grad();
  // One step with this learning rate, a float64 [1] where the weights are.
  //   sgd:   b = momentum * b + (g + decay * w), the first b = g + decay * w;  w -= rate * b
  //   adamw: w -= rate * decay * w;  w -= rate * m^ / (sqrt(v^) + epsilon)      (Loshchilov, Hutter 2017)
  // All gradients are scaled by min(1, max_norm / (norm + 1e-6)), torch's clip_grad_norm_; if the norm is not finite,
  // weights, momentum and moments stay as they are, and the step counts.
  void step(const Tensor& rate, const Clip& clip = {});
  void step(double rate, const Clip& clip = {});

  // For checkpoints: "momentum.<name>", or "exp_avg.<name>", "exp_avg_sq.<name>", in the file's layout, and
  // "step.<name>" int64 [].
  StateDict state() const;
  void load_state(const StateDict&, const std::string& source);

  const std::vector<Leaf>& parameters() const { return parameters_; }

 private:
  struct State {
    Tensor first, second;  // momentum, or the two moments; undefined until the first step
    int64_t behind = 0;    // the steps of all that it did not take part in
    bool started() const { return first.defined(); }
  };
  void start(size_t parameter);
  int64_t steps() const;

  std::vector<Leaf> parameters_;
  std::vector<State> states_;
  OptimizerConfig config_;
  Tensor steps_;  // int64 [1] where the weights are: how many there were
};

// The 2-norm of all gradients together, float32 [1] where they are; of none, 0.
Tensor gradient_norm(const std::vector<Leaf>&);

}  // namespace sil
