// One step of training as work of the model's device: losses, gradients, their norm, the optimizer.
//
// Nothing in it waits for the device.  Where the device can record work (tensor/recorded.h), a step on batches of a
// shape is recorded at that shape's second batch and replayed from then on: on a GPU a step is then one launch.  A
// replay gives the same bits.  Where memory runs out, all that was recorded is given up, and shapes start anew.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "models/mask_rcnn.h"
#include "nn/optimizer.h"
#include "tensor/reading.h"

namespace sil {

class TrainingStep {
 public:
  // Both must outlive it, and the model stay where it is; one at a time on a GPU.  Without max_norm gradients are not
  // clipped.
  TrainingStep(MaskRcnn&, Optimizer&, std::optional<double> max_norm);
  TrainingStep(const TrainingStep&) = delete;
  ~TrainingStep();

  // Queues the step of a batch that is on the model's device.  What can be read of it, float32: the losses in the order
  // of Losses::all and, if gradients are clipped, their norm before.  If the norm is not finite, no weight has changed.
  Reading operator()(const Batch&, RngKey, double rate);

  struct Counts {
    int64_t replayed = 0;
    int64_t first = 0;         // steps that a batch was the first of its shape in
    int64_t not_recorded = 0;  // steps of a shape that could not be recorded
    std::string reason;        // why, the first time
    int64_t dropped = 0;       // recordings that were given up for their memory
  };
  const Counts& counts() const { return counts_; }

 private:
  struct Inputs;
  struct Plan;
  Tensor queue(const Inputs&, bool is_recorded = false);
  Reading replayed(Plan&, Inputs);
  void record(Plan&, const Inputs&);
  int64_t drop();

  MaskRcnn& model_;
  Optimizer& optimizer_;
  std::optional<double> max_norm_;
  Device device_;
  std::map<std::string, std::shared_ptr<Plan>> plans_;  // by the shapes of a batch
  Counts counts_;
};

}  // namespace sil
