// Finds objects in photos: COCO results, and overlays to look at.
#include <algorithm>
#include <filesystem>
#include <functional>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "apps/bn_eps.h"
#include "apps/device.h"
#include "apps/inputs.h"
#include "apps/output.h"
#include "apps/photos.h"
#include "apps/program.h"
#include "data/image.h"
#include "nn/module.h"
#include "tensor/atomic_file.h"
#include "train/checkpoint.h"
#include "train/detect.h"
#include "train/status.h"
#include "viz/overlay.h"

namespace {

namespace fs = std::filesystem;
using namespace sil;

struct Arguments {
  std::string weights, results, annotations, overlays;
  std::vector<std::string> images;
  std::optional<double> score_threshold;
  std::optional<float> bn_eps;
  double overlay_threshold = 0.5;
  std::string device = "cpu", dtype = "f32", exif = "ignore";
};

void define(CLI::App& app, Arguments& a) {
  app.add_option("--weights", a.weights, "A run's checkpoint, or torchvision's weights (.pth, .safetensors)")
      ->required();
  add_bn_eps(app, a.bn_eps);
  app.add_option("--images", a.images, "Photos, or folders of them")->required();
  app.add_option("--results", a.results, "COCO results JSON to write")->required();
  app.add_option(
      "--annotations", a.annotations,
      "Takes the photos' image ids, by file name (and folder, where names are the same), and the classes' names "
      "from here");
  app.add_option("--overlay", a.overlays, "Folder for a picture of each photo with what was found");
  app.add_option("--score-threshold", a.score_threshold, "Least score in the results; else the model's")
      ->check(between_0_and_1());
  app.add_option("--overlay-threshold", a.overlay_threshold, "Least score on the overlays")
      ->check(between_0_and_1())
      ->capture_default_str();
  add_device(app, a.device);
  app.add_option("--dtype", a.dtype, "f32, or bf16, which is faster where the CPU has it")
      ->check(CLI::IsMember({"f32", "bf16"}));
  add_exif(app, a.exif);
  app.footer(
      "A photo that cannot be read is named and left out, and so is an overlay that cannot be written; the rest goes "
      "on, and the exit code is 2.\n"
      "  predict --weights runs/first/best.safetensors --images photos --results results.json --overlay overlays");
}

// By its name.  Photos in formats that are not read count too: they are named instead of passed over.
bool is_photo(const fs::path& path) {
  static const std::set<std::string> kEndings{".jpg", ".jpeg", ".png", ".bmp",  ".gif",  ".ppm", ".pgm",
                                              ".pnm", ".webp", ".tif", ".tiff", ".heic", ".avif"};
  std::string ending = path.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(), [](unsigned char c) { return char(std::tolower(c)); });
  return kEndings.contains(ending);
}

struct File {
  fs::path path;
  std::string name;  // in the results
};

using OnBad = std::function<void(const std::string& message)>;

// A folder's photos, links to photos and links that lead nowhere among them.
void add_folder(const fs::path& folder, std::vector<File>& files, const OnBad& bad) {
  std::error_code error, not_a_folder;
  fs::directory_iterator entry(folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error))
    if (is_photo(entry->path()) && !entry->is_directory(not_a_folder))
      files.push_back({entry->path(), entry->path().filename().string()});
  if (error) bad(fmt::format("{}: cannot be read: {}", folder.string(), error.message()));
}

// By name, so that ids do not hang on the order in which a folder lists its files.  A path that does not exist counts
// as a photo, a bad one; a folder that cannot be read is told to `bad`.
std::vector<File> files_of(const std::vector<std::string>& images, const OnBad& bad) {
  std::vector<File> files;
  for (const std::string& given : images) {
    std::error_code not_a_folder;
    if (fs::is_directory(given, not_a_folder))
      add_folder(given, files, bad);
    else
      files.push_back({given, fs::path(given).filename().string()});
  }
  std::sort(files.begin(), files.end(),
            [](const File& a, const File& b) { return std::pair(a.name, a.path) < std::pair(b.name, b.path); });
  return files;
}

// The annotations' photos by the last part of their file names.
using PhotosByName = std::multimap<std::string, const Photo*>;

PhotosByName by_name(const Annotations& annotations) {
  PhotosByName photos;
  for (const Photo& photo : annotations.photos) photos.emplace(fs::path(photo.file_name).filename().string(), &photo);
  return photos;
}

// How many of the last parts of a photo's path are those of a record's name, and whether that is all of the name.
std::pair<int, bool> match(const fs::path& path, const fs::path& name) {
  auto p = path.end(), n = name.end();
  int parts = 0;
  while (p != path.begin() && n != name.begin() && *std::prev(p) == *std::prev(n)) --p, --n, ++parts;
  return {parts, n == name.begin()};
}

// The id of the record that a photo's path agrees with best; folders count where names alone do not decide.
int64_t id_of(const fs::path& path, const PhotosByName& photos, const std::string& source) {
  const auto [first, last] = photos.equal_range(path.filename().string());
  check(first != last, "{}: {} has no photo of this name", path.string(), source);
  const fs::path whole = fs::absolute(path).lexically_normal();
  std::pair<int, bool> best{0, false};
  std::vector<const Photo*> found;
  for (auto photo = first; photo != last; ++photo) {
    const auto agrees = match(whole, fs::path(photo->second->file_name).lexically_normal());
    if (agrees > best) best = agrees, found.clear();
    if (agrees == best) found.push_back(photo->second);
  }
  check(found.size() == 1, "{}: may be image {} or {} of {}; a path that ends as one of their names expected",
        path.string(), found[0]->id, found.back()->id, source);
  return found[0]->id;
}

class Prediction {
 public:
  explicit Prediction(const Arguments& a) : a_(a), device_(Device::parse(a.device)), exif_(exif_of(a.exif)) {
    files_ = files_of(a.images, [this](const std::string& message) { report(message); });
    check(!files_.empty() || bad_ > 0, "{}: no photos in it", a.images.front());
    given_ = files_.size() + bad_;
    check_folder_of(a.results);
    check_outputs({a.weights});
    for (const File& file : files_) check_outputs({file.path});
    weights_ = read_weights(a.weights, a.bn_eps);
    if (!a.annotations.empty()) {
      annotations_ = read_annotations(a.annotations, nullptr, exif_);
      check_categories(weights_.categories, *annotations_, a.weights);
      check_outputs(annotations_->files);
    }
    gather();
  }

  int run() {
    if (!a_.overlays.empty()) make_folder(a_.overlays);
    RunConfig& config = weights_.config;
    if (a_.score_threshold) config.model.box.score_threshold = float(*a_.score_threshold);
    MaskRcnn model = model_of(weights_, a_.weights);
    model.move_to(device_);
    model.fold(a_.dtype == "bf16" ? DType::bf16 : DType::f32);

    const Dataset dataset(paths_, "", weights_.categories, preparation(config), Purpose::prediction, exif_);
    std::vector<Detection> results;
    Status status(int64_t(dataset.size()), "photo");
    detect_all(
        model, dataset,
        [&](size_t i, const std::vector<Detection>& found) {
          results.insert(results.end(), found.begin(), found.end());
          if (!a_.overlays.empty()) try_to_draw(i, found);
          status.update(int64_t(i) + 1);
        },
        [&](size_t, const std::string& message) { report(message); });
    write_results(a_.results, results, &named_);
    status.line(fmt::format("{} objects in {} photos: {}", results.size(), dataset.size(), a_.results));
    if (!a_.overlays.empty()) status.line(fmt::format("overlays: {}", a_.overlays));
    if (bad_ > 0) return end_with_error(fmt::format("{} of {} photos could not be used", bad_, given_));
    if (undrawn_ > 0) return end_with_error(fmt::format("{} of {} overlays could not be written", undrawn_, given_));
    return 0;
  }

 private:
  // What is read stays: the results are none of it, and the overlays, which have the photos' names, go elsewhere.
  void check_outputs(const std::vector<fs::path>& inputs) const {
    check_no_input(a_.results, inputs);
    if (a_.overlays.empty()) return;
    check_no_input(a_.overlays, inputs);
    for (const fs::path& input : inputs)
      if (is_photo(input)) check_no_input(a_.overlays, {input.has_parent_path() ? input.parent_path() : "."});
  }

  // Photos that can be opened, each with its id, under its path (to load) and under its name (for the results).
  void gather() {
    const PhotosByName known = annotations_ ? by_name(*annotations_) : PhotosByName();
    int64_t next = 0;
    for (const File& file : files_) try {
        next++;
        std::error_code error;  // of what exists and cannot be looked at, of which reading it tells
        check(fs::exists(file.path, error) || error, "{}: does not exist; a photo or a folder of photos expected",
              file.path.string());
        const int64_t id = annotations_ ? id_of(file.path, known, a_.annotations) : next;
        const ImageInfo info = read_image_info(file.path, exif_);
        check(taken_.insert(id).second, "{}: another photo of this name has its image id {}", file.path.string(), id);
        paths_.photos.push_back({id, file.path.string(), info.width, info.height});
        named_.photos.push_back({id, file.name, info.width, info.height});
      } catch (const Error& e) {
        report(e.what());
      }
    check(!paths_.photos.empty(), "none of {} photos can be used", given_);
    paths_.source = "--images";
    paths_.index();
    named_.index();
  }

  void report(const std::string& message) {
    bad_++;
    warn(message);
  }

  // Names for the labels: the checkpoint's, or the annotations' for weights that carry none.
  std::vector<Category> categories() const {
    if (annotations_) return annotations_->categories;
    std::vector<Category> list;
    for (const CategoryTable::Row& row : weights_.categories.rows)
      list.push_back({row.id, row.name.empty() ? fmt::format("category {}", row.id) : row.name, ""});
    return list;
  }

  // What was found is written even where it cannot be drawn.
  void try_to_draw(size_t i, const std::vector<Detection>& found) {
    try {
      draw(i, found);
    } catch (const Error& e) {
      undrawn_++;
      warn(e.what());
    }
  }

  void draw(size_t i, const std::vector<Detection>& found) {
    std::vector<Detection> sure;
    std::copy_if(found.begin(), found.end(), std::back_inserter(sure),
                 [&](const Detection& d) { return d.score >= a_.overlay_threshold; });
    const Photo& photo = paths_.photos[i];
    const Tensor pixels = read_image(photo.file_name, exif_);
    fs::path name = fs::path(named_.photos[i].file_name).replace_extension(".png");
    if (!drawn_.insert(name.string()).second) name = fmt::format("{} {}.png", name.stem().string(), photo.id);
    write_png(fs::path(a_.overlays) / name,
              overlay(pixels, overlay_objects(sure, categories(), photo.height, photo.width)));
  }

  const Arguments& a_;
  Device device_;
  Exif exif_;
  std::vector<File> files_;
  WeightsFile weights_;
  std::optional<Annotations> annotations_;
  Annotations paths_, named_;
  std::set<int64_t> taken_;
  std::set<std::string> drawn_;
  size_t given_ = 0, bad_ = 0;  // photos, and folders that cannot be read
  size_t undrawn_ = 0;          // overlays that could not be written
};

}  // namespace

int main(int argc, char** argv) {
  Arguments a;
  return run_program(
      argc, argv, "Finds objects in photos: a box, a mask, a class and a score each.",
      [&](CLI::App& app) { define(app, a); }, [&] { return Prediction(a).run(); });
}
