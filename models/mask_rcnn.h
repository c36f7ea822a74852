// Mask R-CNN (He et al. 2017) with a feature pyramid (Lin et al. 2017), equal to torchvision's.
// Shapes: N photos, A anchors, P proposals, S samples, D detections, K classes (0 is background), M mask size.
#pragma once
#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "autograd/var.h"
#include "data/batch.h"
#include "models/config.h"
#include "models/postprocess.h"
#include "nn/module.h"
#include "tensor/rng.h"

namespace sil {

struct BoxOutput;

struct Losses {
  Var rpn_objectness, rpn_box, classifier, box, mask;  // shape []
  std::vector<Var> all() const { return {rpn_objectness, rpn_box, classifier, box, mask}; }
};
// In the order of Losses::all; the names of the stages are these with "loss." in front.
inline constexpr std::array<const char*, 5> kLossNames{"rpn_objectness", "rpn_box", "classifier", "box", "mask"};

// Sees each stage under its name in the design: NHWC, rows of all photos together.  For the stages `proposals.I` (of
// photo I, [P, 4]) what it returns takes their place, unless undefined; for the others it is ignored.
class Probe {
 public:
  virtual ~Probe() = default;
  virtual Tensor stage(const std::string& name, const Tensor&) = 0;
};

// The level whose scale, 2^-level, RoIs are read from p2 with: 2.  torchvision infers it from the heights of p2 and of
// the highest photo before padding, so it is 1 where padding makes that photo more than sqrt(2) times as high.
int finest_level(const Batch&);

// What the samples of a step are drawn from, where the model is: an int64 [1] for anchors and one for RoIs.
struct SampleKeys {
  Tensor anchors, rois;
  SampleKeys(RngKey, Device);
};

class MaskRcnn {
 public:
  // Weights are zeros, for a file's to take their place.  What `config.trainable_layers` leaves out is frozen.
  explicit MaskRcnn(const ModelConfig&);
  // To be trained from the start: weights are those that torchvision draws from the seed (models/initial_weights.h).
  MaskRcnn(const ModelConfig&, uint64_t seed);
  MaskRcnn(MaskRcnn&&) noexcept;
  ~MaskRcnn();

  // Mode::train records a tape (unless inside NoGrad) and moves batch norm's running statistics; Mode::test uses them
  // and the test counts, and records nothing.  The key draws the samples.
  Losses losses(const Batch&, Mode, const SampleKeys&, Probe* = nullptr);
  Losses losses(const Batch&, Mode, RngKey, Probe* = nullptr);

  // Records no tape.  Needs batch.photos, sizes and original alone.
  std::vector<PhotoDetections> detect(const Batch&, Probe* = nullptr);

  // What losses(batch, Mode::test, key) and detect(batch) give, of one pass through backbone and RPN.
  std::pair<Losses, std::vector<PhotoDetections>> losses_and_detections(const Batch&, RngKey);

  // bfloat16: from now on convolutions, products and activations are in bfloat16, to train or not; weights, their
  // gradients, norms' statistics, boxes and losses stay float32.  The model starts in float32.
  void compute_in(DType);

  // For inference alone: folds the norms into their convolutions and casts the weights (f32 or bf16), for good.  What
  // is left detects, faster, but does not train and has no state dict.
  void fold(DType = DType::f32);

  // For good, from float32: weights and all arithmetic in float64, on plain loops, as an independent reference.  Trains
  // and detects, slowly; what detect() returns is rounded to float32.
  void widen();

  // Its weights go there, and with them the work: batches are expected on that device.
  void move_to(Device);
  Device device() const;

  // Names every part once, with torchvision's names: state dict, optimizer, freezing and counting come from it.
  void visit(Visitor&);

  const ModelConfig& config() const { return config_; }

 private:
  struct Parts;
  struct Proposed;
  Proposed propose_from(const Batch&, Mode, Probe*);
  Losses losses_of(const Proposed&, const Batch&, const SampleKeys&, Probe*);
  std::vector<PhotoDetections> detections_of(const Proposed&, const Batch&, Probe*);
  BoxOutput read_boxes(const Proposed&, const Rois&, Probe*);
  Var read_masks(const Proposed&, const Rois&, Probe*);

  ModelConfig config_;
  std::unique_ptr<Parts> parts_;
};

}  // namespace sil
