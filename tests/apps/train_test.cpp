// train, evaluate and predict, end to end on shapes, tiny.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <rapidjson/document.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "data/annotations.h"
#include "data/image.h"
#include "tests/apps/run.h"

using namespace sil;
using namespace sil::test;
namespace fs = std::filesystem;

namespace {

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
  Folder folder;
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
  std::string text = bytes_of(data.annotations);
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
  m.Parse(bytes_of(data.folder / "m.json").c_str());
  CHECK(m["segm"].HasMember("AP50"));

  // predict finds what evaluate found, to the byte: the ids by file name are the annotations' own.
  const Ran predicted = run("predict", best + "--images " + data.images + " --results " + (data.folder / "p.json") +
                                           " --overlay " + (data.folder / "overlays") + " --overlay-threshold 0.2");
  INFO(predicted.err);
  REQUIRE(predicted.code == 0);
  CHECK(bytes_of(data.folder / "p.json") == bytes_of(data.folder / "found.json"));
  const std::vector<Detection> found = read_results(data.folder / "p.json");
  REQUIRE(!found.empty());
  for (const Detection& d : found) CHECK(std::get<Rle>(d.segmentation).height == 64);
  CHECK(contains(bytes_of(data.folder / "p.json"), "\"file_name\""));
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
  const std::string log = bytes_of(data.folder / "run/log.jsonl");
  CHECK(std::count(log.begin(), log.end(), '\n') == 3);

  // Other categories: refused.
  const std::string other = edited(data, "other.json", "\"circle\"", "\"disc\"");
  check_error(run("train", "--train-annotations " + other + " --train-images " + data.images + " --out " +
                               (data.folder / "run") + " --resume"),
              "its categories are not those of --train-annotations");
  check_error(run("train", data.training("none") + "--resume"), "none/last.safetensors");

  // Another seed, or other photos: what follows would not be what this run would have done.
  check_error(run("train", data.training("run") + "--resume --seed 7"), "last.safetensors: its seed is 0, not 7");
  check_error(run("train", data.training("run") + "--resume --set train.optimizer=sgd"),
              "last.safetensors: its optimizer is adamw, not sgd; the same expected to resume");
  const Folder more;
  REQUIRE(run("shapes", "--out " + (more / "set") + " --images 6 --size 64").code == 0);
  check_error(run("train", "--train-annotations " + (more / "set/annotations.json") + " --train-images " +
                               (more / "set/images") + " --out " + (data.folder / "run") + " --resume"),
              "it trained on 4 photos, --train-annotations has 6; the same expected to resume");
}

TEST_CASE("train: --dtype bf16 is what holds in the run and its continuation, and evaluate and predict read it") {
  const Data data;
  REQUIRE(data.train("f32").code == 0);
  const Ran trained = data.train("run", data.validation() + "--dtype bf16");
  INFO(trained.err);
  REQUIRE(trained.code == 0);
  const std::string in_bf16 = "\"dtype\": \"bf16\"", config = data.folder / "run/config.json";
  CHECK(contains(bytes_of(config), in_bf16));
  CHECK(bytes_of(data.folder / "run/log.jsonl") != bytes_of(data.folder / "f32/log.jsonl"));
  CHECK(run("train", data.training("run") + "--resume --max-steps 3").code == 0);
  CHECK(contains(bytes_of(config), in_bf16));
  CHECK(contains(run("train", "--print-config " + data.training("run") + "--resume").out, in_bf16));

  const std::string best = "--weights " + (data.folder / "run/best.safetensors") + " --images " + data.images;
  for (const std::string dtype : {"f32", "bf16"}) {
    const std::string found = data.folder / (dtype + ".json");
    CHECK(run("predict", best + " --dtype " + dtype + " --results " + found).code == 0);
    CHECK(!read_results(found).empty());
  }
  CHECK(run("evaluate", best + " --annotations " + data.annotations + " --results " + (data.folder / "e.json")).code ==
        0);

  CHECK(run("train", data.training("run") + "--resume --max-steps 4 --dtype f32").code == 0);  // as any other flag
  CHECK(contains(bytes_of(config), "\"dtype\": \"f32\""));
}

TEST_CASE("train: one run a folder at a time, and a log that is a pipe is not waited for") {
  const Data data;
  fs::create_directories(data.folder / "run");
  const int other = open((data.folder / "run").c_str(), O_RDONLY | O_CLOEXEC);
  REQUIRE(flock(other, LOCK_EX) == 0);  // as a run holds it
  check_error(data.train("run"), "run: another program trains into it");
  close(other);
  REQUIRE(mkfifo((data.folder / "run/log.jsonl").c_str(), 0600) == 0);
  check_error(data.train("run"), "run/log.jsonl: is neither file nor folder; a file expected");
}

TEST_CASE("train: the same seed gives the same weights, another one others") {
  const Data data;
  const auto weights = [&](const std::string& out, const std::string& seed) {
    REQUIRE(data.train(out, "--max-steps 1 --seed " + seed).code == 0);
    return bytes_of(data.folder / (out + "/last.safetensors"));
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

  const std::string other = edited(data, "other.json", "\"circle\"", "\"disc\"");
  const Ran renamed = run(
      "train", "--train-annotations " + other + " --train-images " + data.images + " --out " + (data.folder / "disc") +
                   " --weights " + (data.folder / "three/last.safetensors") + " --max-steps 0 " + data.with_config());
  CHECK(renamed.code == 0);
  CHECK(contains(renamed.out, "is of other categories; the class-sized layers start anew: "));

  const std::string three = "--weights " + (data.folder / "three/last.safetensors") + " --images " + data.images;
  check_error(run("evaluate", three + " --annotations " + fewer), "has no category 99 (\"star\")");
  check_error(run("predict", three + " --annotations " + fewer + " --results " + (data.folder / "r.json")),
              "has no category 99 (\"star\")");
  CHECK_FALSE(fs::exists(data.folder / "r.json"));
}

TEST_CASE("train: --print-config prints what would hold: defaults, the weights' model, --set, other flags") {
  const auto printed = [](const std::string& arguments) {
    const Ran ran = run("train", "--print-config " + arguments);
    INFO(ran.err);
    REQUIRE(ran.code == 0);
    return ran.out;
  };
  CHECK(contains(printed(""), "\"backbone\": \"resnet50\""));
  CHECK(contains(printed("--max-steps 7 --seed 8 --set train.max_steps=5 --set train.seed=6"), "\"max_steps\": 7"));
  CHECK(contains(printed("--max-steps 7 --seed 8 --set train.max_steps=5 --set train.seed=6"), "\"seed\": 8"));

  const Data data;
  REQUIRE(data.train("run", "--max-steps 0").code == 0);
  const std::string weights = "--weights " + (data.folder / "run/last.safetensors");
  const std::string of_weights = printed(weights + " --set model.mask_head_layers=3");
  for (const char* entry : {"\"backbone\": \"resnet18\"", "\"norm\": \"batch_norm\"", "\"fpn_channels\": 16",
                            "\"mask_head_layers\": 3", "\"num_classes\": 4"})
    CHECK_MESSAGE(contains(of_weights, entry), entry);
}

TEST_CASE("convert: a checkpoint as .pth and as .safetensors holds the same tensors, to the bit") {
  const Data data;
  REQUIRE(data.train("run", "--max-steps 0").code == 0);
  fs::create_directories(data.folder / "by_way");
  const std::string start = "checkpoint --weights " + (data.folder / "run/last.safetensors") + " --out ";
  const Ran direct = run("convert", start + (data.folder / "w.pth"));
  REQUIRE(direct.code == 0);
  CHECK(contains(direct.out, "w.pth: 156 tensors, norm epsilon 1e-05; a .pth has no place for configuration"));
  REQUIRE(run("convert", start + (data.folder / "w.safetensors")).code == 0);
  REQUIRE(run("convert",
              "checkpoint --weights " + (data.folder / "w.safetensors") + " --out " + (data.folder / "by_way/w.pth"))
              .code == 0);
  CHECK(bytes_of(data.folder / "w.pth") == bytes_of(data.folder / "by_way/w.pth"));
  check_error(run("convert", start + (data.folder / "w.bin")), "w.bin: a file name that ends in .pth or .safetensors");
  check_error(run("convert", start + (data.folder / "run/last.safetensors")), "is an input and would be overwritten");
}

TEST_CASE("train: pretrained weights that are not there are answered with how to get them and how to do without") {
  const Data data;
  const Ran ran = run("train", data.training("run"), "SIL_WEIGHTS=" + data.folder.path.string());
  check_error(ran, "maskrcnn_resnet50_fpn_coco-bf2d0c1e.pth does not exist");
  CHECK(contains(ran.err, "--set train.pretrained=false"));
  CHECK(contains(ran.err, "https://download.pytorch.org/models/maskrcnn_resnet50_fpn_coco-bf2d0c1e.pth"));
  CHECK_FALSE(fs::exists(data.folder / "run"));
  check_error(run("train", data.training("run") + "--weights w.pth"), "w.pth: no such file");
}

TEST_CASE("train: wrong arguments and settings end with one line") {
  const Data data;
  check_error(run("train", ""), "--train-annotations, --train-images and --out are needed");
  check_error(run("train", "--nonsense"), "--nonsense");
  check_error(data.train("run", "--val-images x"), "--val-annotations and --val-images go together");
  check_error(data.train("run", "--set train.lerning_rate=1"), "unknown key \"lerning_rate\"; allowed in train: ");
  check_error(data.train("run", "--set train.batch_size=0"),
              "--set: train.batch_size is 0; an integer from 1 to 4096 expected");
  check_error(data.train("run", "--dtype f8"), "--dtype: train.dtype is \"f8\"; ");
  check_error(data.train("run", "--max-steps -1"),
              "--max-steps: train.max_steps is -1; an integer from 0 to 2147483647 or null expected");
  check_error(data.train("run", "--seed -1"),
              "--seed: train.seed is -1; an integer from 0 to 18446744073709551615 expected");
  check_error(data.train("run", "--set model.rpn_background_iou=0.8"),
              "model.rpn_background_iou is 0.8, at most model.rpn_foreground_iou (0.7) expected");
  check_error(data.train("run", "--dtype f16"), R"(train.dtype is "f16"; one of "f32", "bf16" expected)");
  check_error(data.train("run", "--device gpu"), "device is 'gpu'; cpu, cuda or cuda:N expected");
  check_error(run("train", data.training("run") + "--config " + (data.folder / "none.json")),
              "none.json: cannot be opened: No such file or directory");
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
  write_text(data.folder / "cut.json", bytes_of(data.annotations).substr(0, 300));
  check_error(train_on(data.folder / "cut.json"), "cut.json");
  check_error(train_on(edited(data, "category.json", "\"category_id\": ", "\"category_id\": 7")),
              "category.json: 000001.png: annotation 1: category_id 72");
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

  fs::remove(data.folder / "r.json");
  const std::string good = fs::path(data.images) / "000001.png";
  const Ran one = run("predict", weights + "--images " + (data.folder / "none.png") + " " + good + results);
  CHECK(one.code == 2);
  CHECK(contains(one.err, "none.png: does not exist"));
  CHECK(contains(one.err, "error: 1 of 2 photos could not be used\n"));
  CHECK(fs::exists(data.folder / "r.json"));
  fs::remove(data.folder / "r.json");
  const Ran none = run("predict", weights + "--images " + (data.folder / "none") + results);
  CHECK(none.code == 2);
  CHECK(contains(none.err, "none: does not exist"));
  CHECK(contains(none.err, "error: none of 1 photos can be used\n"));
  CHECK_FALSE(fs::exists(data.folder / "r.json"));
  // Not even root can write there.
  check_error(run("predict", weights + "--images " + good + " --results /proc/r.json"),
              "/proc/r.json: cannot be written: ");
  // Of a folder's photos also those in formats that are not read are named, and what is no photo is passed over.
  fs::create_directory(data.folder / "formats");
  for (const char* name : {"a.webp", "b.TIFF", "notes.txt"})
    write_text(fs::path(data.folder / "formats") / name, "not read");
  const Ran formats = run("predict", weights + "--images " + good + " " + (data.folder / "formats") + results);
  CHECK(formats.code == 2);
  CHECK(contains(formats.err, "a.webp: cannot be decoded as JPEG, PNG, BMP, GIF or PNM"));
  CHECK(contains(formats.err, "b.TIFF: cannot be decoded as JPEG, PNG, BMP, GIF or PNM"));
  CHECK(contains(formats.err, "error: 2 of 3 photos could not be used\n"));
  fs::create_directory(data.folder / "empty");
  check_error(run("predict", weights + "--images " + (data.folder / "empty") + results), "empty: no photos in it");
  check_error(run("predict", weights + "--images " + data.images + " --results " + (data.folder / "none/r.json")),
              "none/r.json: cannot be written: there is no folder ");
  check_error(run("predict", weights + "--images " + data.images + results + " --score-threshold 2"),
              "--score-threshold");
  write_text(data.folder / "cut.safetensors", bytes_of(data.folder / "run/last.safetensors").substr(0, 100000));
  check_error(run("predict", "--weights " + (data.folder / "cut.safetensors") + " --images " + data.images + results),
              "cut.safetensors");
}

TEST_CASE("predict: photos of one name are told apart by their folders, or refused") {
  const Data data;
  REQUIRE(data.train("run", "--max-steps 0").code == 0);
  const fs::path photos = data.folder / "photos";
  for (const char* folder : {"a", "b", "c"}) {
    fs::create_directories(photos / folder);
    fs::copy_file(fs::path(data.images) / "000001.png", photos / folder / "x.png");
  }
  fs::copy_file(fs::path(data.images) / "000001.png", photos / "x.png");
  const auto predicted = [&](const std::string& file_names, const std::string& images) {
    std::string text = bytes_of(data.annotations);
    for (int id = 1; id <= 2; ++id) {
      const std::string name = fmt::format("00000{}.png", id);
      text.replace(text.find(name), name.size(),
                   file_names.substr(id == 1 ? 0 : file_names.find(' ') + 1,
                                     id == 1 ? file_names.find(' ') : std::string::npos));
    }
    write_text(data.folder / "named.json", text);
    std::set<int64_t> ids;
    const Ran ran =
        run("predict", "--weights " + (data.folder / "run/last.safetensors") + " --images " + images +
                           " --annotations " + (data.folder / "named.json") + " --results " + (data.folder / "r.json"));
    INFO(ran.err);
    if (ran.code != 0) return contains(ran.err, "may be image 1 or 2 of ") ? std::set<int64_t>{-1} : ids;
    for (const Detection& d : read_results(data.folder / "r.json")) ids.insert(d.image_id);
    return ids;
  };
  CHECK(predicted("a/x.png b/x.png", (photos / "a").string()) == std::set<int64_t>{1});
  CHECK(predicted("a/x.png b/x.png", (photos / "b").string()) == std::set<int64_t>{2});
  CHECK(predicted("a/x.png b/x.png", (photos / "c").string()) == std::set<int64_t>{-1});
  CHECK(predicted("x.png a/x.png", (photos / "x.png").string()) == std::set<int64_t>{1});
  CHECK(predicted("x.png a/x.png", (photos / "a/x.png").string()) == std::set<int64_t>{2});
  CHECK(predicted("elsewhere/x.png other.png", (photos / "c").string()) == std::set<int64_t>{1});
}

TEST_CASE("predict: an overlay that cannot be written is named, and the results are written") {
  const Data data;
  REQUIRE(data.train("run", "--max-steps 0").code == 0);
  const fs::path overlays = data.folder / "overlays";
  fs::create_directories(overlays / "000002.png");  // a folder stands in the way
  const Ran ran = run("predict", "--weights " + (data.folder / "run/last.safetensors") + " --images " + data.images +
                                     " --results " + (data.folder / "r.json") + " --overlay " + overlays.string());
  CHECK(ran.code == 2);
  CHECK(contains(ran.err, "000002.png: cannot be written: "));
  CHECK(contains(ran.err, "error: 1 of 4 overlays could not be written\n"));
  CHECK(fs::exists(overlays / "000003.png"));
  std::set<int64_t> ids;
  for (const Detection& d : read_results(data.folder / "r.json")) ids.insert(d.image_id);
  CHECK(ids == std::set<int64_t>{1, 2, 3, 4});
}

TEST_CASE("predict: links that lead nowhere or in a circle are named, the rest goes on") {
  const Data data;
  REQUIRE(data.train("run", "--max-steps 0").code == 0);
  const fs::path photos = data.images;
  fs::create_symlink("circle.png", photos / "circle.png");
  fs::create_symlink("nothing", photos / "dangling.png");
  fs::create_directory(photos / "folder.png");
  fs::create_symlink(".", photos / "around");
  const std::string start = "--weights " + (data.folder / "run/last.safetensors") + " --results " +
                            (data.folder / "r.json") + " --images " + data.images;
  const Ran ran = run("predict", start);
  CHECK(ran.code == 2);
  CHECK(contains(ran.err, "circle.png: cannot be opened: Too many levels of symbolic links\n"));
  CHECK(contains(ran.err, "dangling.png: does not exist; a photo or a folder of photos expected\n"));
  CHECK(contains(ran.err, "error: 2 of 6 photos could not be used\n"));
  CHECK(fs::exists(data.folder / "r.json"));
  const Ran given = run("predict", start + " " + (photos / "circle.png").string() + "/sub");
  CHECK(given.code == 2);
  CHECK(contains(given.err, "error: 3 of 7 photos could not be used\n"));
}

TEST_CASE("train, evaluate, predict: what would be written over what is read is refused, and stays") {
  const Data data;
  REQUIRE(data.train("run", "--max-steps 0").code == 0);
  const std::string last = data.folder / "run/last.safetensors", photo = data.images + "/000001.png";
  const std::vector<std::string> inputs{last, data.annotations, photo, data.config};
  std::vector<std::string> before;
  for (const std::string& path : inputs) before.push_back(bytes_of(path));

  const std::string weights = "--weights " + last + " --annotations " + data.annotations + " --images " + data.images;
  const std::string r = " --results " + (data.folder / "r.json"), over = ": is an input and would be overwritten";
  fs::create_symlink(data.images, data.folder / "link");
  check_error(run("predict", weights + r + " --overlay " + data.images + "/."), over);
  check_error(run("predict", weights + r + " --overlay " + (data.folder / "link")), over);
  check_error(run("predict", "--weights " + last + " --images " + photo + r + " --overlay " + data.images), over);
  for (const std::string& path : {last, data.annotations, photo}) {
    check_error(run("predict", weights + " --results " + path), path + over);
    check_error(run("evaluate", weights + " --json " + path), path + over);
    check_error(run("evaluate", weights + " --results " + path), path + over);
  }
  check_error(run("evaluate", weights + r + " --json " + (data.folder / "r.json")),
              "given for --json and for --results");
  for (size_t i = 0; i < inputs.size(); i++) CHECK(bytes_of(inputs[i]) == before[i]);
  CHECK_FALSE(fs::exists(data.folder / "r.json"));
}

TEST_CASE("train, evaluate, predict: an empty value is none") {
  const std::string train = "--train-annotations a --train-images b --out c ";
  for (const std::string option : {"--max-steps", "--weights", "--val-annotations", "--config", "--seed"})
    check_error(run("train", train + option + " ''"), option + " is given without a value");
  check_error(run("predict", "--weights w --images '' --results r"), "--images is given without a value");
  check_error(run("predict", "--weights w --images i --results r --overlay ''"), "--overlay is given without a value");
  check_error(run("evaluate", "--annotations a --results r --json ''"), "--json is given without a value");
}

TEST_CASE("train: a config where the run would write its own is refused, and stays") {
  const Data data;
  fs::create_directory(data.folder / "run");
  write_text(data.folder / "run/config.json", kConfig);
  check_error(run("train", data.training("run") + "--config " + (data.folder / "run/config.json")),
              "run/config.json: is an input and would be overwritten");
  CHECK(bytes_of(data.folder / "run/config.json") == kConfig);
}

TEST_CASE("train, evaluate, predict: a label folder's own files are not written over") {
  const Data data;
  REQUIRE(data.train("run", "--max-steps 0").code == 0);
  const std::string labels = data.folder / "labels";
  REQUIRE(run("convert",
              "coco-to-labels --annotations " + data.annotations + " --images " + data.images + " --out " + labels)
              .code == 0);
  fs::copy(labels + "/images/000001.png", labels + "/images/config.png");
  fs::copy(labels + "/labels/000001.json", labels + "/labels/config.json");
  const std::string before = bytes_of(labels + "/labels/config.json");
  const std::string over = ": is an input and would be overwritten";
  check_error(run("train", "--train-annotations " + labels + " --train-images " + labels + "/images --out " + labels +
                               "/labels " + data.with_config()),
              "labels/config.json" + over);
  const std::string predict = "--weights " + (data.folder / "run/last.safetensors") + " --images " + data.images +
                              " --annotations " + labels + " --results ";
  check_error(run("predict", predict + labels + "/labels/config.json"), "labels/config.json" + over);
  check_error(run("evaluate", "--weights " + (data.folder / "run/last.safetensors") + " --images " + data.images +
                                  " --annotations " + labels + " --json " + labels + "/labels/config.json"),
              "labels/config.json" + over);
  check_error(run("predict", predict + (data.folder / "r.json") + " --overlay " + labels + "/masks"), "masks" + over);
  CHECK(bytes_of(labels + "/labels/config.json") == before);
  CHECK_FALSE(fs::exists(labels + "/labels/log.jsonl"));
}

TEST_CASE("predict: a name too long to be written is said before any work") {
  check_error(run("predict", "--weights none --images none --results " + std::string(250, 'r')),
              "cannot be written: File name too long");
}

TEST_CASE("train: SIGTERM ends a run after its step, and --resume goes on") {
  const Data data;
  const std::string log = data.folder / "run/log.jsonl";
  const std::string command = std::string(SIL_BIN_DIR) + "/train " + data.training("run") + data.with_config() +
                              "--max-steps 100000 >" + (data.folder / "out") + " 2>&1 </dev/null & pid=$!; " +
                              "until [ -s " + log + " ]; do kill -0 $pid || exit 1; sleep 0.05; done; " +
                              "kill -TERM $pid; wait $pid";
  const int status = std::system(command.c_str());
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 143);
  CHECK(contains(bytes_of(data.folder / "out"), " of 100000, as asked; --resume goes on\n"));
  const std::string text = bytes_of(log);
  const auto done = std::count(text.begin(), text.end(), '\n');
  const Ran resumed = run("train", data.training("run") + "--resume --max-steps " + std::to_string(done + 1));
  INFO(resumed.err);
  CHECK(resumed.code == 0);
  CHECK(contains(resumed.out, "after step " + std::to_string(done + 1) + ": "));
}

TEST_CASE("train: what a killed run left half-written goes when the run goes on") {
  const Data data;
  REQUIRE(data.train("run", "--max-steps 1").code == 0);
  const fs::path left = data.folder / "run/last.safetensors.part-1";
  write_text(left, "half");
  check_error(data.train("run"), "--resume goes on with that run");
  CHECK(fs::exists(left));  // a refused command deletes nothing
  CHECK(run("train", data.training("run") + "--resume --max-steps 2").code == 0);
  CHECK_FALSE(fs::exists(left));
}

TEST_CASE("train, evaluate, predict: --exif apply turns photos as their camera noted") {
  const Data data;
  REQUIRE(data.train("run", "--max-steps 0").code == 0);
  const std::string weights = "--weights " + (data.folder / "run/last.safetensors") + " ";
  const std::string photos = data.folder / "turned";
  fs::create_directory(photos);
  fs::copy(std::string(SIL_SOURCE_DIR) + "/tests/golden/data/images/exif6.jpg", photos);
  const Tensor seen = read_image(photos + "/exif6.jpg", Exif::apply);
  const std::string annotations = data.folder / "turned.json";
  write_text(
      annotations,
      R"({"images": [{"id": 1, "file_name": "exif6.jpg", "height": )" + std::to_string(seen.dim(0)) + R"(, "width": )" +
          std::to_string(seen.dim(1)) +
          R"(}], "categories": [{"id": 1, "name": "circle"}, {"id": 2, "name": "square"}, {"id": 3, "name": "triangle"}],
                    "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 6, 6], "area": 36, "iscrowd": 0,
                                     "segmentation": [[1, 1, 7, 1, 7, 7, 1, 7]]}]})");
  const auto on_both = [&](const std::string& program, const std::string& arguments, bool refuses) {
    const Ran applied = run(program, arguments + " --exif apply"), ignored = run(program, arguments);
    INFO(applied.err);
    CHECK(applied.code == 0);
    if (refuses) check_error(ignored, "exif6.jpg");
  };
  const std::string set = " --annotations " + annotations + " --images " + photos;
  on_both("evaluate", weights + set, true);
  on_both("predict", weights + "--images " + photos + " --results " + (data.folder / "r.json"), false);
  run("predict", weights + "--images " + photos + " --exif apply --results " + (data.folder / "r.json"));
  for (const Detection& d : read_results(data.folder / "r.json"))
    CHECK(std::get<Rle>(d.segmentation).height == seen.dim(0));
  on_both("train",
          "--train-annotations " + annotations + " --train-images " + photos + " --out " + (data.folder / "t") + " " +
              data.with_config() + "--max-steps 0",
          true);
  check_error(run("predict", weights + "--images x --results y --exif turn"), "--exif");

  // The label schema's photos too, whose outlines are drawn on them as they are seen.
  const std::string labels = data.folder / "labels", mask = labels + "/mask.png";
  for (const char* sub : {"/images", "/labels"}) fs::create_directories(labels + sub);
  fs::copy(photos + "/exif6.jpg", labels + "/images");
  Tensor bits = Tensor::zeros({seen.dim(0), seen.dim(1)}, DType::u8);
  std::fill_n(bits.data<uint8_t>(), 3 * seen.dim(1), uint8_t(1));
  write_png(mask, bits);
  write_text(labels + "/labels/exif6.json",
             R"([{"type": "instance", "class_id": 1, "class_name": "circle", "mask_path": "mask.png"}])");
  const std::string folder = "annotations " + labels + " --";
  on_both("doctor", "--" + folder + "images " + photos, false);
  CHECK(run("doctor", "--" + folder + "images " + photos).code == 1);
  on_both("train",
          "--train-" + folder + "train-images " + photos + " --out " + (data.folder / "l") + " " + data.with_config() +
              "--max-steps 0",
          true);
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

// Without CUDA, without a driver or without so many GPUs: each has its own reason (tests/cuda/census_test.cpp).
TEST_CASE("programs: a GPU that is not there is one line and exit code 2, before anything is written") {
  const Data data;
  const std::string device = "--device cuda:99 ", weights = "--weights none.safetensors ";
  check_error(data.train("run", device), "error: device cuda:99: ");
  CHECK_FALSE(fs::exists(data.folder / "run"));
  check_error(run("predict", device + weights + "--images " + data.images + " --results " + (data.folder / "r.json")),
              "error: device cuda:99: ");
  check_error(run("evaluate", device + weights + "--images " + data.images + " --annotations " + data.annotations),
              "error: device cuda:99: ");
  check_error(run("inspect", "infer " + device + weights + "--image x.jpg --out " + (data.folder / "stages")),
              "error: device cuda:99: ");
}
