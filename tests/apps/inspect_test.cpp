#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

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

std::string text_of(const std::filesystem::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

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

TEST_CASE("inspect: what it reads is not overwritten, and --given must have the proposals of these photos and steps") {
  const Model m;
  const std::string step = "train" + m.weights + m.data + " --image-ids 1,2 --steps 2 --out ";
  const std::string photo = m.folder / "data/images/000001.png", before = bytes_of(photo);
  check_error(run("inspect", step + photo), photo + ": is an input and would be overwritten");
  CHECK(bytes_of(photo) == before);
  const std::string curve = m.folder / "curve.safetensors", again = " --given " + curve;
  REQUIRE(run("inspect", step + curve).code == 0);
  CHECK(run("inspect", step + (m.folder / "b.safetensors") + again).code == 0);
  check_error(run("inspect", "train" + m.weights + m.data + " --image-ids 1,2 --steps 3" + again + " --out " +
                                 (m.folder / "b.safetensors")),
              curve + ": has no proposals.0.2; stages of as many photos and steps expected");
  check_error(run("inspect",
                  "train" + m.weights + m.data + " --image-ids 1,2" + again + " --out " + (m.folder / "b.safetensors")),
              curve + ": has no proposals.0; stages of as many photos expected");
  check_error(
      run("inspect", "infer" + m.weights + " --image " + photo + again + " --out " + (m.folder / "b.safetensors")),
      curve + ": has no proposals.0; stages of as many photos expected");
}

TEST_CASE("inspect: detection's stages are written for one photo") {
  const Model m;
  const std::string photo = " --image " + (m.folder / "data/images/000001.png");
  const Ran ran = run("inspect", "infer" + m.weights + photo + " --out " + (m.folder / "a.safetensors"));
  INFO(ran.err);
  CHECK(ran.code == 0);
  CHECK(contains(ran.out, "a.safetensors: 31 stages\n"));
}

TEST_CASE("inspect: stages in float64 are there, near those in float32") {
  const Model m;
  const std::string step = "train" + m.weights + m.data + " --image-ids 1,2 --out ";
  REQUIRE(run("inspect", step + (m.folder / "a.safetensors")).code == 0);
  // From the same proposals: rounding may swap two whose scores are nearly equal.
  REQUIRE(run("inspect", step + (m.folder / "b.safetensors") + " --dtype f64 --given " + (m.folder / "a.safetensors"))
              .code == 0);
  const Ran ran =
      run("inspect", "--diff " + (m.folder / "b.safetensors") + " " + (m.folder / "a.safetensors") + " --rtol 1e-3");
  INFO(ran.out);
  CHECK(ran.code == 0);
  CHECK_FALSE(contains(ran.out, "relative L2 error 0.00e+00\ngrad"));  // they are not the same numbers
}

TEST_CASE("inspect: --pictures draws each stage, of detection alone or of a step too") {
  const Model m;
  const std::string pictures = m.folder / "pictures";
  const std::vector<std::string> of_detection{"1_input",     "2_feature_maps", "4_objectness", "5_proposals",
                                              "6_roi_align", "7_class_scores", "8_masks"};
  REQUIRE(run("inspect",
              "infer" + m.weights + " --image " + (m.folder / "data/images/000001.png") + " --pictures " + pictures)
              .code == 0);
  for (const std::string& name : of_detection) CHECK(std::filesystem::exists(pictures + "/" + name + ".png"));
  CHECK_FALSE(std::filesystem::exists(pictures + "/3_matched_anchors.png"));
  const Ran ran = run("inspect", "train" + m.weights + m.data + " --image-ids 2,1 --pictures " + pictures);
  INFO(ran.err);
  REQUIRE(ran.code == 0);
  for (const char* name : {"3_matched_anchors", "9_gradients"})
    CHECK(std::filesystem::exists(pictures + "/" + name + ".png"));
}

TEST_CASE("inspect: --tree prints each module with its costs, and as JSON") {
  const Model m;
  const Ran ran = run("inspect", "infer" + m.weights + " --image " + (m.folder / "data/images/000001.png") +
                                     " --tree --json " + (m.folder / "tree.json"));
  INFO(ran.err);
  REQUIRE(ran.code == 0);
  CHECK(contains(ran.out, "mask_rcnn"));
  // The stem: 64 filters of 7 x 7 x 3 on 32 x 32 positions.
  CHECK(contains(ran.out, "64x7x7x3           1x32x32x64"));
  CHECK(contains(
      text_of(m.folder / "tree.json"),
      R"("path": "backbone.body.conv1", "weight": [64, 7, 7, 3], "output": [1, 32, 32, 64], "parameters": 9408, "macs": 9633792)"));
}

TEST_CASE("inspect: wrong arguments end with one line") {
  const Model m;
  const std::string out = " --out " + (m.folder / "o.safetensors"), step = "train" + m.weights + m.data + out;
  check_error(run("inspect", ""), "infer, train or --diff expected");
  check_error(run("inspect", "infer" + m.weights + " --image x.png"), "infer: --out, --pictures or --tree expected");
  check_error(run("inspect", "train" + m.weights + m.data + " --image-ids 1"), "train: --out or --pictures expected");
  check_error(run("inspect", step + " --image-ids 1 --steps 2 --pictures " + (m.folder / "p")),
              "there are no --pictures");
  check_error(run("inspect", step + " --image-ids 1 --dtype f64 --pictures " + (m.folder / "p")),
              "--pictures are of f32");
  check_error(run("inspect", "infer" + m.weights + out + " --image x.png --json t.json"), "--tree expected");
  check_error(run("inspect", step + " --image-ids 1,x"), "--image-ids is 1,x; ids with commas between expected");
  check_error(run("inspect", step + " --image-ids 1,1"), "--image-ids is 1,1; one or more different ids expected");
  check_error(run("inspect", step + " --image-ids 77"), "annotations.json: has no image 77");
  check_error(
      run("inspect", "train" + m.data + m.weights + " --image-ids 1 --out " + (m.folder / "run/last.safetensors")),
      "is an input and would be overwritten");
  check_error(run("inspect", "--diff " + (m.folder / "no.safetensors") + " " + (m.folder / "no.safetensors")),
              "no.safetensors: no such file");
}
