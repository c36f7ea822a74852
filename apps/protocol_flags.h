// The flags that say what is measured: pycocotools' parameters, in its words where it has them.
#pragma once
#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <string>
#include <vector>

#include "eval/evaluation.h"
#include "tensor/check.h"

namespace sil {

struct ProtocolFlags {
  std::vector<std::string> max_dets, iou_thresholds, recall_thresholds, area_ranges, categories, image_ids;
  bool class_agnostic = false;

  void add_to(CLI::App&);
  void add_images(const std::vector<std::string>& lists);  // of ids, between commas
  bool given() const;
  // Sets what was given.  Throws an Error that names flag and value.
  void apply(EvaluationOptions&) const;
};

namespace detail {

template <class T>
T number_of(const char* flag, const std::string& text, const char* expected) {
  const size_t sign = text.starts_with('+') ? 1 : 0;
  T value{};
  const auto [end, status] = std::from_chars(text.data() + sign, text.data() + text.size(), value);
  const bool whole = end == text.data() + text.size();
  if constexpr (std::is_same_v<T, double>)
    if (whole && status == std::errc::result_out_of_range) return std::strtod(text.c_str(), nullptr);
  check(status == std::errc() && whole, "{}: {} is not {}", flag, text, expected);
  return value;
}

template <class T>
std::vector<T> numbers_of(const char* flag, const std::vector<std::string>& texts, const char* expected) {
  std::vector<T> out;
  for (const std::string& text : texts) out.push_back(number_of<T>(flag, text, expected));
  return out;
}

inline AreaRange area_range_of(const std::string& text) {
  const char* flag = "--area-ranges";
  const size_t second = text.rfind(':'),
               first = second && second != text.npos ? text.rfind(':', second - 1) : text.npos;
  check(first != text.npos, "{}: {} is not name:low:high", flag, text);
  return {text.substr(0, first), number_of<double>(flag, text.substr(first + 1, second - first - 1), "a number"),
          number_of<double>(flag, text.substr(second + 1), "a number")};
}

}  // namespace detail

inline void ProtocolFlags::add_to(CLI::App& app) {
  const auto list = [&](const char* flag, std::vector<std::string>& to, const char* about) {
    app.add_option(flag, to, about)->delimiter(',');
  };
  list("--max-dets", max_dets, "Detections an image and class, three or more limits; default 1,10,100");
  list("--iou-thresholds", iou_thresholds, "Default .50 to .95 by .05");
  list("--recall-thresholds", recall_thresholds, "Default 0 to 1 by .01");
  list("--area-ranges", area_ranges, "name:low:high,... in square pixels; default COCO's all, small, medium and large");
  list("--categories", categories, "Ids of the categories to measure alone");
  app.add_flag("--class-agnostic", class_agnostic, "Whatever the category, as pycocotools' useCats = 0");
}

inline void ProtocolFlags::add_images(const std::vector<std::string>& lists) {
  for (const std::string& list : lists) std::ranges::copy(CLI::detail::split(list, ','), std::back_inserter(image_ids));
}

inline bool ProtocolFlags::given() const {
  const auto any = [](const auto&... lists) { return (!lists.empty() || ...); };
  return class_agnostic || any(max_dets, iou_thresholds, recall_thresholds, area_ranges, categories, image_ids);
}

inline void ProtocolFlags::apply(EvaluationOptions& options) const {
  using namespace detail;
  Protocol& p = options.protocol;
  if (!max_dets.empty()) p.max_detections = numbers_of<int64_t>("--max-dets", max_dets, "an integer");
  if (!iou_thresholds.empty()) p.iou_thresholds = numbers_of<double>("--iou-thresholds", iou_thresholds, "a number");
  if (!recall_thresholds.empty())
    p.recall_thresholds = numbers_of<double>("--recall-thresholds", recall_thresholds, "a number");
  if (!area_ranges.empty()) {
    p.areas.clear();
    for (const std::string& text : area_ranges) p.areas.push_back(area_range_of(text));
  }
  if (!categories.empty()) options.categories = numbers_of<int64_t>("--categories", categories, "an id");
  if (!image_ids.empty()) options.images = numbers_of<int64_t>("--images", image_ids, "an id");
  options.class_agnostic = class_agnostic;
  // torchmetrics has parameters of its own, and its numbers are of all that it sees.
  options.torchmetrics = options.torchmetrics && !given();
}

}  // namespace sil
