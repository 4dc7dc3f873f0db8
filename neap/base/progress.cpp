#include "neap/base/progress.h"

#include <fmt/core.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "neap/base/clock.h"
#include "neap/base/environment.h"

namespace neap {
namespace {
constexpr int widest_bar = 24, narrowest_bar = 4;
std::string bar(double part, int width) {
  std::string text;
  for (int i = 0; i < width; ++i) text += i < static_cast<int>(part * width) ? "█" : "░";
  return text;
}
bool quiet() { return is_switched_on("NEAP_QUIET"); }
}  // namespace

int terminal_columns(int fd) {
  winsize size{};
  return ::isatty(fd) != 0 && ::ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

bool colours(int fd) { return ::isatty(fd) != 0 && environment_value("NO_COLOR").empty(); }

Progress::Progress(std::string title, std::int64_t total, std::string unit)
    : title_(std::move(title)), unit_(std::move(unit)), total_(total), start_(Clock::now()), drawn_(start_), terminal_(::isatty(2) != 0) {}

Progress::~Progress() { draw(true); }

double Progress::rate() const { return static_cast<double>(done_) / std::max(1e-9, seconds_since(start_)); }

void Progress::advance(std::int64_t amount, const std::string& note) {
  done_ += amount;
  note_ = note;
  if (seconds_since(drawn_) < (terminal_ ? 0.1 : 10.0)) return;
  drawn_ = Clock::now();
  draw(false);
}

void Progress::draw(bool final) {
  if (quiet() || total_ <= 0) return;
  const double part = std::min(1.0, static_cast<double>(done_) / static_cast<double>(total_));
  const double left = rate() > 0 ? static_cast<double>(total_ - done_) / rate() : 0;
  const std::string times = final ? human_seconds(seconds_since(start_)) : human_seconds(left) + " left";
  std::string rest = fmt::format("{:3.0f} %  {:.0f} {}/s  {}{}{}", part * 100, rate(), unit_, note_, note_.empty() ? "" : "  ", times);
  // A line that the terminal would break could not be drawn over: the bar is what gives way, then the end.
  const int columns = terminal_ ? terminal_columns(2) : 0;
  const int room = columns == 0 ? widest_bar : columns - 1 - static_cast<int>(title_.size() + rest.size() + 2);
  std::string line = title_ + " " + (room < narrowest_bar ? "" : bar(part, std::min(room, widest_bar)) + " ") + rest;
  if (columns > 0 && room < narrowest_bar) line.resize(std::min(line.size(), static_cast<std::size_t>(columns - 1)));
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
