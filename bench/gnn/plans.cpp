// The plan that is chosen for the products of a GCN's step, by the cost model and by measuring what it finds nearly alike, against the best
// of all legal plans, each run: three layers, one thread. Every plan runs a few times; those near the quickest then run in turns with the
// chosen ones. Rounds are compared with themselves, and the best is picked by some of them and judged by the others: else noise picks it.
// One program takes 1 to 5 % longer or shorter by where its memory lies, so that a finalist runs as several, in turns.
#include <cmath>
#include <memory>
#include <set>

#include "bench/core/graphs.h"
#include "bench/demo_step.h"
#include "bench/gnn/gcn_step.h"
#include "bench/harness.h"
#include "neap/base/error.h"

namespace neap::bench::plans_topic {
namespace {

constexpr int chains = 8;             // of three layers: forward, gradients of weights, gradients of features but the first layer's
constexpr std::size_t finalists = 5;  // that run in turns with the chosen plan
constexpr std::size_t instances = 3;  // of each of those
constexpr double near_enough = 1 / 1.03;

struct Plan {
  GcnStep step;
  std::string hash;  // of its program
  double ratio = 1;  // of its time to the chosen one's
};

// By few runs in turns, as the machine is quicker and slower by the second.
double quick_ratio(GcnStep& one, GcnStep& other) {
  std::vector<double> ratios;
  for (int turn = 0; turn < 5; ++turn) {
    const double seconds = once_seconds([&] { one.run(); });
    ratios.push_back(seconds / once_seconds([&] { other.run(); }));
  }
  return median(ratios);
}

// By how much the first takes longer: of rounds, a forward and a backward one at a time, every other pair from `first` on.
double ratio(const std::vector<double>& one, const std::vector<double>& other, std::size_t first) {
  std::vector<double> ratios;
  for (std::size_t round = 2 * first; round + 1 < one.size(); round += 4)
    ratios.push_back((one[round] + one[round + 1]) / (other[round] + other[round + 1]));
  return median(ratios);
}

// What chosen plans reach of the best: 1 where it is the best.
struct Shares {
  double model = 0, measured = 0;
};

Shares shares_of_best(const EdgeArrays& edges, const Array& features, const Array& labels, const GcnShape& shape) {
  const auto made = [&](Order order, std::int64_t bits) {
    GcnStep step(edges, features, labels, shape, order, bits);
    std::string hash = structural_hash(step.graph()).hex();
    return Plan{std::move(step), std::move(hash)};
  };
  Plan chosen = made(Order::by_cost, -1), measured = made(Order::measured, -1);
  const double loss = chosen.step.run();
  std::vector<Plan> plans;
  std::set<std::string> seen;  // different choices may give one program
  for (std::int64_t bits = 0; bits < std::int64_t{1} << chains; ++bits) {
    Plan plan = made(Order::by_cost, bits);
    if (!seen.insert(plan.hash).second) continue;
    if (const double mine = plan.step.run(); !(std::abs(mine - loss) <= 1e-5 * std::abs(loss)))
      throw Error(fmt::format("losses differ: {} and {}", mine, loss), fmt::format("plan {}", bits));
    plan.ratio = quick_ratio(plan.step, chosen.step);
    plans.push_back(std::move(plan));
    std::ranges::sort(plans, {}, &Plan::ratio);
    if (plans.size() > finalists) plans.pop_back();
  }
  std::erase_if(plans, [&](const Plan& plan) { return plan.hash == chosen.hash || plan.hash == measured.hash; });
  const std::size_t by_measuring = measured.hash == chosen.hash ? 0 : 1;
  if (by_measuring == 1) plans.insert(plans.begin(), std::move(measured));
  plans.insert(plans.begin(), std::move(chosen));

  std::vector<Candidate> candidates;
  for (Plan& plan : plans) {
    const auto steps = std::make_shared<std::vector<GcnStep>>();
    steps->push_back(std::move(plan.step));
    while (steps->size() < instances) steps->push_back(steps->front().again());
    candidates.push_back({plan.hash, [steps, next = std::size_t{0}]() mutable { (*steps)[next++ % instances].run(); }});
  }
  const auto seconds = interleave(candidates, {.rounds = 120, .seconds = 0.04, .clock = Clock::thread});
  std::size_t best = 0;
  for (std::size_t i = 0; i < seconds.size(); ++i) {
    if (ratio(seconds[i], seconds[0], 0) < ratio(seconds[best], seconds[0], 0)) best = i;
  }
  return {ratio(seconds[best], seconds[0], 1), ratio(seconds[best], seconds[by_measuring], 1)};
}

void run(Rows& rows) {
  const Threads one(1);
  int cells = 0;
  Shares near;
  for (const bool dense : {false, true}) {
    const gnn::GraphData data = dense ? gnn::reddit_like(1, 0.03) : gnn::arxiv_like(1, 0.06);
    const EdgeArrays edges(data.graph);
    for (const std::int64_t features : {16, 64, 256}) {
      for (const std::int64_t hidden : {16, 64, 128}) {
        const Shares shares = shares_of_best(edges, random_array({data.graph.vertices(), features}, 1), data.labels,
                                             {.features = features, .hidden = hidden, .classes = 41, .layers = 3});
        rows.add({.name = fmt::format("{}, {} features, hidden {}", dense ? "denser" : "arxiv-like", features, hidden),
                  .metric = "of best",
                  .ours = shares.measured,
                  .other = shares.model,
                  .other_name = "by the cost model alone",
                  .ratio = shares.measured});
        ++cells;
        near.model += shares.model >= near_enough ? 1 : 0;
        near.measured += shares.measured >= near_enough ? 1 : 0;
      }
    }
  }
  rows.add({.name = fmt::format("cells within 3 % of the best of all plans, of {}", cells),
            .metric = "part",
            .ours = near.measured / cells,
            .other = near.model / cells,
            .other_name = "by the cost model alone",
            .ratio = near.measured / cells,
            .target = 0.95});
}

const RegisterTopic topic{
    {"plans", "the order of a GCN's products that is chosen against all that there are, each run; takes minutes", run}};

}  // namespace
}  // namespace neap::bench::plans_topic
