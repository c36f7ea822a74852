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

class Optimizer {
 public:
  // Updates those of `leaves` that train.
  Optimizer(const std::vector<Leaf>& leaves, OptimizerConfig);

  void zero_grad();
  // One step with this learning rate.
  //   sgd:   b = momentum * b + (g + decay * w), the first b = g + decay * w;  w -= rate * b
  //   adamw: w -= rate * decay * w;  w -= rate * m^ / (sqrt(v^) + epsilon)      (Loshchilov, Hutter 2017)
  void step(double rate);

  // For checkpoints: "momentum.<name>", or "exp_avg.<name>", "exp_avg_sq.<name>", in the file's layout, and
  // "step.<name>" int64 [].
  StateDict state() const;
  void load_state(const StateDict&, const std::string& source);

  const std::vector<Leaf>& parameters() const { return parameters_; }

 private:
  struct State {
    Tensor first, second;  // momentum, or the two moments
    int64_t steps = 0;
  };
  std::vector<Leaf> parameters_;
  std::vector<State> states_;
  OptimizerConfig config_;
};

// Scales all gradients by min(1, max_norm / (norm + 1e-6)), torch's clip_grad_norm_.  Returns the norm before.
double clip_gradients(const std::vector<Leaf>&, double max_norm);

}  // namespace sil
