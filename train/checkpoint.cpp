#include "train/checkpoint.h"

#include <fmt/format.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <set>

#include "data/json_value.h"
#include "models/heads.h"
#include "nn/pth.h"
#include "nn/safetensors.h"
#include "tensor/check.h"
#include "tensor/ops.h"
#include "train/old_names.h"
#include "train/pretrained.h"
#include "train/sha256.h"

namespace sil {
namespace {

constexpr const char* kFormat = "silhouette 1";
constexpr std::string_view kOptimizer = "optimizer.";
// The layers whose shapes follow the class count.
constexpr std::string_view kClassSized[] = {"roi_heads.box_predictor.cls_score.", "roi_heads.box_predictor.bbox_pred.",
                                            "roi_heads.mask_predictor.mask_fcn_logits."};

using Writer = rapidjson::Writer<rapidjson::StringBuffer>;

std::string categories_json(const CategoryTable& table) {
  rapidjson::StringBuffer text;
  Writer w(text);
  w.StartArray();
  for (const CategoryTable::Row& row : table.rows) {
    w.StartObject();
    w.Key("output");
    w.Int(row.output);
    w.Key("id");
    w.Int64(row.id);
    w.Key("name");
    w.String(row.name.data(), unsigned(row.name.size()));
    w.EndObject();
  }
  w.EndArray();
  return text.GetString();
}

// Each output and each id once, every output one of the model's.
void check_table(const CategoryTable& table, int num_classes, const std::string& source) {
  check(!table.rows.empty(), "{}: metadata categories is empty", source);
  std::set<int> outputs;
  std::set<int64_t> ids;
  for (const CategoryTable::Row& row : table.rows) {
    check(row.output >= 1 && row.output < num_classes,
          "{}: metadata categories: output {} of category {}; 1 to {} expected with model.num_classes {}", source,
          row.output, row.id, num_classes - 1, num_classes);
    check(outputs.insert(row.output).second, "{}: metadata categories: output {} is there twice", source, row.output);
    check(ids.insert(row.id).second, "{}: metadata categories: category {} is there twice", source, row.id);
    check(row.name.find('\0') == std::string::npos, "{}: metadata categories: the name of category {} has a NUL in it",
          source, row.id);
  }
}

CategoryTable categories_from(const std::string& json, int num_classes, const std::string& source) {
  const rapidjson::Document rows = parse_json(json, source + ": metadata categories");
  check(rows.IsArray(), "{}: metadata categories is not a list", source);
  CategoryTable table;
  for (const auto& row : rows.GetArray()) {
    check(row.IsObject() && row.HasMember("output") && row["output"].IsInt() && row.HasMember("id") &&
              row["id"].IsInt64() && row.HasMember("name") && row["name"].IsString(),
          "{}: metadata categories has a row without output, id and name", source);
    const rapidjson::Value& name = row["name"];
    table.rows.push_back(
        {row["output"].GetInt(), row["id"].GetInt64(), std::string(name.GetString(), name.GetStringLength())});
  }
  check_table(table, num_classes, source);
  return table;
}

std::string progress_json(const Progress& p) {
  return fmt::format(R"({{"step": {}, "best_score": {:.17g}, "best_step": {}, "photos": {}, "validated": {}}})", p.step,
                     p.best_score, p.best_step, p.photos, p.validated);
}

Progress progress_from(const std::string& json, const std::string& source) {
  const rapidjson::Document d = parse_json(json, source + ": metadata progress");
  check(d.IsObject() && d.HasMember("step") && d["step"].IsInt64() && d["step"].GetInt64() >= 0 &&
            d.HasMember("best_score") && d["best_score"].IsNumber() && d.HasMember("best_step") &&
            d["best_step"].IsInt64(),
        "{}: metadata progress has no step, best_score and best_step", source);
  const auto later = [&](const char* key, int64_t otherwise) {  // what older files do not say
    return d.HasMember(key) && d[key].IsInt64() ? d[key].GetInt64() : otherwise;
  };
  const int64_t step = d["step"].GetInt64();
  return {step, d["best_score"].GetDouble(), d["best_step"].GetInt64(), later("photos", 0), later("validated", step)};
}

bool is_ours(const TensorFile& file) { return file.metadata.contains("silhouette"); }

const std::string& metadata(const TensorFile& file, const std::string& key, const std::string& source) {
  const auto found = file.metadata.find(key);
  check(found != file.metadata.end(), "{}: metadata {} is missing", source, key);
  return found->second;
}

// Weights that a model can have: numbers that are numbers.
void check_weights(const StateDict& weights, const std::string& source) {
  for (const auto& [name, tensor] : weights) {
    if (name.ends_with("num_batches_tracked")) continue;
    const DType dtype = tensor.dtype();
    check(dtype == DType::f32 || dtype == DType::bf16 || dtype == DType::f64,
          "{}: {} is {}; weights in floating point expected", source, name, sil::name(dtype));
    check(ops::all_finite(tensor), "{}: {} has a NaN or an infinity in it; finite weights expected", source, name);
  }
}

// The widths of the config are those of the weights.  A file claims widths in a few bytes, and the model that they
// describe would take its memory before its shapes could be compared.
void check_widths(const ModelConfig& c, const StateDict& weights, const std::string& source) {
  const int64_t fpn = c.fpn_channels, box = c.box_head_width, mask = c.mask_head_width, classes = c.num_classes;
  const int layers = c.mask_head_layers;
  std::vector<std::pair<std::string, Shape>> expected{
      {"backbone.fpn.layer_blocks.0.0.weight", {fpn, fpn, 3, 3}},
      {"roi_heads.box_head.fc6.weight", {box, fpn * BoxHead::kPooled * BoxHead::kPooled}},
      {"roi_heads.box_head.fc7.weight", {box, box}},
      {"roi_heads.box_predictor.cls_score.weight", {classes, box}},
      {"roi_heads.mask_predictor.conv5_mask.weight", {layers ? mask : fpn, mask, 2, 2}},
      {"roi_heads.mask_predictor.mask_fcn_logits.weight", {classes, mask, 1, 1}}};
  if (layers)
    expected.push_back(
        {fmt::format("roi_heads.mask_head.{}.0.weight", layers - 1), {mask, layers > 1 ? mask : fpn, 3, 3}});
  for (const auto& [name, shape] : expected) {
    const auto found = weights.find(name);
    check(found != weights.end(), "{}: {} is missing; {} expected by its config", source, name, shape);
    check(found->second.shape() == shape, "{}: {} is {}; {} expected by its config", source, name,
          found->second.shape(), shape);
  }
}

Checkpoint checkpoint_from(const TensorFile& file, const std::string& source) {
  check(is_ours(file), "{}: not a checkpoint of this program; one from a run's folder expected", source);
  check(metadata(file, "silhouette", source) == kFormat, "{}: format is \"{}\"; \"{}\" expected", source,
        metadata(file, "silhouette", source), kFormat);
  Checkpoint c;
  apply_text(c.config, metadata(file, "config", source), source + ": metadata config");
  c.categories = categories_from(metadata(file, "categories", source), c.config.model.num_classes, source);
  c.progress = progress_from(metadata(file, "progress", source), source);
  for (const auto& [name, tensor] : file.tensors) {
    if (name.starts_with(kOptimizer))
      c.optimizer[name.substr(kOptimizer.size())] = tensor;
    else
      c.weights[name] = tensor;
  }
  check_widths(c.config.model, c.weights, source);
  check_weights(c.weights, source);
  return c;
}

// torchvision's detectors, recognised by their layers.
RunConfig config_of_bare(const StateDict& weights, const std::string& source) {
  const auto scores = weights.find("roi_heads.box_predictor.cls_score.weight");
  check(scores != weights.end() && scores->second.rank() == 2,
        "{}: no roi_heads.box_predictor.cls_score.weight; a Mask R-CNN's weights expected", source);
  RunConfig config;
  if (!weights.contains("backbone.body.bn1.running_mean")) config.model.norm = NormKind::group_norm;
  config.model.num_classes = int(scores->second.dim(0));
  config.augmentations = {ToImage{}, Normalize{}};
  const bool bottleneck = weights.contains("backbone.body.layer1.0.conv3.weight");
  const bool deep = weights.contains("backbone.body.layer3.6.conv1.weight");
  const bool third_block = weights.contains("backbone.body.layer1.2.conv1.weight");
  config.model.backbone = bottleneck ? (deep ? "resnet101" : "resnet50") : (third_block ? "resnet34" : "resnet18");
  return config;
}

// Whether each of our categories has the output in `theirs` that it has in `ours`; a row without a name goes by its id.
bool stand_for_the_same(const CategoryTable& theirs, const CategoryTable& ours) {
  return std::all_of(ours.rows.begin(), ours.rows.end(), [&](const CategoryTable::Row& row) {
    if (theirs.output(row.id) != row.output) return false;
    const std::string& name = theirs.row(row.output).name;
    return name.empty() || name == row.name;
  });
}

bool is_class_sized(const std::string& name) {
  for (std::string_view layer : kClassSized)
    if (name.starts_with(layer)) return true;
  return false;
}

}  // namespace

void write_checkpoint(const std::filesystem::path& path, const Checkpoint& c) {
  check_weights(c.weights, path.string());  // what could not be read again does not replace what can
  TensorFile file;
  file.metadata = {{"silhouette", kFormat},
                   {"config", to_json(c.config)},
                   {"categories", categories_json(c.categories)},
                   {"progress", progress_json(c.progress)}};
  file.tensors = c.weights;
  for (const auto& [name, tensor] : c.optimizer) file.tensors[std::string(kOptimizer) + name] = tensor;
  write_safetensors(path, file);
}

Checkpoint read_checkpoint(const std::filesystem::path& path) {
  return checkpoint_from(read_safetensors(path), path.string());
}

namespace {

[[noreturn]] void refuse_detectron2(const std::string& source) {
  fail(
      "{}: Detectron2's weights are of another network (photos in BGR, stride in the 1x1 convolutions); torchvision's "
      "expected",
      source);
}

TensorFile read_tensors(const std::filesystem::path& path) {
  const std::string extension = path.extension().string();
  if (extension == ".pkl") refuse_detectron2(path.string());
  if (extension == ".pth" || extension == ".pt") return {read_pth(path), {}};
  return read_safetensors(path);
}

WeightsFile read_file(const std::filesystem::path& path) {
  const std::string source = path.string();
  TensorFile file = read_tensors(path);
  if (is_ours(file)) {
    Checkpoint c = checkpoint_from(file, source);
    return {std::move(c.config), std::move(c.categories), std::move(c.weights), true};
  }
  if (file.tensors.contains("backbone.bottom_up.stem.conv1.weight")) refuse_detectron2(source);
  WeightsFile bare;
  bare.weights = with_current_names(std::move(file.tensors), source);
  check_weights(bare.weights, source);
  if (is_backbone(bare.weights)) return bare;
  bare.config = config_of_bare(bare.weights, source);
  if (is_published_detector(sha256_of_file(path))) bare.config.model.norm_eps = 0;
  bare.categories = CategoryTable::identity(bare.config.model.num_classes);
  return bare;
}

}  // namespace

WeightsFile read_weights(const std::filesystem::path& path, std::optional<float> bn_eps) {
  WeightsFile file = read_file(path);
  if (bn_eps) file.config.model.norm_eps = *bn_eps;
  return file;
}

MaskRcnn model_of(const WeightsFile& file, const std::string& source) {
  check(!is_backbone(file.weights), "{}: an image classifier's weights; a Mask R-CNN's expected", source);
  MaskRcnn model(file.config.model);
  load_state_dict_exact(leaves(model), file.weights, source);
  return model;
}

void check_categories(const CategoryTable& of_model, const Annotations& annotations, const std::string& weights) {
  for (const Category& c : annotations.categories) {
    const int output = of_model.output(c.id);
    check(output > 0, "{}: has no category {} (\"{}\"), which {} has; weights trained on these categories expected",
          weights, c.id, c.name, annotations.source);
    const std::string& known = of_model.row(output).name;
    check(known.empty() || known == c.name, "{}: category {} is \"{}\" there, but \"{}\" in {}", weights, c.id, known,
          c.name, annotations.source);
  }
}

std::string load_for_training(MaskRcnn& model, const CategoryTable& categories, const WeightsFile& file,
                              const std::string& source) {
  const char* other = file.config.model.num_classes != model.config().num_classes ? "another class count"
                      : !stand_for_the_same(file.categories, categories)          ? "other categories"
                                                                                  : nullptr;
  StateDict weights = file.weights;
  if (other) std::erase_if(weights, [](const auto& entry) { return is_class_sized(entry.first); });
  LoadReport report = load_state_dict(leaves(model), weights);
  std::string anew;
  std::erase_if(report.missing, [&](const std::string& name) {
    if (!other || !is_class_sized(name)) return false;
    anew += (anew.empty() ? "" : ", ") + name;
    return true;
  });
  for (const LoadReport::Mismatch& m : report.mismatched)
    fail("{}: {} is {}; {} expected by the model of this run's config", source, m.name, m.given, m.expected);
  check(report.missing.empty(), "{}: {} is missing, one of {} tensors of the model that are", source,
        report.missing.empty() ? "" : report.missing.front(), report.missing.size());
  const std::string line = fmt::format("{}: {}", source, summary(report));
  if (!other) return line;
  return fmt::format("{}\n{} is of {}; the class-sized layers start anew: {}", line, source, other, anew);
}

}  // namespace sil
