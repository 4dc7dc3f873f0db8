#include "bench/harness.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>

#include "neap/base/machine.h"

namespace neap::bench {
namespace {

double now(Clock clock) {
  if (clock == Clock::wall) return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

double quantile(std::vector<double> values, double part) {
  std::sort(values.begin(), values.end());
  const double at = part * static_cast<double>(values.size() - 1);
  const auto low = static_cast<std::size_t>(at);
  const std::size_t high = std::min(low + 1, values.size() - 1);
  return values[low] + (at - static_cast<double>(low)) * (values[high] - values[low]);
}

// Calls that take about this long together. The first one warms up.
int calls_in(double seconds, const Candidate& candidate, Clock clock) {
  if (candidate.prepare) candidate.prepare();
  candidate.run();
  int calls = 1;
  constexpr int most = 1 << 24;
  for (; calls < most; calls *= 2) {
    const double start = now(clock);
    for (int i = 0; i < calls; ++i) candidate.run();
    const double taken = now(clock) - start;
    if (taken >= seconds / 4) return std::max(1, static_cast<int>(calls * seconds / taken));
  }
  return most;
}

std::vector<Topic>& registry() {
  static std::vector<Topic> all;
  return all;
}

std::string number(double value) { return value >= 1000 ? fmt::format("{:.0f}", value) : fmt::format("{:.3g}", value); }
std::string number(const std::optional<double>& value) { return value ? number(*value) : "-"; }

std::string line_of(const Row& row) {
  const std::string met = !row.target || !row.ratio ? "" : *row.ratio >= *row.target ? "  met" : "  MISSED";
  return fmt::format("{:<46} {:>10} {:>10} {:>10}  {:<24} {:>7} {:>6.0f}% {:>7}{}", row.name, row.metric, number(row.ours),
                     number(row.other), row.other_name, number(row.ratio), row.spread * 100, number(row.target), met);
}

}  // namespace

std::vector<std::vector<double>> interleave(const std::vector<Candidate>& candidates, const Timing& timing) {
  std::vector<int> calls;
  for (const Candidate& candidate : candidates) calls.push_back(calls_in(timing.seconds, candidate, timing.clock));
  std::vector<std::vector<double>> seconds(candidates.size());
  for (int round = 0; round < timing.rounds; ++round) {
    for (std::size_t turn = 0; turn < candidates.size(); ++turn) {
      const std::size_t i = round % 2 == 0 ? turn : candidates.size() - 1 - turn;
      if (candidates[i].prepare) candidates[i].prepare();
      const double start = now(timing.clock);
      for (int call = 0; call < calls[i]; ++call) candidates[i].run();
      seconds[i].push_back((now(timing.clock) - start) / calls[i]);
    }
  }
  return seconds;
}

double once_seconds(const std::function<void()>& work, Clock clock) {
  const double start = now(clock);
  work();
  return now(clock) - start;
}

double median(std::vector<double> values) { return quantile(std::move(values), 0.5); }
double spread(std::vector<double> values) { return (quantile(values, 0.75) - quantile(values, 0.25)) / quantile(values, 0.5); }

Row against(std::string name, std::string metric, double scale, const std::vector<double>& ours, const std::vector<double>& other,
            std::string other_name, std::optional<double> target) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < ours.size(); ++i) ratios.push_back(other[i] / ours[i]);
  return {std::move(name),       std::move(metric),
          median(ours) * scale,  median(other) * scale,
          std::move(other_name), median(other) / median(ours),
          spread(ratios),        target};
}

Row below(std::string name, std::string metric, double scale, const std::vector<double>& ours, double bound) {
  const double value = median(ours) * scale;
  return {std::move(name), std::move(metric), value, bound, "the bound", bound / value, spread(ours), 1.0};
}

Row alone(std::string name, std::string metric, double scale, const std::vector<double>& ours) {
  return {.name = std::move(name), .metric = std::move(metric), .ours = median(ours) * scale, .spread = spread(ours)};
}

std::string threads_text() { return thread_count() == 1 ? "" : fmt::format("{} threads, ", thread_count()); }

void Rows::add(Row row) {
  std::printf("%s\n", line_of(row).c_str());
  std::fflush(stdout);
  all_.push_back(std::move(row));
}

RegisterTopic::RegisterTopic(Topic topic) { registry().push_back(std::move(topic)); }

const std::vector<Topic>& topics() {
  std::sort(registry().begin(), registry().end(), [](const Topic& a, const Topic& b) { return a.name < b.name; });
  return registry();
}

std::string heading_line() {
  return fmt::format("{:<46} {:>10} {:>10} {:>10}  {:<24} {:>7} {:>7} {:>7}", "what", "metric", "ours", "other", "(who)", "ratio", "spread",
                     "target");
}

std::string json_of(const std::vector<Row>& rows) {
  const auto maybe = [](const std::optional<double>& value) { return value ? nlohmann::json(*value) : nlohmann::json(); };
  nlohmann::json all = nlohmann::json::array();
  for (const Row& row : rows) {
    all.push_back({{"name", row.name},
                   {"metric", row.metric},
                   {"ours", row.ours},
                   {"other", maybe(row.other)},
                   {"other_name", row.other_name},
                   {"ratio", maybe(row.ratio)},
                   {"spread", row.spread},
                   {"target", maybe(row.target)}});
  }
  return all.dump(1) + "\n";
}

}  // namespace neap::bench
