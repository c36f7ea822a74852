#include "train/pretrained.h"

#include <cstdlib>
#include <map>

#include "tensor/check.h"

namespace sil {
namespace {

namespace fs = std::filesystem;

// torchvision's file names.
const std::map<std::string, std::string> kPublished{{"resnet18", "resnet18-f37072fd"},
                                                    {"resnet34", "resnet34-b627a593"},
                                                    {"resnet50", "maskrcnn_resnet50_fpn_coco-bf2d0c1e"},
                                                    {"resnet101", "resnet101-63fe2227"}};

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

fs::path torch_cache() {
  if (const std::string home = environment("TORCH_HOME"); !home.empty()) return fs::path(home) / "hub/checkpoints";
  if (const std::string cache = environment("XDG_CACHE_HOME"); !cache.empty())
    return fs::path(cache) / "torch/hub/checkpoints";
  return fs::path(environment("HOME")) / ".cache/torch/hub/checkpoints";
}

}  // namespace

fs::path find_pretrained(const std::string& backbone) {
  const std::string stem = kPublished.at(backbone);
  const fs::path given = environment("SIL_WEIGHTS");
  if (!given.empty() && !fs::is_directory(given)) {
    check(fs::exists(given), "$SIL_WEIGHTS is {}, which does not exist", given.string());
    return given;
  }
  const fs::path folder = given.empty() ? torch_cache() : given;
  for (const char* extension : {".safetensors", ".pth"})
    if (fs::exists(folder / (stem + extension))) return folder / (stem + extension);
  fail(
      "train.pretrained is true, but {0} does not exist.  To get it: download "
      "https://download.pytorch.org/models/{1}.pth and put it there, name its folder in $SIL_WEIGHTS or give it by "
      "--weights.  To train without: --set train.pretrained=false",
      (folder / (stem + ".pth")).string(), stem);
}

bool is_published_detector(const std::string& sha256) { return sha256.starts_with("bf2d0c1e"); }

bool is_backbone(const StateDict& weights) { return weights.contains("conv1.weight") && weights.contains("fc.weight"); }

std::string load_backbone(MaskRcnn& model, const StateDict& weights, const std::string& source) {
  StateDict body;
  for (const auto& [name, tensor] : weights)
    if (!name.starts_with("fc.")) body["backbone.body." + name] = tensor;
  LoadReport report = load_state_dict(leaves(model), body);
  for (const LoadReport::Mismatch& m : report.mismatched)
    fail("{}: {} is {}; {} expected by the model of this run's config", source, m.name, m.given, m.expected);
  for (const std::string& name : report.missing)
    check(!name.starts_with("backbone.body."), "{}: {} is missing", source, name);
  for (const auto& [name, tensor] : weights)
    if (name.starts_with("fc.")) report.unexpected.push_back(name);
  return fmt::format("{}: {}", source, summary(report));
}

}  // namespace sil
