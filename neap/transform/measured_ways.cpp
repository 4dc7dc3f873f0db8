#include "neap/transform/measured_ways.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <set>

#include "neap/base/clock.h"
#include "neap/base/error.h"
#include "neap/base/median.h"
#include "neap/codegen/cache.h"
#include "neap/transform/measuring.h"

namespace neap {
namespace {

constexpr std::size_t most_ways = 24;  // of the cost model
constexpr std::size_t finalists = 6;   // that take turns: as many programs stand in memory
// Ways take turns, so many rounds at least and at most, but no new round after some time.
struct Turns {
  int fewest, most;
  double seconds;
};
constexpr Turns beside_the_best{3, 9, 0.1};
constexpr double part_of_finals = 0.125;  // of the time that there is: noise of a few hundredths is to be told from a gain of one
constexpr double least_gain = 0.01;       // of the time of the best so far

struct Way {
  std::int64_t number = 0;
  std::shared_ptr<Executable> program;
  double ratio = 1;  // of its time to that of the best so far
};

// Of times by round, so that what slows the machine down for a while does not count.
double ratio_of(const std::vector<double>& one, const std::vector<double>& other) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < one.size(); ++i) ratios.push_back(one[i] / other[i]);
  return median(ratios);
}
// By more than chance gives two times in three.
bool is_quicker(const std::vector<double>& one, const std::vector<double>& other) {
  const auto rounds = static_cast<double>(one.size());
  double won = 0;
  for (std::size_t i = 0; i < one.size(); ++i) won += one[i] < other[i] ? 1 : 0;
  return ratio_of(one, other) < 1 - least_gain && won >= (rounds + std::sqrt(rounds)) / 2;
}

class Search {
 public:
  Search(const Graph& graph, const CostModel& model, const OptimizeOptions& options, std::size_t line, double seconds)
      : graph_(graph), model_(model), options_(options), line_(line), seconds_(seconds) {
    report_ = options.tune->report;
    for (const Array& input : options.tune->inputs) inputs_.push_back(input.clone());
    options_.tune.reset();
  }

  // The quickest way.
  std::int64_t run(const std::vector<std::int64_t>& ways, const std::function<std::vector<std::int64_t>(std::int64_t)>& neighbours) {
    std::vector<Way> best = tried(ways, {});
    for (bool better = true; better && !time_is_over();) {
      const std::int64_t before = best[0].number;
      best = tried(neighbours(before), {best[0]});
      better = best[0].number != before;
    }
    return best[0].number;
  }
  int count() const { return static_cast<int>(known_.size()); }

 private:
  void report(const Way& way, double seconds) {
    if (report_ == nullptr) return;
    const double now = seconds_since(start_);
    report_(now - reported_, fmt::format("{}: way {} takes {:.3g} ms", options_.recipe[line_].transformation, way.number, seconds * 1e3));
    reported_ = now;
  }

  bool time_is_over() const { return seconds_since(start_) > seconds_; }

  // These ways and those that stood before, of which the first is the best so far; the quickest first. Of ways that become the same program
  // the first.
  std::vector<Way> tried(const std::vector<std::int64_t>& ways, std::vector<Way> standing) {
    for (const std::int64_t number : ways) {
      if (!standing.empty() && time_is_over()) break;
      std::optional<Way> way = made(number);
      if (!way) continue;
      standing.push_back(std::move(*way));
      const bool is_first = standing.size() == 1;
      const auto seconds = in_turns(is_first ? standing : std::vector<Way>{standing.front(), standing.back()}, beside_the_best);
      standing.back().ratio = ratio_of(seconds.back(), seconds.front());
      report(standing.back(), median(seconds.back()));
      if (standing.size() > finalists) standing.erase(std::ranges::max_element(standing.begin() + 1, standing.end(), {}, &Way::ratio));
    }
    return judged(std::move(standing));
  }

  // The first where none of the others is clearly quicker, and is so again by itself: of several, noise makes one the quickest.
  std::vector<Way> judged(std::vector<Way> ways) {
    if (ways.size() < 2) return ways;
    const Turns turns{15, 120, part_of_finals * seconds_};
    const auto seconds = in_turns(ways, turns);
    std::size_t best = 0;
    for (std::size_t i = 0; i < ways.size(); ++i) {
      ways[i].ratio = ratio_of(seconds[i], seconds[0]);
      if (is_quicker(seconds[i], seconds[0]) && ways[i].ratio < ways[best].ratio) best = i;
    }
    if (best == 0) return ways;
    const auto again = in_turns({ways[0], ways[best]}, turns);
    if (is_quicker(again[1], again[0])) std::swap(ways[0], ways[best]);
    return ways;
  }

  // Seconds, by way and round.
  std::vector<std::vector<double>> in_turns(const std::vector<Way>& ways, const Turns& turns) {
    std::vector<std::vector<double>> seconds(ways.size());
    const auto start = Clock::now();
    for (int round = 0; round < turns.most; ++round) {
      if (round >= turns.fewest && seconds_since(start) > turns.seconds) break;
      for (std::size_t i = 0; i < ways.size(); ++i) {
        const std::size_t at = round % 2 == 0 ? i : ways.size() - 1 - i;
        seconds[at].push_back(run_once(*ways[at].program));
      }
    }
    return seconds;
  }

  // Nothing where another way became the same program.
  std::optional<Way> made(std::int64_t number) {
    OptimizeOptions options = options_;
    RecipeLine& line = options.recipe[line_];
    line.parameters[find_transformation(line.transformation).ways.parameter] = number;
    Optimizer optimizer(graph_, model_);
    optimizer.optimize(options);
    if (!known_.insert(structural_hash(optimizer.graph()).hex()).second) return std::nullopt;
    Way way{number, std::make_shared<Executable>(measurable(optimizer.graph(), "ways"))};
    way.program->run(inputs_);
    return way;
  }

  double run_once(Executable& program) {
    program.run(inputs_);  // as in a run of many steps, its own data is in the caches
    const auto start = Clock::now();
    program.run(inputs_);
    return seconds_since(start);
  }

  const Graph& graph_;
  const CostModel& model_;
  OptimizeOptions options_;  // without tuning
  std::size_t line_;
  double seconds_;
  std::vector<Array> inputs_;  // ours: a run may write into them
  std::set<std::string> known_;
  std::function<void(double, const std::string&)> report_;
  Clock::time_point start_ = Clock::now();
  double reported_ = 0;
};

// All that decides which way is the quickest.
Hash circumstances(const Graph& graph, const CostModel& model, const OptimizeOptions& options, std::size_t line) {
  Hasher hasher = on_this_machine();
  const Hash program = structural_hash(graph);
  hasher.add(program.low).add(program.high).add(static_cast<std::uint64_t>(line)).add(static_cast<std::uint64_t>(options.level));
  hasher.add(to_string(options.recipe)).add(static_cast<std::uint64_t>(options.libraries));
  hasher.add(static_cast<std::uint64_t>(options.memory_bytes));
  for (const auto& [symbol, size] : model.sizes(graph)) hasher.add(symbol).add(static_cast<std::uint64_t>(size));
  for (const Array& input : options.tune->inputs) {
    if (is_float(input.dtype())) continue;
    hasher.add(std::string_view(reinterpret_cast<const char*>(input.raw()), static_cast<std::size_t>(input.bytes())));
  }
  return hasher.finish();
}

// Nothing where it is no number of a way.
std::optional<std::int64_t> number_of(const std::string& text) {
  try {
    const std::int64_t number = parse_integer(text, "tuning");
    return number >= 0 ? std::optional(number) : std::nullopt;
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace

WaysMeasured measure_ways(const Graph& graph, const CostModel& model, const OptimizeOptions& options) {
  const auto start = Clock::now();
  const double most_seconds = options.tune->seconds / 2;
  KernelCache cache("tuning");
  WaysMeasured measured;
  for (std::size_t i = 0; i < options.recipe.size(); ++i) {
    const RecipeLine& line = options.recipe[i];
    const Transformation& transformation = find_transformation(line.transformation);
    if (transformation.ways.find == nullptr || options.level < line.from || options.level > line.to) continue;
    if (complete(transformation, line.parameters).at(transformation.ways.parameter) >= 0) continue;
    const Hash hash = circumstances(graph, model, options, i);
    if (const std::optional<std::int64_t> known = number_of(cache.kernel_of(hash))) {
      measured.ways[i] = *known;
      continue;
    }
    OptimizeOptions ahead = options;
    ahead.tune.reset();
    ahead.memory_bytes = 0;
    ahead.recipe.resize(i);
    Optimizer before(graph, model);
    before.optimize(ahead);
    const auto ways_of = [&](const Parameters& given) {
      return transformation.ways.find(before.graph(), complete(transformation, given), model, most_ways);
    };
    const std::vector<std::int64_t> ways = ways_of(line.parameters);
    if (ways.size() < 2) continue;
    const double left = most_seconds - seconds_since(start);
    if (left <= 0) break;
    Search search(graph, model, options, i, left);
    measured.ways[i] = search.run(ways, [&](std::int64_t way) {
      Parameters near = line.parameters;
      near[transformation.ways.parameter] = way;
      return ways_of(near);
    });
    measured.runs += search.count();
    cache.note(hash, std::to_string(measured.ways[i]));
  }
  measured.seconds = seconds_since(start);
  return measured;
}

}  // namespace neap
