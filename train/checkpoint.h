// A run's state in one .safetensors file: weights and optimizer state as tensors, the rest as metadata.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "data/categories.h"
#include "models/mask_rcnn.h"
#include "nn/state_dict.h"
#include "train/config.h"

namespace sil {

// How far a run has come.  With the seed it decides all that follows: batches, samples and rates come from the step.
struct Progress {
  int64_t step = 0;       // steps done
  double best_score = 0;  // mask AP50
  int64_t best_step = 0;  // 0: nothing above 0 yet
  int64_t photos = 0;     // of the training set, which decides their order; 0: the file does not say
  int64_t validated = 0;  // the step that was validated last; behind `step` where a due validation did not end
};

struct Checkpoint {
  RunConfig config;
  CategoryTable categories;
  Progress progress;
  StateDict weights;    // torchvision's names and shapes
  StateDict optimizer;  // empty in best.safetensors, which is for use, not for resuming
};

// Written beside, then renamed: a full disk leaves what stood there, and so do weights that are not finite, an Error.
void write_checkpoint(const std::filesystem::path&, const Checkpoint&);

// Errors name the file and what is wrong with it.
Checkpoint read_checkpoint(const std::filesystem::path&);

// Weights for predicting, evaluating or starting from: a checkpoint of ours, or torchvision's as .pth or .safetensors.
// A detector of torchvision's has frozen norms (group norms, if it has no running statistics), output = category id,
// photos sized by min_size and max_size.  Its class count is read off its box head, its backbone off its layers.  The
// norms' epsilon is 1e-5, but 0 for the published COCO detector, known by its file's SHA-256.  An ImageNet classifier
// is read too, to start training from: it has no categories and says nothing of the config.  Detectron2's files are
// refused: their network is another.
struct WeightsFile {
  RunConfig config;
  CategoryTable categories;
  StateDict weights;
  bool of_ours = false;  // carries config and categories
};
// `bn_eps` is the norms' epsilon, whatever the file says.
WeightsFile read_weights(const std::filesystem::path&, std::optional<float> bn_eps = {});

// The model of a weights file, with exactly its weights.
MaskRcnn model_of(const WeightsFile&, const std::string& source);

// Throws an Error unless the model knows every category of the annotations, by id and, where it has names, by name.  It
// may know more: a set of photos need not have all.
void check_categories(const CategoryTable& of_model, const Annotations&, const std::string& weights);

// Puts a file's weights into a model to train on these categories.  Of another class count or of other categories, all
// but the three class-sized layers go in.  Returns a line that says what was loaded, is new and is left over.  What is
// missing otherwise or of another shape is an Error that names `source`.
std::string load_for_training(MaskRcnn&, const CategoryTable&, const WeightsFile&, const std::string& source);

}  // namespace sil
