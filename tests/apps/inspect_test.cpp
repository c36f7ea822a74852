#include <doctest/doctest.h>

#include <algorithm>

#include "tests/apps/run.h"

using namespace sil;
using namespace sil::test;

namespace {

const char* const kConfig = R"({
  "model": {"backbone": "resnet18", "fpn_channels": 16, "box_head_width": 32, "mask_head_width": 16, "mask_head_layers": 1,
            "mask_size": 14, "anchor_sizes": [8, 16, 32, 64, 128], "min_size": 64, "max_size": 64},
  "train": {"pretrained": false, "batch_size": 2, "max_steps": 0},
  "augmentations": [{"name": "ToImage", "params": {}}, {"name": "Normalize", "params": {}}]})";

// Shapes and an untrained model.
struct Model {
  Folder folder;
  std::string data = " --annotations " + (folder / "data/annotations.json") + " --images " + (folder / "data/images");
  std::string weights = " --weights " + (folder / "run/last.safetensors");
  Model() {
    REQUIRE(run("shapes", "--images 3 --size 64 --seed 1 --out " + (folder / "data")).code == 0);
    write_text(folder / "config.json", kConfig);
    REQUIRE(run("train", "--train-annotations " + (folder / "data/annotations.json") + " --train-images " +
                             (folder / "data/images") + " --config " + (folder / "config.json") + " --out " +
                             (folder / "run"))
                .code == 0);
  }
};

void check_error(const Ran& ran, const std::string& says) {
  INFO(ran.err);
  CHECK(ran.code == 2);
  CHECK(std::count(ran.err.begin(), ran.err.end(), '\n') == 1);
  CHECK(ran.err.starts_with("error: "));
  CHECK(contains(ran.err, says));
}

}  // namespace

TEST_CASE("inspect: a step's stages equal those of the same step, and differ from those of other photos") {
  const Model m;
  const std::string step = "train" + m.weights + m.data + " --image-ids ";
  const Ran ran = run("inspect", step + "1,2 --out " + (m.folder / "a.safetensors"));
  INFO(ran.err);
  REQUIRE(ran.code == 0);
  REQUIRE(
      run("inspect", step + "1,2 --given " + (m.folder / "a.safetensors") + " --out " + (m.folder / "b.safetensors"))
          .code == 0);
  REQUIRE(run("inspect", step + "3,2 --out " + (m.folder / "c.safetensors")).code == 0);
  const std::string diff = "--diff " + (m.folder / "a.safetensors") + " ";
  const Ran same = run("inspect", diff + (m.folder / "b.safetensors"));
  CHECK(same.code == 0);
  CHECK(contains(same.out, " 0 beyond 0.0001\n"));
  CHECK(contains(same.out, "gradients: median "));
  const Ran other = run("inspect", diff + (m.folder / "c.safetensors"));
  CHECK(other.code == 1);
  CHECK(contains(other.out, "BEYOND"));
}

TEST_CASE("inspect: a step on a photo without objects has all stages, the mask's empty") {
  const Model m;
  write_text(m.folder / "none.json", R"({"images": [{"id": 7, "file_name": "000001.png", "width": 64, "height": 64}],
                                         "categories": [{"id": 1, "name": "circle"}], "annotations": []})");
  const Ran ran =
      run("inspect", "train" + m.weights + " --annotations " + (m.folder / "none.json") + " --images " +
                         (m.folder / "data/images") + " --image-ids 7 --out " + (m.folder / "a.safetensors"));
  INFO(ran.err);
  CHECK(ran.code == 0);
}

TEST_CASE("inspect: detection's stages are written for one photo") {
  const Model m;
  const std::string photo = " --image " + (m.folder / "data/images/000001.png");
  const Ran ran = run("inspect", "infer" + m.weights + photo + " --out " + (m.folder / "a.safetensors"));
  INFO(ran.err);
  CHECK(ran.code == 0);
  CHECK(contains(ran.out, "a.safetensors: 31 stages\n"));
}

TEST_CASE("inspect: wrong arguments end with one line") {
  const Model m;
  const std::string out = " --out " + (m.folder / "o.safetensors"), step = "train" + m.weights + m.data + out;
  check_error(run("inspect", ""), "infer, train or --diff expected");
  check_error(run("inspect", step + " --image-ids 1,x"), "--image-ids is 1,x; ids with commas between expected");
  check_error(run("inspect", step + " --image-ids 1,1"), "--image-ids is 1,1; one or more different ids expected");
  check_error(run("inspect", step + " --image-ids 77"), "annotations.json: has no image 77");
  check_error(
      run("inspect", "train" + m.data + m.weights + " --image-ids 1 --out " + (m.folder / "run/last.safetensors")),
      "is an input and would be overwritten");
  check_error(run("inspect", "--diff " + (m.folder / "no.safetensors") + " " + (m.folder / "no.safetensors")),
              "no.safetensors: no such file");
}
