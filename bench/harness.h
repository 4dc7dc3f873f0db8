// bench/: numbers against targets. This file: interleaved rounds, medians, and rows.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace neap::bench {

// One line of a result. `ratio` says how many times better ours is than the other (for times and bytes other / ours, for rates
// ours / other), so that a target is met where ratio >= target. Where the target is a bound on ours alone, the bound is the other.
struct Row {
  std::string name, metric;
  double ours = 0;
  std::optional<double> other = std::nullopt;
  std::string other_name = "";
  std::optional<double> ratio = std::nullopt;
  double spread = 0;  // interquartile range over median: of the rounds' ratios, of ours where there is no other
  std::optional<double> target = std::nullopt;
};

struct Candidate {
  std::string name;
  std::function<void()> run;
  std::function<void()> prepare = nullptr;  // before each round, not timed
};

enum class Clock {
  wall,
  thread  // CPU time of the calling thread: what others do on the machine does not count. For work on one thread
};

struct Timing {
  int rounds = 15;
  double seconds = 0.02;  // of one candidate in one round, about: it is called as often as fits, once at least
  Clock clock = Clock::wall;
};

// Seconds a call, by candidate and round. Candidates take turns within a round; every other round goes backwards.
std::vector<std::vector<double>> interleave(const std::vector<Candidate>& candidates, const Timing& timing = {});

double once_seconds(const std::function<void()>& work, Clock clock = Clock::thread);  // of one call, for what can be done only once

double median(std::vector<double> values);
double spread(std::vector<double> values);

// Rows of times; `scale` 1e3 for ms, 1e6 for us.
Row against(std::string name, std::string metric, double scale, const std::vector<double>& ours, const std::vector<double>& other,
            std::string other_name, std::optional<double> target);
Row below(std::string name, std::string metric, double scale, const std::vector<double>& ours, double bound);  // in the metric's unit
Row alone(std::string name, std::string metric, double scale, const std::vector<double>& ours);

// Where a topic puts its rows. Each is printed as it is made, so that a run that is stopped leaves what it measured.
class Rows {
 public:
  void add(Row row);
  const std::vector<Row>& all() const { return all_; }

 private:
  std::vector<Row> all_;
};

std::string threads_text();  // "2 threads, ", ahead of a row's name; nothing where there is one

struct Topic {
  std::string name, about;
  std::function<void(Rows&)> run;
};
struct RegisterTopic {
  explicit RegisterTopic(Topic topic);
};
const std::vector<Topic>& topics();  // by name

std::string heading_line();
std::string json_of(const std::vector<Row>& rows);

// The machine, threads, compiler, libraries and load, a line each.
std::string machine_text();

}  // namespace neap::bench
