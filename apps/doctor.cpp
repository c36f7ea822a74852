// Everything wrong with a data set, by file and annotation id.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "apps/inputs.h"
#include "apps/output.h"
#include "apps/photos.h"
#include "apps/program.h"
#include "data/dataset.h"
#include "data/json_reader.h"
#include "data/validate.h"
#include "tensor/atomic_file.h"

namespace {

using namespace sil;

struct Arguments {
  std::string annotations, images, val_annotations, val_images, json, exif = "ignore";
};

// One data set's findings, under the heading that the report gives it.
struct Examined {
  std::string title;
  Annotations annotations;
  std::vector<Finding> findings;
};

Examined examine(const std::string& title, const std::string& annotations, const std::string& images, Exif exif) {
  std::error_code ignored;
  check(std::filesystem::is_directory(images, ignored), "{}: no such folder of photos", images);
  std::vector<Fault> faults;
  Examined e{title, read_annotations(annotations, &faults, exif), {}};
  for (const auto& more : {as_findings(faults), check_annotations(e.annotations, Depth::full),
                           check_photos(e.annotations, images, Depth::full, exif)})
    e.findings.insert(e.findings.end(), more.begin(), more.end());
  return e;
}

bool stop_training(const std::vector<Finding>& findings) {
  return std::ranges::any_of(findings, [](const Finding& f) { return f.severity == Severity::stops_training; });
}

// Training itself is asked last, so that nothing stops it where none of the lists has anything that does.
void ask_training(Examined& e, const std::string& images, const CategoryTable& table, Purpose purpose, Exif exif) {
  if (stop_training(e.findings)) return;
  try {
    Dataset(e.annotations, images, table, {}, purpose, exif);
  } catch (const Error& refusal) {
    for (Finding f : as_findings({{e.annotations.source, {}, refusal.what()}})) {
      f.kind = "refused by training";
      e.findings.push_back(std::move(f));
    }
  }
}

const char* word(Severity severity) { return severity == Severity::stops_training ? "stops" : "warning"; }

void print_findings(const std::vector<Finding>& findings) {
  std::map<std::string, std::vector<const Finding*>> by_file;
  for (const Finding& f : findings) by_file[f.file].push_back(&f);
  for (auto& [file, list] : by_file) {
    std::stable_sort(list.begin(), list.end(), [](auto* a, auto* b) { return a->annotation < b->annotation; });
    fmt::print("\n{}\n", file);
    for (const Finding* f : list)
      fmt::print("  {:<8} {}{}\n", word(f->severity),
                 f->annotation ? fmt::format("annotation {}: ", *f->annotation) : "", f->text);
  }
}

using Counts = std::map<std::pair<Severity, std::string>, int>;

Counts count(const std::vector<Finding>& findings) {
  Counts counts;
  for (const Finding& f : findings) ++counts[{f.severity, f.kind}];
  return counts;
}

void print_set(const Examined& e) {
  fmt::print("== {}: {} ({} photos, {} annotations, {} categories)\n", e.title, e.annotations.source,
             e.annotations.photos.size(), e.annotations.annotations.size(), e.annotations.categories.size());
  print_findings(e.findings);
  fmt::print("\n{:>10} {:<24} {:>8} {:>8} {:>8}\n", "category", "name", "objects", "photos", "crowds");
  for (const ClassCount& c : class_balance(e.annotations))
    fmt::print("{:>10} {:<24} {:>8} {:>8} {:>8}\n", c.category.id, c.category.name, c.objects, c.photos, c.crowds);
  fmt::print("\n");
}

std::string findings_json(const std::vector<Finding>& findings) {
  std::string text = "[";
  for (const Finding& f : findings) {
    if (text.size() > 1) text += ",";
    text += fmt::format("\n    {{\"severity\": \"{}\", \"kind\": {}, \"file\": {}, \"annotation\": {}, \"text\": {}}}",
                        word(f.severity), json_string(f.kind), json_string(f.file),
                        f.annotation ? std::to_string(*f.annotation) : "null", json_string(f.text));
  }
  return text + "]";
}

std::string classes_json(const Annotations& all) {
  std::string text = "[";
  for (const ClassCount& c : class_balance(all)) {
    if (text.size() > 1) text += ",";
    text += fmt::format("\n    {{\"id\": {}, \"name\": {}, \"objects\": {}, \"photos\": {}, \"crowds\": {}}}",
                        c.category.id, json_string(c.category.name), c.objects, c.photos, c.crowds);
  }
  return text + "]";
}

void write_json(const std::string& path, const std::vector<Examined>& sets, const std::vector<Finding>& split,
                bool stops) {
  write_atomically(path, [&](std::ostream& out) {
    out << "{\n";
    for (const Examined& e : sets)
      out << fmt::format(
          "  \"{}\": {{\"source\": {}, \"photos\": {}, \"annotations\": {},\n   \"findings\": {},\n   \"classes\": "
          "{}}},\n",
          e.title, json_string(e.annotations.source), e.annotations.photos.size(), e.annotations.annotations.size(),
          findings_json(e.findings), classes_json(e.annotations));
    out << fmt::format("  \"split\": {},\n  \"stops_training\": {}\n}}\n", findings_json(split), stops);
  });
}

int examine_all(const Arguments& arguments) {
  if (!arguments.json.empty()) check_folder_of(arguments.json);
  const Exif exif = exif_of(arguments.exif);
  std::vector<Examined> sets{examine("train", arguments.annotations, arguments.images, exif)};
  const CategoryTable table = CategoryTable::by_rank(sets[0].annotations);
  ask_training(sets[0], arguments.images, table, Purpose::training, exif);
  std::vector<Finding> split;
  if (!arguments.val_annotations.empty()) {
    sets.push_back(examine("val", arguments.val_annotations, arguments.val_images, exif));
    split = check_split(sets[0].annotations, arguments.images, sets[1].annotations, arguments.val_images);
    if (!stop_training(split)) ask_training(sets[1], arguments.val_images, table, Purpose::validation, exif);
  }
  std::vector<Finding> findings = split;
  for (const Examined& e : sets) check_no_input(arguments.json, e.annotations.files);
  for (const Examined& e : sets) {
    print_set(e);
    findings.insert(findings.end(), e.findings.begin(), e.findings.end());
  }
  if (!split.empty()) {
    fmt::print("== train and val\n");
    print_findings(split);
    fmt::print("\n");
  }

  const bool stops = stop_training(findings);
  fmt::print("== summary\n");
  for (const auto& [what, times] : count(findings))
    fmt::print("  {:<8} {:>6} x {}\n", word(what.first), times, what.second);
  fmt::print("{}\n", stops              ? "Training would stop."
                     : findings.empty() ? "Nothing is wrong."
                                        : "Nothing stops training.");
  if (!arguments.json.empty()) write_json(arguments.json, sets, split, stops);
  return stops ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments a;
  return run_program(
      argc, argv, "Lists everything wrong with a data set, by file and annotation id.",
      [&](CLI::App& app) {
        app.add_option("--annotations", a.annotations, "COCO JSON file or label-schema folder")->required();
        app.add_option("--images", a.images, "Folder of its photos")->required();
        auto* val = app.add_option("--val-annotations", a.val_annotations, "The validation set's, to look at both");
        auto* val_images = app.add_option("--val-images", a.val_images, "Folder of its photos");
        val->needs(val_images);
        val_images->needs(val);
        add_exif(app, a.exif);
        app.add_option("--json", a.json, "Write the findings there, too");
        app.footer(
            "\n\"stops\" is what training refuses: unknown images and categories, broken polygons and runs, photos "
            "that are\n"
            "missing, unreadable or of another size, a validation set whose categories are others.  A \"warning\" is "
            "what it\n"
            "drops, clips or lives with: crowds, boxes without area, self-crossing outlines, EXIF rotation, photos "
            "without\n"
            "objects, ...  In a set, and in train and val, the same photo is found by equal bytes alone: not if it was "
            "saved\n"
            "anew, resized or turned.\n"
            "Exit code: 0 nothing stops training, 1 something does, 2 arguments or files that cannot be used.\n"
            "\nExamples:\n"
            "  doctor --annotations data/train.json --images data/images\n"
            "  doctor --annotations data/train.json --images data/images --val-annotations data/val.json \\\n"
            "         --val-images data/images --json findings.json\n"
            "  doctor --annotations my_labels --images my_labels/images      a folder in label schema");
      },
      [&] { return examine_all(a); });
}
