// What long work shows of itself: a bar on a terminal, a plain line every few seconds otherwise.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>

namespace sil {

class Status {
 public:
  // `first` is what an earlier run had already done; the time left is reckoned from what this one does.
  explicit Status(int64_t total, std::string label = {}, int64_t first = 0);
  ~Status();

  void update(int64_t done, const std::string& text = {});  // a narrow terminal cuts the text's end
  void line(const std::string& text);                       // one that stays

 private:
  using Clock = std::chrono::steady_clock;
  std::string time_left(int64_t done) const;
  void clear();

  int64_t total_, first_;
  std::string label_;
  bool terminal_, drawn_ = false;
  Clock::time_point start_, last_;
};

std::string duration_text(double seconds);  // "1:02:03", "4:05"
std::string bytes_text(double bytes);       // "1.24 GB", powers of 1000

}  // namespace sil
