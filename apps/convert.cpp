// From one form of annotations, or of weights, to another.
#include <fmt/format.h>

#include <set>

#include "apps/bn_eps.h"
#include "apps/inputs.h"
#include "apps/output.h"
#include "apps/program.h"
#include "data/annotations.h"
#include "data/label_schema.h"
#include "nn/pth.h"
#include "nn/safetensors.h"
#include "train/checkpoint.h"
#include "train/pretrained.h"

namespace {

using namespace sil;

struct Arguments {
  std::string labels, annotations, images, weights, out, to = "compressed";
  std::optional<float> bn_eps;
};

// Its mask; an Error names the source, too.
Rle outlined_runs(const std::string& source, const Annotations& all, const Annotation& annotation) {
  try {
    return to_rle(annotation, all.photos[all.photo_row.at(annotation.image_id)]);
  } catch (const Error& e) {
    fail("{}: {}", source, e.what());
  }
}

int labels_to_coco(const Arguments& a) {
  std::error_code ignored;
  check(std::filesystem::is_directory(a.labels, ignored), "{}: is not a folder in label schema (images/, labels/)",
        a.labels);
  const Annotations all = read_annotations(a.labels);
  check_no_input(a.out, all.files);
  for (const Annotation& annotation : all.annotations) outlined_runs(a.labels, all, annotation);
  write_coco(a.out, all);
  fmt::print("{}: {} photos, {} annotations, {} categories\n", a.out, all.photos.size(), all.annotations.size(),
             all.categories.size());
  return 0;
}

int coco_to_labels(const Arguments& a) {
  std::error_code ignored;
  check(!std::filesystem::is_directory(a.annotations, ignored), "{}: is a folder; a COCO JSON file expected",
        a.annotations);
  const Annotations all = read_annotations(a.annotations);
  const std::vector<Loss> losses = write_labels(a.out, all, a.images);
  std::set<int64_t> left_out;
  for (const Loss& loss : losses)
    if (loss.annotation) left_out.insert(*loss.annotation);
  fmt::print("{}: {} photos, {} of {} annotations\n", a.out, all.photos.size(),
             all.annotations.size() - left_out.size(), all.annotations.size());
  if (losses.empty()) return 0;
  fmt::print("What label schema cannot hold:\n");
  for (const Loss& loss : losses)
    fmt::print("  {}{}\n", loss.annotation ? fmt::format("annotation {}: ", *loss.annotation) : "", loss.text);
  return 0;
}

int convert_masks(const Arguments& a) {
  Annotations all = read_annotations(a.annotations);
  check_no_input(a.out, all.files);
  for (Annotation& annotation : all.annotations) {
    const bool outlined = !std::holds_alternative<std::monostate>(annotation.segmentation);
    const auto photo = all.photo_row.find(annotation.image_id);
    if (!outlined || std::holds_alternative<Rle>(annotation.segmentation)) continue;
    check(photo != all.photo_row.end(), "{}: annotation {}: image_id {} is not among the images; its size is needed",
          a.annotations, annotation.id, annotation.image_id);
    annotation.segmentation = outlined_runs(a.annotations, all, annotation);
  }
  write_coco(a.out, all, a.to == "compressed" ? RleKind::compressed : RleKind::uncompressed);
  fmt::print("{}: {} annotations, masks as {} RLE\n", a.out, all.annotations.size(), a.to);
  return 0;
}

int convert_checkpoint(const Arguments& a) {
  const std::string extension = std::filesystem::path(a.out).extension().string();
  check(extension == ".pth" || extension == ".safetensors",
        "{}: a file name that ends in .pth or .safetensors expected", a.out);
  check_folder_of(a.out);
  check_no_input(a.out, {a.weights});
  WeightsFile file = read_weights(a.weights, a.bn_eps);
  const bool detector = !is_backbone(file.weights);
  if (detector) model_of(file, a.weights);  // whole, and nothing beside it
  const size_t count = file.weights.size();
  if (extension == ".pth")
    write_pth(a.out, file.weights);
  else if (detector)
    write_checkpoint(a.out, {file.config, file.categories, {}, std::move(file.weights), {}});
  else
    write_safetensors(a.out, {std::move(file.weights), {}});
  fmt::print("{}: {} tensors", a.out, count);
  if (detector) fmt::print(", norm epsilon {:g}", file.config.model.norm_eps);
  fmt::print("{}\n",
             extension == ".pth" && file.of_ours ? "; a .pth has no place for configuration and categories" : "");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments a;
  CLI::App *to_coco = nullptr, *to_labels = nullptr, *rle = nullptr, *checkpoint = nullptr;
  return run_program(
      argc, argv, "Converts annotations and weights.  Each kind has its own --help: convert rle --help",
      [&](CLI::App& app) {
        app.require_subcommand(1);

        to_coco = app.add_subcommand("labels-to-coco", "A label-schema folder as one COCO JSON file");
        to_coco->add_option("--labels", a.labels, "Folder with images/ and labels/")->required();
        to_coco->add_option("--out", a.out, "COCO JSON file to write")->required();
        to_coco->footer(
            "\nImages and annotations get ids from 1 by sorted file name; area is the mask's pixels, iscrowd 0.\n"
            "\nExample:\n  convert labels-to-coco --labels my_labels --out train.json");

        to_labels = app.add_subcommand("coco-to-labels", "A COCO data set as a label-schema folder");
        to_labels->add_option("--annotations", a.annotations, "COCO JSON file")->required();
        to_labels->add_option("--images", a.images, "Folder of its photos; they are copied")->required();
        to_labels->add_option("--out", a.out, "Folder to write, new or empty")->required();
        to_labels->footer(
            "\nOne polygon stays a polygon; polygons in parts and runs become mask PNGs, equal to the pixel.  What "
            "the\n"
            "schema cannot hold is listed by annotation id, crowds first.\n"
            "\nExample:\n  convert coco-to-labels --annotations train.json --images photos --out my_labels");

        rle = app.add_subcommand("rle", "A COCO JSON file with every mask as runs of one kind");
        rle->add_option("--annotations", a.annotations, "COCO JSON file (or label-schema folder)")->required();
        rle->add_option("--out", a.out, "COCO JSON file to write")->required();
        rle->add_option("--to", a.to, "compressed (a string) or uncompressed (a list of counts)")
            ->check(CLI::IsMember({"compressed", "uncompressed"}))
            ->capture_default_str();
        rle->footer(
            "\nPolygons are rasterised at their photo's size, as pycocotools does.\n"
            "\nExample:\n  convert rle --annotations train.json --out train_rle.json --to uncompressed");

        checkpoint =
            app.add_subcommand("checkpoint", "Weights as a .pth or .safetensors that torchvision's model takes");
        checkpoint->add_option("--weights", a.weights, "A run's checkpoint, or torchvision's .pth or .safetensors")
            ->required();
        checkpoint->add_option("--out", a.out, "File to write: .pth or .safetensors")->required();
        add_bn_eps(*checkpoint, a.bn_eps);
        checkpoint->footer(
            "\nTensors keep their bits (float16 becomes float32) and get torchvision's current names.  A .safetensors "
            "also\n"
            "carries configuration and categories; an optimizer's state is left out.  In Python:\n"
            "  model.load_state_dict(torch.load(\"model.pth\"))\n"
            "\nExample:\n  convert checkpoint --weights runs/first/best.safetensors --out model.pth");
      },
      [&] {
        return *to_coco      ? labels_to_coco(a)
               : *to_labels  ? coco_to_labels(a)
               : *checkpoint ? convert_checkpoint(a)
                             : convert_masks(a);
      });
}
