#include "eval/metrics.h"

#include <fmt/format.h>
#include <rapidjson/prettywriter.h>
#include <rapidjson/stringbuffer.h>

#include <algorithm>

#include "tensor/atomic_file.h"
#include "tensor/check.h"

namespace sil {
namespace {

double pairwise_sum(std::span<const double> x) {
  const size_t n = x.size();
  if (n < 8) {
    double sum = 0;
    for (double v : x) sum += v;
    return sum;
  }
  if (n <= 128) {
    std::array<double, 8> r;
    std::copy_n(x.begin(), 8, r.begin());
    size_t i = 8;
    for (; i + 8 <= n; i += 8)
      for (size_t j = 0; j < 8; ++j) r[j] += x[i + j];
    double sum = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]));
    for (; i < n; ++i) sum += x[i];
    return sum;
  }
  const size_t half = n / 2 - n / 2 % 8;
  return pairwise_sum(x.first(half)) + pairwise_sum(x.subspan(half));
}

// One of the twelve numbers: what it takes from the arrays.
struct Line {
  bool precision;
  std::optional<double> iou_threshold;  // unset: all
  std::string area;
  int64_t max_detections;
};

std::array<Line, 12> lines(const Protocol& p) {
  const std::vector<int64_t>& m = p.max_detections;
  check(m.size() >= 3, "summary: {} limits of detections, 3 expected", m.size());
  check(!p.iou_thresholds.empty(), "summary: no IoU thresholds; 1 or more expected");
  return {{{true, {}, "all", 100},
           {true, .5, "all", m[2]},
           {true, .75, "all", m[2]},
           {true, {}, "small", m[2]},
           {true, {}, "medium", m[2]},
           {true, {}, "large", m[2]},
           {false, {}, "all", m[0]},
           {false, {}, "all", m[1]},
           {false, {}, "all", m[2]},
           {false, {}, "small", m[2]},
           {false, {}, "medium", m[2]},
           {false, {}, "large", m[2]}}};
}

// Where a line's numbers lie in an area range's and limit's plane: a * M + m.  Names and limits may be repeated; numpy
// then takes them in pairs, one of length 1 with all of the other.
std::vector<size_t> columns(const Line& line, const Protocol& p) {
  std::vector<size_t> areas, limits, out;
  for (size_t a = 0; a < p.areas.size(); ++a)
    if (p.areas[a].name == line.area) areas.push_back(a);
  for (size_t m = 0; m < p.max_detections.size(); ++m)
    if (p.max_detections[m] == line.max_detections) limits.push_back(m);
  const size_t n = areas.size() == 1 ? limits.size() : areas.size();
  check(limits.size() == n || limits.size() == 1,
        "summary: {} area ranges are named {} and {} limits of detections are {}: they cannot be paired", areas.size(),
        line.area, limits.size(), line.max_detections);
  for (size_t i = 0; i < n; ++i)
    out.push_back(areas[areas.size() == 1 ? 0 : i] * p.max_detections.size() + limits[limits.size() == 1 ? 0 : i]);
  return out;
}

// The mean over what is not -1, in the arrays' C order.
double mean_of(const Line& line, const Accumulated& x, const Protocol& p, std::optional<size_t> category) {
  const std::vector<size_t> places = columns(line, p);
  const size_t R = line.precision ? x.R : 1;
  const std::vector<double>& values = line.precision ? x.precision : x.recall;
  std::vector<double> measured;
  for (size_t t = 0; t < x.T; ++t) {
    if (line.iou_threshold && p.iou_thresholds[t] != *line.iou_threshold) continue;
    for (size_t r = 0; r < R; ++r)
      for (size_t k = category.value_or(0); k < (category ? *category + 1 : x.K); ++k)
        for (size_t place : places)
          if (const double v = values[((t * R + r) * x.K + k) * x.A * x.M + place]; v > -1) measured.push_back(v);
  }
  return measured.empty() ? -1 : pairwise_mean(measured);
}

using JsonWriter = rapidjson::PrettyWriter<rapidjson::StringBuffer>;

void write_number(JsonWriter& w, double x) {
  const std::string text = fmt::format("{:.17g}", x);
  w.RawValue(text.data(), text.size(), rapidjson::kNumberType);
}

void write_summary(JsonWriter& w, const char* key, const std::optional<Summary>& summary) {
  if (!summary) return;
  w.Key(key);
  w.StartObject();
  for (size_t i = 0; i < Summary::names.size(); ++i) {
    w.Key(Summary::names[i]);
    write_number(w, summary->values()[i]);
  }
  if (summary->AP_at_largest_max_dets) {
    w.Key("AP_at_largest_max_dets");
    write_number(w, *summary->AP_at_largest_max_dets);
  }
  w.EndObject();
}

void write_class(JsonWriter& w, const ClassMetrics& c) {
  w.StartObject();
  w.Key("category_id");
  if (c.odd_id.empty())
    w.Int64(c.category_id);
  else
    w.RawValue(c.odd_id.data(), c.odd_id.size(), rapidjson::kStringType);
  w.Key("name");
  w.String(c.name.data(), rapidjson::SizeType(c.name.size()));
  w.Key("objects");
  w.Int64(c.objects);
  w.Key("detections");
  w.Int64(c.detections);
  write_summary(w, "bbox", c.bbox);
  write_summary(w, "segm", c.segm);
  write_summary(w, "boundary", c.boundary);
  w.EndObject();
}

void write_torchmetrics(JsonWriter& w, const Metrics& metrics) {
  w.Key("torchmetrics");
  w.StartObject();
  for (const auto& [name, values] : metrics.torchmetrics) {
    w.Key(name.data(), rapidjson::SizeType(name.size()));
    const bool list = name.ends_with("_per_class") || name == "classes";
    if (list) w.StartArray();
    for (double v : values) write_number(w, v);
    if (list) w.EndArray();
  }
  w.EndObject();
}

}  // namespace

double pairwise_mean(std::span<const double> x) { return pairwise_sum(x) / double(x.size()); }

void check_summary(Protocol p) {
  std::ranges::sort(p.max_detections);
  for (const Line& line : lines(p)) columns(line, p);
}

Summary summarise(const Accumulated& x, const Protocol& p, std::optional<size_t> category) {
  std::array<double, 12> v;
  const std::array<Line, 12> all = lines(p);
  std::ranges::transform(all, v.begin(), [&](const Line& line) { return mean_of(line, x, p, category); });
  Summary out{v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8], v[9], v[10], v[11], {}};
  if (const int64_t most = p.max_detections.back(); most != 100)
    out.AP_at_largest_max_dets = mean_of({true, {}, "all", most}, x, p, category);
  return out;
}

std::string summary_text(const Summary& summary, const Protocol& p) {
  const std::string range = fmt::format("{:.2f}:{:.2f}", p.iou_thresholds.front(), p.iou_thresholds.back());
  std::string out;
  const std::array<Line, 12> all = lines(p);
  for (size_t i = 0; i < all.size(); ++i)
    out += fmt::format(" {:<18} {} @[ IoU={:<9} | area={:>6} | maxDets={:>3} ] = {:.3f}\n",
                       all[i].precision ? "Average Precision" : "Average Recall", all[i].precision ? "(AP)" : "(AR)",
                       all[i].iou_threshold ? fmt::format("{:.2f}", *all[i].iou_threshold) : range, all[i].area,
                       all[i].max_detections, summary.values()[i]);
  return out;
}

std::string class_table(const Metrics& metrics) {
  size_t width = 5;
  for (const ClassMetrics& c : metrics.per_class) width = std::max(width, c.name.size());
  std::string out = fmt::format(" {:>6}  {:<{}}  {:>7}  {:>10}", "id", "class", width, "objects", "detections");
  for (const auto& [type, measured] :
       {std::pair("bbox", &metrics.bbox), std::pair("segm", &metrics.segm), std::pair("boundary", &metrics.boundary)})
    if (*measured)
      for (const char* name : {"AP", "AP50", "AP75"}) out += fmt::format("  {:>13}", fmt::format("{} {}", type, name));
  out += '\n';
  for (const ClassMetrics& c : metrics.per_class) {
    out += fmt::format(" {:>6}  {:<{}}  {:>7}  {:>10}", c.category_id, c.name, width, c.objects, c.detections);
    for (const auto& s : {c.bbox, c.segm, c.boundary})
      if (s) out += fmt::format("  {:>13.3f}  {:>13.3f}  {:>13.3f}", s->AP, s->AP50, s->AP75);
    out += '\n';
  }
  return out;
}

std::string to_json(const Metrics& metrics, std::span<const JsonBlock> more) {
  rapidjson::StringBuffer buffer;
  JsonWriter w(buffer);
  w.SetIndent(' ', 2);
  w.StartObject();
  write_summary(w, "bbox", metrics.bbox);
  write_summary(w, "segm", metrics.segm);
  write_summary(w, "boundary", metrics.boundary);
  w.Key("per_class");
  w.StartArray();
  for (const ClassMetrics& c : metrics.per_class) write_class(w, c);
  w.EndArray();
  if (!metrics.torchmetrics.empty()) write_torchmetrics(w, metrics);
  for (const auto& [key, value] : more) {
    w.Key(key.data(), rapidjson::SizeType(key.size()));
    w.RawValue(value.data(), value.size(), rapidjson::kObjectType);
  }
  w.EndObject();
  return std::string(buffer.GetString(), buffer.GetSize()) + "\n";
}

void write_json(const std::filesystem::path& path, const Metrics& metrics, std::span<const JsonBlock> more) {
  write_atomically(path, [&](std::ostream& out) { out << to_json(metrics, more); });
}

}  // namespace sil
