#include "train/status.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace sil {
namespace {

size_t terminal_width() {
  winsize size{};
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

std::string bar(double share) {
  constexpr int kWidth = 20;
  const int full = int(std::clamp(share, 0.0, 1.0) * kWidth);
  return "[" + std::string(size_t(full), '#') + std::string(size_t(kWidth - full), '.') + "]";
}

}  // namespace

std::string duration_text(double seconds) {
  const int64_t s = std::llround(std::max(seconds, 0.0));
  return s >= 3600 ? fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
                   : fmt::format("{}:{:02}", s / 60, s % 60);
}

std::string bytes_text(double bytes) {
  if (bytes >= 1e9) return fmt::format("{:.2f} GB", bytes / 1e9);
  if (bytes >= 1e6) return fmt::format("{:.0f} MB", bytes / 1e6);
  return fmt::format("{:.0f} kB", bytes / 1e3);
}

Status::Status(int64_t total, std::string label, int64_t first)
    : total_(total), first_(first), label_(std::move(label)), terminal_(isatty(STDOUT_FILENO)), start_(Clock::now()) {}

Status::~Status() { clear(); }

std::string Status::time_left(int64_t done) const {
  if (done <= first_) return "?";
  const double spent = std::chrono::duration<double>(Clock::now() - start_).count();
  return duration_text(spent / double(done - first_) * double(total_ - done));
}

void Status::update(int64_t done, const std::string& text) {
  const Clock::duration pause = terminal_ ? std::chrono::milliseconds(100) : std::chrono::milliseconds(10'000);
  const Clock::time_point now = Clock::now();
  const bool ends = done == first_ + 1 || done == total_;
  if (!ends && now - last_ < pause) return;
  last_ = now;
  std::string line = fmt::format("{}{}/{}  left {}{}{}", label_.empty() ? "" : label_ + " ", done, total_,
                                 time_left(done), text.empty() ? "" : "  ", text);
  if (terminal_) {
    line = (bar(total_ > 0 ? double(done) / double(total_) : 1) + " " + line).substr(0, terminal_width() - 1);
    fmt::print("\r\x1b[K{}", line);
    drawn_ = true;
  } else {
    fmt::print("{}\n", line);
  }
  std::fflush(stdout);
}

void Status::line(const std::string& text) {
  clear();
  fmt::print("{}\n", text);
  std::fflush(stdout);
}

void Status::clear() {
  if (drawn_) fmt::print("\r\x1b[K");
  drawn_ = false;
}

}  // namespace sil
