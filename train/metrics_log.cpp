#include "train/metrics_log.h"

#include <fmt/format.h>
#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <functional>
#include <numeric>

#include "tensor/atomic_file.h"
#include "tensor/check.h"

namespace sil {
namespace {

using Writer = rapidjson::Writer<rapidjson::StringBuffer>;

void number(Writer& w, const char* key, double value) {
  w.Key(key);
  w.Double(value);
}

void write_losses(Writer& w, const LossValues& losses) {
  w.Key("losses");
  w.StartObject();
  for (size_t i = 0; i < losses.size(); i++) number(w, kLossNames[i], losses[i]);
  w.EndObject();
  number(w, "loss", total(losses));
}

void write_summary(Writer& w, const char* key, const std::optional<Summary>& summary) {
  if (!summary) return;
  w.Key(key);
  w.StartObject();
  number(w, "AP", summary->AP);
  number(w, "AP50", summary->AP50);
  w.EndObject();
}

void write_classes(Writer& w, const std::vector<ClassMetrics>& classes) {
  w.Key("per_class");
  w.StartArray();
  for (const ClassMetrics& c : classes) {
    w.StartObject();
    w.Key("name");
    w.String(c.name.data(), unsigned(c.name.size()));
    if (c.segm) number(w, "segm_AP", c.segm->AP);
    if (c.segm) number(w, "segm_AP50", c.segm->AP50);
    if (c.bbox) number(w, "bbox_AP50", c.bbox->AP50);
    w.EndObject();
  }
  w.EndArray();
}

std::string line_of(int64_t step, double epoch, const std::function<void(Writer&)>& rest) {
  rapidjson::StringBuffer text;
  Writer w(text);
  w.StartObject();
  w.Key("step");
  w.Int64(step);
  number(w, "epoch", epoch);
  rest(w);
  w.EndObject();
  return text.GetString();
}

int64_t step_of(const std::string& line) {
  rapidjson::Document d;
  d.Parse<rapidjson::kParseIterativeFlag>(line.data(), line.size());  // depth is no recursion
  const bool known = !d.HasParseError() && d.IsObject() && d.HasMember("step") && d["step"].IsInt64();
  return known ? d["step"].GetInt64() : INT64_MAX;
}

std::string lines_up_to(const std::filesystem::path& path, int64_t last_step) {
  std::ifstream file(path);
  std::string kept;
  for (std::string line; std::getline(file, line);)
    if (step_of(line) <= last_step) kept += line + "\n";
  return kept;
}

}  // namespace

LossValues values(const Losses& losses) {
  LossValues v{};
  const std::vector<Var> all = losses.all();
  for (size_t i = 0; i < v.size(); i++) v[i] = all[i].value().item();
  return v;
}

double total(const LossValues& v) { return std::accumulate(v.begin(), v.end(), 0.0); }

MetricsLog::MetricsLog(std::filesystem::path path, int64_t last_step) : path_(std::move(path)) {
  check(!is_device(path_), "{}: is neither file nor folder; a file expected", path_.string());
  const std::string kept = lines_up_to(path_, last_step);
  write_atomically(path_, [&](std::ostream& out) { out << kept; });
  file_.open(path_, std::ios::app);
  check(file_.good(), "{}: cannot be written", path_.string());
}

void MetricsLog::push(const StepRecord& r) {
  write(line_of(r.step, r.epoch, [&](Writer& w) {
    number(w, "rate", r.rate);
    write_losses(w, r.losses);
    if (r.gradient_norm >= 0) number(w, "gradient_norm", r.gradient_norm);
    number(w, "seconds", r.seconds);
    number(w, "images_per_second", r.images_per_second);
  }));
}

void MetricsLog::push(const ValidationRecord& r) {
  write(line_of(r.step, r.epoch, [&](Writer& w) {
    w.Key("validation");
    w.StartObject();
    write_summary(w, "segm", r.metrics.segm);
    write_summary(w, "bbox", r.metrics.bbox);
    write_losses(w, r.losses);
    write_classes(w, r.metrics.per_class);
    w.EndObject();
  }));
}

void MetricsLog::write(const std::string& line) {
  file_ << line << std::endl;  // a line at once, so that one can watch
  check(file_.good(), "{}: cannot be written (is the disk full?)", path_.string());
}

}  // namespace sil
