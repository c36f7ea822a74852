// An explanation to read.
#include <fmt/format.h>

#include <algorithm>

#include "eval/explanation.h"

namespace sil {
namespace {

constexpr std::array<const char*, 6> meanings{
    "the object is found, under another class",
    "the right class, but the overlap is .1 to .5",
    "wrong class and poor overlap",
    "another detection found the object already",
    "nothing is there",
    "objects that no detection comes near",
};

std::string tide_text(const Tide& t) {
  std::string out = fmt::format(" AP at IoU .5 is {:.2f} of 100 (TIDE); it would rise by\n", t.AP);
  for (TideError e :
       {TideError::cls, TideError::loc, TideError::both, TideError::dupe, TideError::bkg, TideError::miss})
    out += fmt::format("   {:6.2f}  without {:<4}  {:>8} {:<10} {}\n", t.dAP[size_t(e)], tide_names[size_t(e)],
                       t.errors[size_t(e)], e == TideError::miss ? "objects" : "detections", meanings[size_t(e)]);
  out += fmt::format("   {:6.2f}  if all wrong detections ranked last\n", t.false_positives);
  out += fmt::format("   {:6.2f}  if the objects not found did not count\n", t.false_negatives);
  return out;
}

std::string class_text(const std::vector<ExplainedClass>& classes) {
  size_t width = 5;
  for (const ExplainedClass& c : classes) width = std::max(width, c.name.size());
  std::string out =
      fmt::format(" {:<{}}  {:>7}  {:>10}  {:>6}  {:>6}  {:>6}  {:>10}  {:>5}  {:>9}  {:>6}\n", "class", width,
                  "objects", "detections", "AP", "AP50", "AP75", "best score", "F1", "precision", "recall");
  for (const ExplainedClass& c : classes) {
    out += fmt::format(" {:<{}}  {:>7}  {:>10}  {:>6.3f}  {:>6.3f}  {:>6.3f}", c.name, width, c.objects, c.detections,
                       c.AP, c.AP50, c.AP75);
    if (c.best)
      out += fmt::format("  {:>10.3f}  {:>5.3f}  {:>9.3f}  {:>6.3f}", c.best->score, c.best->f1, c.best->precision,
                         c.best->recall);
    else
      out += fmt::format("  {:>10}", "none right");
    out += '\n';
  }
  return out;
}

std::string class_name(const Explanation& x, size_t k) {
  return k < x.classes.size() ? x.classes[k].name : "background";
}

std::string matrix_text(const Explanation& x) {
  size_t width = 10;
  for (const ExplainedClass& c : x.classes) width = std::max(width, c.name.size());
  std::string out = fmt::format(" {:<{}}", "there \\ found", width + 3);
  for (size_t k = 0; k < x.confusion.size(); ++k) out += fmt::format("  {:>{}}", class_name(x, k), width);
  out += '\n';
  for (size_t i = 0; i < x.confusion.size(); ++i) {
    out += fmt::format(" {:<{}}", class_name(x, i), width + 3);
    for (size_t k = 0; k < x.confusion.size(); ++k)
      out += i + 1 == x.confusion.size() && k == i ? fmt::format("  {:>{}}", "-", width)
                                                   : fmt::format("  {:>{}}", x.confusion.count(i, k), width);
    out += '\n';
  }
  return out;
}

std::string largest_text(const Explanation& x) {
  struct Entry {
    int64_t count;
    size_t truth, found;
  };
  std::vector<Entry> entries;
  for (const auto& [cell, count] : x.confusion.cells())
    if (const auto [i, k] = cell; i != k && std::max(i, k) < x.classes.size()) entries.push_back({count, i, k});
  std::ranges::stable_sort(entries, std::greater<>(), &Entry::count);
  entries.resize(std::min<size_t>(entries.size(), 15));
  if (entries.empty()) return " no class is taken for another\n";
  std::string out = " most often taken for another class (all of it: --json, --curves)\n";
  for (const Entry& e : entries)
    out += fmt::format("   {:>7}  {} taken for {}\n", e.count, class_name(x, e.truth), class_name(x, e.found));
  return out;
}

std::string calibration_text(const Calibration& c) {
  std::string out = fmt::format(" calibration: ECE {:.4f} over {} detections\n   {:>10}  {:>10}  {:>10}  {:>10}\n",
                                c.ece, c.detections, "score", "detections", "mean score", "are right");
  for (const Calibration::Bin& bin : c.bins)
    out += bin.detections == 0 ? fmt::format("   {:>3.1f} to {:>3.1f}  {:>10}\n", bin.low, bin.high, 0)
                               : fmt::format("   {:>3.1f} to {:>3.1f}  {:>10}  {:>10.3f}  {:>10.3f}\n", bin.low,
                                             bin.high, bin.detections, bin.score, bin.precision);
  if (c.outside > 0) out += fmt::format("   {} detections have scores that are not from 0 to 1\n", c.outside);
  return out;
}

}  // namespace

std::string to_text(std::span<const Cause> causes) {
  std::string out;
  for (const Cause& c : causes) out += fmt::format("probable cause ({}): {}\n", c.name, c.text);
  return out;
}

std::string to_text(const Explanation& x) {
  return fmt::format("Explanation of *{}*, at IoU .5\n{}\n{}\n{}\n{}", x.type, tide_text(x.tide), class_text(x.classes),
                     x.classes.size() <= 12 ? matrix_text(x) : largest_text(x), calibration_text(x.calibration));
}

std::string to_text(std::span<const Compared> all) {
  if (all.empty()) return "";
  size_t width = all[0].first.size();
  for (const Compared& c : all) width = std::max(width, c.second.size());
  std::string out =
      fmt::format("Compared over {} samples of the images, 95 % of the differences in brackets\n", all[0].samples);
  for (size_t i = 0; i < all.size(); ++i) {
    const Compared& c = all[i];
    if (i == 0 || all[i - 1].type != c.type) out += fmt::format(" {}  AP {:.4f}  {}\n", c.type, c.first_AP, c.first);
    out += fmt::format(" {}  AP {:.4f}  {:<{}}  {:+.4f}  [{:+.4f}, {:+.4f}]  {}\n", c.type, c.second_AP, c.second,
                       width, c.second_AP - c.first_AP, c.low, c.high,
                       c.low > 0    ? "better"
                       : c.high < 0 ? "worse"
                                    : "may be chance");
  }
  return out;
}

}  // namespace sil
