// Pages to look at a data set: in a browser, served to this machine.
#include <fmt/core.h>
#include <sys/resource.h>
#include <unistd.h>

#include <optional>
#include <thread>

#include "apps/photos.h"
#include "apps/program.h"
#include "data/results.h"
#include "eval/evaluation.h"
#include "train/status.h"
#include "viz/export.h"
#include "viz/files_read.h"
#include "viz/path_text.h"
#include "viz/view_server.h"

namespace {

using namespace sil;

struct Arguments {
  std::vector<std::string> results;
  std::string annotations, images, exif = "ignore", host = "127.0.0.1";
  std::filesystem::path run;
  int port = -1;
  std::filesystem::path folder;
  size_t limit = 0;
};

bool is_loopback(const std::string& host) { return host == "localhost" || host == "::1" || host.starts_with("127."); }

int serve(const Arguments& args, const Gallery& gallery, const std::vector<Fault>& faults, const FilesRead& files,
          std::span<Evaluated> results, const RunFolder* run) {
  Findings findings(gallery, faults);
  ViewServer pages(gallery, findings, files, results, run, args.host);
  HttpServer server(args.host, args.port, security_headers(), [&](const Request& r) { return pages.respond(r); });
  if (!is_loopback(args.host))
    warn(fmt::format("--host {}: whoever reaches this machine there sees the photos", args.host));
  const std::string name = args.host.find(':') == std::string::npos ? args.host : "[" + args.host + "]";
  fmt::print("http://{}:{}/\n", name, server.port());
  std::fflush(stdout);
  std::thread checks([&] {
    setpriority(PRIO_PROCESS, id_t(gettid()), 19);  // of this thread and those that it starts: pages come first
    try {
      findings.annotations();
      findings.photos();
    } catch (const std::exception& e) {  // the pages go on without
      warn(fmt::format("the checks have stopped: {}", e.what()));
    }
  });
  server.run();  // until a signal ends the program: there is nothing to save
  checks.join();
  return 0;
}

int write_export(const Arguments& args, const Gallery& gallery, const std::vector<Fault>& faults,
                 std::span<Evaluated> results, const RunFolder* run) {
  fmt::print("{}: {}{} photos, about {:.1f} MB\n", args.folder.string(), args.limit ? "the first " : "", gallery.size(),
             double(export_bytes(gallery, results)) / 1e6);
  std::fflush(stdout);
  Findings findings(gallery, faults);
  findings.annotations();
  findings.photos();
  Status status(int64_t(gallery.size()), "photo");
  export_pages(gallery, findings, results, run, args.folder, [&](int64_t done) { status.update(done); });
  fmt::print("{}: open it in a browser\n", (args.folder / "index.html").string());
  return 0;
}

// Which they are is known once they are read.
void add_label_files(FilesRead& files, const Annotations& all) {
  const std::filesystem::path folder = all.source;
  for (const auto& file : all.files) files.add(file, file.lexically_relative(folder).string());
  for (const char* part : {"labels", "images"}) files.add(folder / part, part);  // of which files may be new
}

std::vector<Detection> read_detections(const std::string& file, const Annotations& all) {
  std::vector<Detection> detections = read_results(file);
  check_photos(all, view(detections, file));
  return detections;
}

// Whole paths: those are what the pages are kept from telling, see Gallery::without_folders.
void make_absolute(Arguments& args) {
  for (std::string* path : {&args.annotations, &args.images}) *path = std::filesystem::absolute(*path).string();
}

int view_pages(Arguments args) {
  make_absolute(args);
  check(args.folder.empty() != (args.port < 0), "--port, to serve, or --export, to write, expected (one of them)");
  check(args.limit == 0 || !args.folder.empty(), "--limit is for --export");
  std::vector<Fault> faults;
  const Exif exif = exif_of(args.exif);
  FilesRead files;
  const bool labels = std::filesystem::is_directory(args.annotations);
  if (!labels) files.add(args.annotations, last_name(args.annotations));
  for (const std::string& file : args.results) files.add(file, last_name(file));
  Annotations all = read_annotations(args.annotations, &faults, exif);
  if (labels) add_label_files(files, all);
  std::vector<std::vector<Detection>> detections;
  for (const std::string& file : args.results) detections.push_back(read_detections(file, all));
  const size_t photos = all.photos.size(), shown = args.limit > 0 ? args.limit : photos;
  const Gallery gallery(first_photos(std::move(all), shown), photos, args.images, exif);
  std::vector<Evaluated> results;
  for (size_t i = 0; i < detections.size(); ++i) {
    std::erase_if(detections[i],
                  [&](const Detection& d) { return !gallery.annotations().photo_row.contains(d.image_id); });
    results.emplace_back(gallery, last_name(args.results[i]), std::move(detections[i]));
  }
  std::optional<RunFolder> run;
  if (!args.run.empty()) run.emplace(args.run);
  return args.port < 0 ? write_export(args, gallery, faults, results, run ? &*run : nullptr)
                       : serve(args, gallery, faults, files, results, run ? &*run : nullptr);
}

}  // namespace

int main(int argc, char** argv) {
  Arguments a;
  return run_program(
      argc, argv, "Pages to look at a data set, and at results beside it, in a browser.",
      [&](CLI::App& app) {
        app.add_option("--annotations", a.annotations, "COCO JSON file or label-schema folder")->required();
        app.add_option("--images", a.images, "Folder of its photos")->required();
        app.add_option("--results", a.results, "COCO results JSON to look at beside the annotations; two to compare")
            ->expected(1, 2);
        app.add_option("--run", a.run, "Folder of a training run, to look at its curves, while it is trained too");
        app.add_option("--port", a.port, "Serve there until interrupted; 0: any that is free")
            ->check(CLI::Range(0, 65535));
        app.add_option("--export", a.folder,
                       "Write the pages there instead, a new or empty folder that opens from disk");
        app.add_option("--limit", a.limit, "Export the first so many photos alone")
            ->check(CLI::Range(1, 1'000'000'000));
        app.add_option("--host", a.host, "Address to serve at; another than this machine's own is open to others")
            ->capture_default_str();
        add_exif(app, a.exif);
        app.footer(
            "Examples:\n"
            "  view --annotations data/val.json --images data/images --port 8000\n"
            "  view --annotations data/val.json --images data/images --results mine.json theirs.json --port 8000\n"
            "  view --annotations data/val.json --images data/images --export pages --limit 200");
      },
      [&] { return view_pages(a); });
}
