#include "neap/base/progress.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "neap/base/environment.h"

namespace neap {
namespace {
using Clock = std::chrono::steady_clock;
double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }
bool quiet() { return is_switched_on("NEAP_QUIET"); }
}  // namespace

bool colours(int fd) { return ::isatty(fd) != 0 && environment_value("NO_COLOR").empty(); }

Progress::Progress(std::string title, std::int64_t total, std::string unit)
    : title_(std::move(title)), unit_(std::move(unit)), total_(total), start_(Clock::now()), drawn_(start_), terminal_(::isatty(2) != 0) {}

Progress::~Progress() { draw(true); }

double Progress::rate() const { return static_cast<double>(done_) / std::max(1e-9, since(start_)); }

void Progress::advance(std::int64_t amount, const std::string& note) {
  done_ += amount;
  note_ = note;
  if (since(drawn_) < (terminal_ ? 0.1 : 10.0)) return;
  drawn_ = Clock::now();
  draw(false);
}

void Progress::draw(bool final) {
  if (quiet() || total_ <= 0) return;
  constexpr int width = 24;
  const double part = std::min(1.0, static_cast<double>(done_) / static_cast<double>(total_));
  const int full = static_cast<int>(part * width);
  std::string bar;
  for (int i = 0; i < width; ++i) bar += i < full ? "█" : "░";
  const double left = rate() > 0 ? static_cast<double>(total_ - done_) / rate() : 0;
  const std::string times = final ? human_seconds(since(start_)) : human_seconds(left) + " left";
  const std::string line =
      fmt::format("{} {} {:3.0f} %  {:.0f} {}/s  {}{}{}", title_, bar, part * 100, rate(), unit_, note_, note_.empty() ? "" : "  ", times);
  std::fputs(terminal_ ? ("\r\033[K" + line + (final ? "\n" : "")).c_str() : (line + "\n").c_str(), stderr);
  std::fflush(stderr);
}

std::string human_bytes(double bytes) {
  static constexpr std::array<const char*, 5> units = {"B", "kB", "MB", "GB", "TB"};
  std::size_t unit = 0;
  while (std::fabs(bytes) >= (unit == 0 ? 1000 : 999.5) && unit + 1 < units.size()) {
    bytes /= 1000;
    ++unit;
  }
  const int digits = unit == 0 || std::fabs(bytes) >= 100 ? 0 : 1;
  return fmt::format("{:.{}f} {}", bytes, digits, units[unit]);
}

std::string human_seconds(double seconds) {
  if (seconds < 0.9995e-3) return fmt::format("{:.0f} us", seconds * 1e6);
  if (seconds < 0.9995) return fmt::format("{:.3g} ms", seconds * 1e3);
  if (seconds < 60) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<long>(seconds);
  return fmt::format("{} min {} s", whole / 60, whole % 60);
}

}  // namespace neap
