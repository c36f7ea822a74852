#include "train/checkpoint.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>

#include "nn/optimizer.h"
#include "nn/pth.h"
#include "nn/safetensors.h"
#include "tensor/arena.h"
#include "tensor/ops.h"
#include "tests/small_disk.h"
#include "tests/train/tiny.h"
#include "train/pretrained.h"
#include "train/sha256.h"

using namespace sil;
using namespace sil::test;

namespace {

Checkpoint checkpoint_of(MaskRcnn& model, const RunConfig& config) {
  Checkpoint c;
  c.config = config;
  c.categories.rows = {{1, 3, "fig"}, {2, 7, "na\"me\n\xC3\xA4"}, {3, 90000000000, ""}};
  c.progress = {12, 0.1 + 0.2, 8};
  c.weights = state_dict(leaves(model));
  c.optimizer = {{"exp_avg.x", Tensor::of<float>({2}, {1, 2})}, {"step.x", Tensor::of<int64_t>({}, {12})}};
  return c;
}

bool same(const StateDict& a, const StateDict& b) {
  if (a.size() != b.size()) return false;
  for (const auto& [name, tensor] : a) {
    const auto other = b.find(name);
    if (other == b.end() || tensor.shape() != other->second.shape() || tensor.dtype() != other->second.dtype() ||
        std::memcmp(tensor.raw(), other->second.raw(), tensor.bytes()) != 0)
      return false;
  }
  return true;
}

}  // namespace

TEST_CASE("checkpoint: what is written reads back to the bit") {
  const Folder folder("checkpoint");
  const RunConfig config = tiny_config();
  MaskRcnn model = tiny_model(config);
  const Checkpoint c = checkpoint_of(model, config);
  write_checkpoint(folder.path / "c.safetensors", c);
  const Checkpoint back = read_checkpoint(folder.path / "c.safetensors");
  CHECK(to_json(back.config) == to_json(config));
  CHECK(back.categories == c.categories);
  CHECK(back.progress.step == 12);
  CHECK(back.progress.best_score == 0.1 + 0.2);
  CHECK(back.progress.best_step == 8);
  CHECK(same(back.weights, c.weights));
  CHECK(same(back.optimizer, c.optimizer));
}

TEST_CASE("checkpoint: a disk that fills up leaves the last good one") {
  const Folder folder("full_disk");
  const RunConfig config = tiny_config();
  MaskRcnn model = tiny_model(config);
  Checkpoint c = checkpoint_of(model, config);
  const fs::path path = folder.path / "last.safetensors";
  write_checkpoint(path, c);
  const std::string before = bytes_of(path);
  c.progress.step = 13;
  {
    const SmallDisk disk(100000);
    CHECK(contains(error_of([&] { write_checkpoint(path, c); }), path.string()));
  }
  CHECK(bytes_of(path) == before);
  CHECK(std::distance(fs::directory_iterator(folder.path), {}) == 1);  // nothing half-written beside it
  write_checkpoint(path, c);
  CHECK(read_checkpoint(path).progress.step == 13);
}

TEST_CASE("checkpoint: weights that are not finite are not written over the last good ones") {
  const Folder folder("not_finite");
  const RunConfig config = tiny_config();
  MaskRcnn model = tiny_model(config);
  const Checkpoint c = checkpoint_of(model, config);
  const fs::path path = folder.path / "last.safetensors";
  write_checkpoint(path, c);
  const std::string before = bytes_of(path), name = "backbone.fpn.inner_blocks.0.0.bias";
  c.weights.at(name).data<float>()[3] = NAN;
  CHECK(error_of([&] { write_checkpoint(path, c); }) ==
        path.string() + ": " + name + " has a NaN or an infinity in it; finite weights expected");
  CHECK(bytes_of(path) == before);
}

TEST_CASE("checkpoint: a folder that is not there or a file cut short is named") {
  const Folder folder("cut");
  const RunConfig config = tiny_config();
  MaskRcnn model = tiny_model(config);
  const fs::path path = folder.path / "c.safetensors";
  write_checkpoint(path, checkpoint_of(model, config));
  CHECK(
      contains(error_of([&] { write_checkpoint(folder.path / "none" / "c.safetensors", {}); }), "none/c.safetensors"));
  for (uintmax_t size : {uintmax_t(0), uintmax_t(7), uintmax_t(500), fs::file_size(path) - 1}) {
    fs::resize_file(path, size);
    CHECK(contains(error_of([&] { read_checkpoint(path); }), path.string() + ": "));
    fs::remove(path);
    write_checkpoint(path, checkpoint_of(model, config));
  }
  CHECK(contains(error_of([&] { read_checkpoint(folder.path / "no.safetensors"); }), "no.safetensors"));
}

TEST_CASE("checkpoint: another program's file is no checkpoint; Detectron2's are refused with the reason") {
  const Folder folder("foreign");
  const fs::path path = folder.path / "x.safetensors";
  write_safetensors(path, {{{"a", Tensor::of<float>({1}, {1})}}, {}});
  CHECK(error_of([&] { read_checkpoint(path); }) ==
        path.string() + ": not a checkpoint of this program; one from a run's folder expected");
  CHECK(error_of([&] { read_weights(path); }) ==
        path.string() + ": no roi_heads.box_predictor.cls_score.weight; a Mask R-CNN's weights expected");
  write_safetensors(path,
                    {{{"conv1.weight", Tensor::of<float>({1}, {1})}, {"fc.weight", Tensor::of<float>({1}, {1})}}, {}});
  CHECK(error_of([&] { model_of(read_weights(path), "x"); }) ==
        "x: an image classifier's weights; a Mask R-CNN's expected");
  const std::string reason =
      ": Detectron2's weights are of another network (photos in BGR, stride in the 1x1 convolutions); torchvision's "
      "expected";
  CHECK(error_of([&] { read_weights("R-50.pkl"); }) == "R-50.pkl" + reason);
  write_pth(folder.path / "d2.pth", {{"backbone.bottom_up.stem.conv1.weight", Tensor::zeros({64, 3, 7, 7})}});
  CHECK(error_of([&] { read_weights(folder.path / "d2.pth"); }) == (folder.path / "d2.pth").string() + reason);
}

namespace {

const CategoryTable kNuts{{{1, 3, "fig"}, {2, 7, "date"}, {3, 9, "nut"}}};

// What load_for_training says of a start from `from` on `ours`; whether the class-sized layers stayed as drawn (all or
// none) and all others are the file's.
struct Loaded {
  std::string note;
  size_t anew = 0;
};
Loaded load(const CategoryTable& ours, const CategoryTable& theirs, int classes = 4) {
  RunConfig config = tiny_config(), goal = config;
  goal.model.num_classes = classes;
  MaskRcnn from = tiny_model(config), to(goal.model, 2);
  const WeightsFile file{config, theirs, state_dict(leaves(from)), true};
  const StateDict before = state_dict(leaves(to));
  Loaded loaded{load_for_training(to, ours, file, "w.safetensors")};
  for (const auto& [name, tensor] : state_dict(leaves(to))) {
    const bool class_sized = contains(name, "predictor.cls_score") || contains(name, "predictor.bbox_pred") ||
                             contains(name, "mask_fcn_logits");
    const bool anew = class_sized && contains(loaded.note, "start anew");
    loaded.anew += anew;
    const Tensor& expected = (anew ? before : file.weights).at(name);
    CAPTURE(name);
    REQUIRE(tensor.shape() == expected.shape());
    CHECK(std::memcmp(tensor.raw(), expected.raw(), tensor.bytes()) == 0);
  }
  return loaded;
}

}  // namespace

TEST_CASE("checkpoint: weights of another class count or of other categories keep all but the class-sized layers") {
  const auto check_anew = [](const Loaded& loaded, const std::string& why) {
    CHECK(contains(loaded.note, "w.safetensors is of " + why + "; the class-sized layers start anew: roi_heads."));
    CHECK(loaded.anew == 6);
  };
  check_anew(load(kNuts, kNuts, 9), "another class count");
  CategoryTable other = kNuts;
  other.rows[1].name = "raisin";
  check_anew(load(kNuts, other), "other categories");
  other = kNuts;
  other.rows[2].id = 10;
  check_anew(load(kNuts, other), "other categories");
  check_anew(load(kNuts, CategoryTable::identity(4)), "other categories");  // output 2 is category 2, not 7
}

TEST_CASE("checkpoint: weights of the same categories keep all layers") {
  CHECK(load(kNuts, kNuts).note == "w.safetensors: 158 tensors loaded");
  const CategoryTable counted{{{1, 1, "fig"}, {2, 2, "date"}, {3, 3, "nut"}}};
  CHECK(load(counted, CategoryTable::identity(4)).anew == 0);  // torchvision's carry no names
}

TEST_CASE("checkpoint: weights of another build are refused, with the layer's name") {
  RunConfig config = tiny_config(), wide = config;
  wide.model.fpn_channels = 24;
  MaskRcnn model = tiny_model(config), other = tiny_model(wide);
  const std::string text = error_of([&] {
    load_for_training(model, kNuts, {wide, kNuts, state_dict(leaves(other)), true}, "w.safetensors");
  });
  CHECK(contains(text, "w.safetensors: backbone.fpn."));
  CHECK(contains(text, "expected by the model of this run's config"));
  StateDict part = state_dict(leaves(model));
  part.erase("backbone.body.conv1.weight");
  CHECK(contains(error_of([&] {
                   load_for_training(model, kNuts, {config, kNuts, part, true}, "w");
                 }),
                 "backbone.body.conv1.weight is missing"));
  // predict and evaluate want all of it, the class count included.
  WeightsFile file{config, {}, state_dict(leaves(model)), true};
  file.config.model.num_classes = 9;
  CHECK(contains(error_of([&] { model_of(file, "w.safetensors"); }), "w.safetensors"));
}

TEST_CASE("pretrained: a classifier's layers go into the backbone, the rest stays as drawn") {
  const RunConfig config = tiny_config();
  MaskRcnn from = tiny_model(config), to(config.model, 2);
  StateDict classifier{{"fc.weight", Tensor::zeros({10, 512})}, {"fc.bias", Tensor::zeros({10})}};
  const std::string prefix = "backbone.body.";
  const StateDict theirs = state_dict(leaves(from)), before = state_dict(leaves(to));
  for (const auto& [name, tensor] : theirs)
    if (name.starts_with(prefix)) classifier[name.substr(prefix.size())] = tensor;
  REQUIRE(is_backbone(classifier));
  CHECK_FALSE(is_backbone(theirs));
  CHECK(load_backbone(to, classifier, "resnet18.safetensors")
            .starts_with("resnet18.safetensors: 120 tensors loaded; new: backbone.fpn.inner_blocks.0.0.weight, "));
  for (const auto& [name, tensor] : state_dict(leaves(to))) {
    CAPTURE(name);
    const Tensor& expected = (name.starts_with(prefix) ? theirs : before).at(name);
    CHECK(std::memcmp(tensor.raw(), expected.raw(), tensor.bytes()) == 0);
  }
  classifier.erase("layer1.0.conv1.weight");
  CHECK(error_of([&] { load_backbone(to, classifier, "r.safetensors"); }) ==
        "r.safetensors: backbone.body.layer1.0.conv1.weight is missing");
}

namespace {

std::string old_name(std::string name) {
  const std::pair<const char*, const char*> parts[] = {{"rpn.head.conv.0.0.", "rpn.head.conv."},
                                                       {"mask_head.0.0.", "mask_head.mask_fcn1."},
                                                       {"mask_head.1.0.", "mask_head.mask_fcn2."},
                                                       {"blocks.0.0.", "blocks.0."},
                                                       {"blocks.1.0.", "blocks.1."},
                                                       {"blocks.2.0.", "blocks.2."},
                                                       {"blocks.3.0.", "blocks.3."}};
  for (const auto& [now, before] : parts)
    if (const size_t at = name.find(now); at != std::string::npos) name.replace(at, std::strlen(now), before);
  return name;
}

// A detector of torchvision's size in what the file does not say.
RunConfig published_config() {
  RunConfig config;
  config.model.backbone = "resnet18", config.model.num_classes = 3;
  return config;
}

}  // namespace

TEST_CASE("weights: torchvision's .pth is a detector with frozen norms, under old names and with counters too") {
  const Folder folder("published");
  const fs::path path = folder.path / "w.pth";
  MaskRcnn model(published_config().model, 1);
  StateDict now = state_dict(leaves(model)), before;
  for (const auto& [name, tensor] : now) before[old_name(name)] = tensor;
  CHECK(before.contains("backbone.fpn.layer_blocks.3.bias"));
  CHECK(before.contains("rpn.head.conv.weight"));
  CHECK(before.contains("roi_heads.mask_head.mask_fcn2.weight"));
  before["backbone.body.bn1.num_batches_tracked"] = Tensor::of<int64_t>({}, {7});
  write_pth(path, before);
  WeightsFile file = read_weights(path);
  CHECK_FALSE(file.of_ours);
  CHECK(file.config.model.backbone == "resnet18");
  CHECK(file.config.model.norm == NormKind::frozen_bn);
  CHECK(file.config.model.norm_eps == 1e-5f);
  CHECK(file.config.model.num_classes == 3);
  CHECK(file.categories == CategoryTable::identity(3));
  MaskRcnn back = model_of(file, "w.pth");
  CHECK(same(state_dict(leaves(back)), now));
  CHECK(read_weights(path, 0.0f).config.model.norm_eps == 0);

  before["rpn.head.conv.0.0.weight"] = before["rpn.head.conv.weight"];
  write_pth(path, before);
  CHECK(error_of([&] { read_weights(path); }) ==
        path.string() + ": rpn.head.conv.0.0.weight is there under its old name too");
}

TEST_CASE("weights: the published detector is known by its SHA-256, and its norms have epsilon 0") {
  CHECK(sha256("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sha256(std::string(1'000'000, 'a')) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  for (size_t n : {55, 56, 63, 64, 65, 119, 120, 1 << 20}) {  // where padding and chunks end
    const Folder folder("sha");
    write_text(folder.path / "x", std::string(n, 'x'));
    CHECK_MESSAGE(sha256_of_file(folder.path / "x") == sha256(std::string(n, 'x')), n);
  }
  CHECK(is_published_detector("bf2d0c1e" + std::string(56, '0')));
  CHECK_FALSE(is_published_detector(sha256("abc")));
}

TEST_CASE("weights: what is left over is said, what is missing is refused") {
  RunConfig config = tiny_config();
  MaskRcnn model = tiny_model(config);
  WeightsFile file{config, kNuts, state_dict(leaves(model)), true};
  file.weights["extra.weight"] = Tensor::zeros({1});
  CHECK(load_for_training(model, kNuts, file, "w.pth") == "w.pth: 158 tensors loaded; left over: extra.weight");
}

namespace {

// What reading a tiny checkpoint with one change says, after the file's name.
std::string error_with(const std::function<void(TensorFile&)>& change) {
  const Folder folder("changed");
  const fs::path path = folder.path / "c.safetensors";
  const RunConfig config = tiny_config();
  MaskRcnn model = tiny_model(config);
  write_checkpoint(path, checkpoint_of(model, config));
  TensorFile file = read_safetensors(path);
  change(file);
  write_safetensors(path, file);
  const std::string text = error_of([&] { read_weights(path); }), start = path.string() + ": ";
  return text.starts_with(start) ? text.substr(start.size()) : text;
}

}  // namespace

TEST_CASE("checkpoint: metadata nested however deeply is refused, not followed") {
  for (const char* key : {"config", "categories", "progress"}) {
    CAPTURE(key);
    CHECK(error_with([&](TensorFile& file) {
            file.metadata[key] = std::string(300000, '[');
          }).starts_with(std::string("metadata ") + key));
    CHECK(error_with([&](TensorFile& file) {
            file.metadata[key] = std::string(300000, '[') + std::string(300000, ']');
          }) != "no error");
  }
}

TEST_CASE("checkpoint: categories have each output of the model and each id once") {
  const auto with = [](const std::string& rows) {
    return error_with([&](TensorFile& file) { file.metadata["categories"] = rows; });
  };
  CHECK(with("[]") == "metadata categories is empty");
  CHECK(with(R"([{"output": 0, "id": 3, "name": "a"}])") ==
        "metadata categories: output 0 of category 3; 1 to 3 expected with model.num_classes 4");
  CHECK(with(R"([{"output": 4, "id": 3, "name": "a"}])") ==
        "metadata categories: output 4 of category 3; 1 to 3 expected with model.num_classes 4");
  CHECK(with(R"([{"output": 1, "id": 3, "name": "a"}, {"output": 1, "id": 4, "name": "b"}])") ==
        "metadata categories: output 1 is there twice");
  CHECK(with(R"([{"output": 1, "id": 3, "name": "a"}, {"output": 2, "id": 3, "name": "b"}])") ==
        "metadata categories: category 3 is there twice");
  CHECK(with(R"([{"output": 1, "id": 3, "name": "a\u0000b"}])") ==
        "metadata categories: the name of category 3 has a NUL in it");
  CHECK(with(R"([{"output": 3, "id": 3, "name": "a"}])") == "no error");
}

TEST_CASE("checkpoint: widths that its weights do not have are refused before they take memory") {
  const auto with = [](const std::string& from, const std::string& to) {
    return error_with([&](TensorFile& file) {
      std::string& config = file.metadata["config"];
      const size_t at = config.find(from);
      REQUIRE(at != std::string::npos);
      config.replace(at, from.size(), to);
    });
  };
  Arena& arena = Arena::of(Device::cpu());
  with("\"fpn_channels\": 16", "\"fpn_channels\": 16");
  arena.reset_peak();
  CHECK(with("\"fpn_channels\": 16", "\"fpn_channels\": 4096") ==
        "backbone.fpn.layer_blocks.0.0.weight is [16, 16, 3, 3]; [4096, 4096, 3, 3] expected by its config");
  CHECK(with("\"box_head_width\": 32", "\"box_head_width\": 16384") ==
        "roi_heads.box_head.fc6.weight is [32, 784]; [16384, 784] expected by its config");
  CHECK(with("\"mask_head_width\": 16", "\"mask_head_width\": 4096") ==
        "roi_heads.mask_predictor.conv5_mask.weight is [16, 16, 2, 2]; [4096, 4096, 2, 2] expected by its config");
  CHECK(with("\"mask_head_layers\": 2", "\"mask_head_layers\": 16") ==
        "roi_heads.mask_head.15.0.weight is missing; [16, 16, 3, 3] expected by its config");
  CHECK(with("\"num_classes\": 4", "\"num_classes\": 100000") ==
        "roi_heads.box_predictor.cls_score.weight is [4, 32]; [100000, 32] expected by its config");
  CHECK(arena.peak() < int64_t(500) << 20);
}

TEST_CASE("checkpoint: weights that are no finite floats are refused by name") {
  const std::string name = "backbone.fpn.inner_blocks.0.0.bias";
  for (const float bad : {NAN, INFINITY, -INFINITY})
    CHECK(error_with([&](TensorFile& file) { file.tensors.at(name).data<float>()[3] = bad; }) ==
          name + " has a NaN or an infinity in it; finite weights expected");
  CHECK(error_with([&](TensorFile& file) { file.tensors.at(name) = ops::cast(file.tensors.at(name), DType::i32); }) ==
        name + " is int32; weights in floating point expected");
}
