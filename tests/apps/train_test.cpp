// train, evaluate and predict, end to end on shapes, tiny.
#include <doctest/doctest.h>
#include <rapidjson/document.h>

#include <algorithm>
#include <set>

#include "data/annotations.h"
#include "data/image.h"
#include "tests/apps/run.h"

using namespace sil;
namespace fs = std::filesystem;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// Bad input: exit code 2 and one line on stderr.
void check_error(const Ran& ran, const std::string& says) {
  INFO(ran.err);
  CHECK(ran.code == 2);
  CHECK(std::count(ran.err.begin(), ran.err.end(), '\n') == 1);
  CHECK(ran.err.starts_with("error: "));
  CHECK(contains(ran.err, says));
}

const char* const kConfig = R"({
  "model": {"backbone": "resnet18", "fpn_channels": 16, "box_head_width": 32, "mask_head_width": 16, "mask_head_layers": 1,
            "mask_size": 14, "anchor_sizes": [8, 16, 32, 64, 128], "rois_per_image": 32, "min_size": 64, "max_size": 64,
            "rpn_train_candidates": 200, "rpn_test_candidates": 100},
  "train": {"pretrained": false, "optimizer": "adamw", "learning_rate": 0.001, "batch_size": 2, "max_steps": 2,
            "score_threshold": 0},
  "augmentations": [{"name": "ToImage", "params": {}}, {"name": "Normalize", "params": {}}]})";

// A data set of shapes and a configuration, and the arguments that name them.
struct Data {
  TemporaryFolder folder;
  std::string annotations = folder / "data/annotations.json", images = folder / "data/images";
  std::string config = folder / "config.json";
  Data() {
    REQUIRE(run("shapes", "--images 4 --size 64 --seed 1 --out " + (folder / "data")).code == 0);
    write_text(config, kConfig);
  }
  std::string training(const std::string& out) const {
    return "--train-annotations " + annotations + " --train-images " + images + " --out " + (folder / out) + " ";
  }
  std::string validation() const { return "--val-annotations " + annotations + " --val-images " + images + " "; }
  std::string with_config() const { return "--config " + config + " "; }
  Ran train(const std::string& out, const std::string& more = "") const {
    return run("train", training(out) + with_config() + more);
  }
};

// The annotations with another word for a word.
std::string edited(const Data& data, const std::string& name, const std::string& from, const std::string& to) {
  std::string text = read_text(data.annotations);
  const size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  write_text(data.folder / name, text.replace(at, from.size(), to));
  return data.folder / name;
}

}  // namespace

TEST_CASE("train, evaluate, predict: end to end") {
  const Data data;
  const Ran trained = data.train("run", data.validation());
  INFO(trained.err);
  REQUIRE(trained.code == 0);
  CHECK(contains(trained.out, "4 photos, 3 classes"));
  CHECK(contains(trained.out, "mask AP50"));
  for (const char* file :
       {"run/last.safetensors", "run/best.safetensors", "run/metrics.json", "run/config.json", "run/log.jsonl"})
    CHECK(fs::exists(data.folder / file));

  const std::string best = "--weights " + (data.folder / "run/best.safetensors") + " ";
  const Ran evaluated =
      run("evaluate", best + "--annotations " + data.annotations + " --images " + data.images + " --results " +
                          (data.folder / "found.json") + " --json " + (data.folder / "m.json"));
  INFO(evaluated.err);
  REQUIRE(evaluated.code == 0);
  rapidjson::Document m;
  m.Parse(read_text(data.folder / "m.json").c_str());
  CHECK(m["segm"].HasMember("AP50"));

  // predict finds what evaluate found, to the byte: the ids by file name are the annotations' own.
  const Ran predicted = run("predict", best + "--images " + data.images + " --results " + (data.folder / "p.json") +
                                           " --overlay " + (data.folder / "overlays") + " --overlay-threshold 0.2");
  INFO(predicted.err);
  REQUIRE(predicted.code == 0);
  CHECK(read_text(data.folder / "p.json") == read_text(data.folder / "found.json"));
  const std::vector<Detection> found = read_results(data.folder / "p.json");
  REQUIRE(!found.empty());
  for (const Detection& d : found) CHECK(std::get<Rle>(d.segmentation).height == 64);
  CHECK(contains(read_text(data.folder / "p.json"), "\"file_name\""));
  CHECK(read_image(data.folder / "overlays/000001.png").shape() == Shape{448, 448, 3});
}

TEST_CASE("train: --resume goes on, and without it a run is not overwritten") {
  const Data data;
  REQUIRE(data.train("run").code == 0);
  check_error(data.train("run"), "last.safetensors exists; --resume goes on with that run");
  const Ran resumed = run("train", data.training("run") + "--resume --max-steps 3");
  INFO(resumed.err);
  REQUIRE(resumed.code == 0);
  CHECK(contains(resumed.out, "after step 3: "));
  const std::string log = read_text(data.folder / "run/log.jsonl");
  CHECK(std::count(log.begin(), log.end(), '\n') == 3);

  // Other categories: refused.
  const std::string other = edited(data, "other.json", "\"circle\"", "\"disc\"");
  check_error(run("train", "--train-annotations " + other + " --train-images " + data.images + " --out " +
                               (data.folder / "run") + " --resume"),
              "its categories are not those of --train-annotations");
  check_error(run("train", data.training("none") + "--resume"), "none/last.safetensors");
}

TEST_CASE("train: the same seed gives the same weights, another one others") {
  const Data data;
  const auto weights = [&](const std::string& out, const std::string& seed) {
    REQUIRE(data.train(out, "--max-steps 1 --seed " + seed).code == 0);
    return read_text(data.folder / (out + "/last.safetensors"));
  };
  const std::string one = weights("one", "1");
  CHECK(one == weights("again", "1"));
  CHECK(one != weights("two", "2"));
}

TEST_CASE("train: --weights of another class count keeps the rest and says so; predict and evaluate refuse") {
  const Data data;
  REQUIRE(data.train("three", "--max-steps 1").code == 0);
  const std::string fewer =
      edited(data, "more.json", "\"categories\": [", "\"categories\": [{\"id\": 99, \"name\": \"star\"},");
  const Ran trained = run("train", "--train-annotations " + fewer + " --train-images " + data.images + " --out " +
                                       (data.folder / "four") + " --weights " +
                                       (data.folder / "three/last.safetensors") + " " + data.with_config());
  INFO(trained.err);
  REQUIRE(trained.code == 0);
  CHECK(contains(trained.out, "is of another class count; the class-sized layers start anew: "));
  CHECK(contains(trained.out, "starts from "));

  const std::string three = "--weights " + (data.folder / "three/last.safetensors") + " --images " + data.images;
  check_error(run("evaluate", three + " --annotations " + fewer), "has no category 99 (\"star\")");
  check_error(run("predict", three + " --annotations " + fewer + " --results " + (data.folder / "r.json")),
              "has no category 99 (\"star\")");
  CHECK_FALSE(fs::exists(data.folder / "r.json"));
}

TEST_CASE("train: pretrained weights that are not there are answered with how to get them and how to do without") {
  const Data data;
  const Ran ran = run("train", data.training("run"), "SIL_WEIGHTS=" + data.folder.path.string());
  check_error(ran, "maskrcnn_resnet50_fpn_coco-bf2d0c1e.safetensors does not exist");
  CHECK(contains(ran.err, "--set train.pretrained=false"));
  CHECK(contains(ran.err, "https://download.pytorch.org/models/maskrcnn_resnet50_fpn_coco-bf2d0c1e.pth"));
  CHECK_FALSE(fs::exists(data.folder / "run"));
  check_error(run("train", data.training("run") + "--weights w.pth"), "w.pth: torch's .pth files cannot be read yet");
}

TEST_CASE("train: wrong arguments and settings end with one line") {
  const Data data;
  check_error(run("train", ""), "--train-annotations, --train-images and --out are needed");
  check_error(run("train", "--nonsense"), "--nonsense");
  check_error(data.train("run", "--val-images x"), "--val-annotations and --val-images go together");
  check_error(data.train("run", "--set train.lerning_rate=1"), "unknown key \"lerning_rate\"; allowed in train: ");
  check_error(data.train("run", "--set train.batch_size=0"), "an integer of at least 1 expected");
  check_error(data.train("run", "--max-steps -1"), "train.max_steps is -1; an integer of at least 0 or null expected");
  check_error(data.train("run", "--dtype bf16"), "--dtype is bf16; f32 expected");
  check_error(data.train("run", "--device cuda"), "error: ");
  check_error(run("train", data.training("run") + "--config " + (data.folder / "none.json")),
              "none.json: cannot be read");
  check_error(run("train", data.training("run") + "--set train.pretrained=false --set model.min_size=64"),
              "model.min_size has no effect beside the augmentation Resize of the default list");
  CHECK_FALSE(fs::exists(data.folder / "run"));
}

TEST_CASE("train: broken data ends with one line that names it") {
  const Data data;
  const auto train_on = [&](const std::string& annotations) {
    return run("train", "--train-annotations " + annotations + " --train-images " + data.images + " --out " +
                            (data.folder / "run") + " " + data.with_config());
  };
  check_error(train_on(data.folder / "none.json"), "none.json");
  write_text(data.folder / "text.json", "hello");
  check_error(train_on(data.folder / "text.json"), "text.json");
  write_text(data.folder / "cut.json", read_text(data.annotations).substr(0, 300));
  check_error(train_on(data.folder / "cut.json"), "cut.json");
  check_error(train_on(edited(data, "category.json", "\"category_id\": ", "\"category_id\": 7")),
              "annotation 1: category_id 72");
  write_text(data.folder / "a_file", "");
  check_error(data.train("a_file/run"), "a_file/run: cannot be made");
  fs::remove(fs::path(data.images) / "000003.png");
  check_error(train_on(data.annotations), "000003.png");
}

TEST_CASE("predict: a bad photo is named, the rest goes on, and the exit code is 2") {
  const Data data;
  REQUIRE(data.train("run", "--max-steps 0").code == 0);
  const std::string weights = "--weights " + (data.folder / "run/last.safetensors") + " ";
  const std::string results = " --results " + (data.folder / "r.json");
  write_text(fs::path(data.images) / "000002.png", "no picture");
  fs::resize_file(fs::path(data.images) / "000003.png", 1000);
  const Ran ran = run("predict", weights + "--images " + data.images + results);
  CHECK(ran.code == 2);
  CHECK(contains(ran.err, "000002.png"));
  CHECK(contains(ran.err, "000003.png"));
  CHECK(contains(ran.err, "error: 2 of 4 photos could not be used\n"));
  std::set<int64_t> ids;
  for (const Detection& d : read_results(data.folder / "r.json")) ids.insert(d.image_id);
  CHECK(ids == std::set<int64_t>{1, 4});  // counted over all files

  check_error(run("predict", weights + "--images " + (data.folder / "none") + results), "none: does not exist");
  fs::create_directory(data.folder / "empty");
  check_error(run("predict", weights + "--images " + (data.folder / "empty") + results), "empty: no photos in it");
  check_error(run("predict", weights + "--images " + data.images + " --results " + (data.folder / "none/r.json")),
              "none/r.json: there is no folder ");
  check_error(run("predict", weights + "--images " + data.images + results + " --score-threshold 2"),
              "--score-threshold");
  write_text(data.folder / "cut.safetensors", read_text(data.folder / "run/last.safetensors").substr(0, 100000));
  check_error(run("predict", "--weights " + (data.folder / "cut.safetensors") + " --images " + data.images + results),
              "cut.safetensors");
}

TEST_CASE("predict: bf16 finds what float32 finds") {
  const Data data;
  REQUIRE(data.train("run").code == 0);
  const std::string start = "--weights " + (data.folder / "run/last.safetensors") + " --images " + data.images;
  REQUIRE(run("predict", start + " --results " + (data.folder / "f.json")).code == 0);
  REQUIRE(run("predict", start + " --dtype bf16 --results " + (data.folder / "b.json")).code == 0);
  const std::vector<Detection> f = read_results(data.folder / "f.json"), b = read_results(data.folder / "b.json");
  REQUIRE(!f.empty());
  REQUIRE(!b.empty());
  CHECK(b.front().score == doctest::Approx(f.front().score).epsilon(0.05));
}
