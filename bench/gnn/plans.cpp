// The plan that is chosen for the products of a GCN's step, by the cost model and by measuring what it finds nearly alike, against the best
// of all legal plans, each run: three layers, one thread. Every plan runs a few times; those near the quickest then run in turns with the
// chosen ones. Rounds are compared with themselves, and the best is picked by some of them and judged by the others: else noise picks it.
#include <cmath>

#include "bench/core/graphs.h"
#include "bench/demo_step.h"
#include "bench/gnn/gcn_step.h"
#include "bench/harness.h"
#include "neap/base/error.h"

namespace neap::bench::plans_topic {
namespace {

constexpr int chains = 8;             // of three layers: forward, gradients of weights, gradients of features but the first layer's
constexpr std::size_t finalists = 5;  // that run in turns with the chosen plan
constexpr double near_enough = 1 / 1.03;

struct Plan {
  GcnStep step;
  double seconds = 0;
};

// By how much the first takes longer, by rounds from `first` on, each other one.
double ratio(const std::vector<double>& one, const std::vector<double>& other, std::size_t first) {
  std::vector<double> ratios;
  for (std::size_t round = first; round < one.size(); round += 2) ratios.push_back(one[round] / other[round]);
  return median(ratios);
}

// What chosen plans reach of the best: 1 where it is the best.
struct Shares {
  double model = 0, measured = 0;
};

Shares shares_of_best(const EdgeArrays& edges, const Array& features, const Array& labels, const GcnShape& shape) {
  std::vector<Plan> plans;
  std::map<std::string, double> seen;  // different choices may give one program
  GcnStep chosen(edges, features, labels, shape, Order::by_cost), measured(edges, features, labels, shape, Order::measured);
  const double loss = chosen.run();
  const std::string by_model = structural_hash(chosen.graph()).hex(), by_measuring = structural_hash(measured.graph()).hex();
  for (std::int64_t bits = 0; bits < std::int64_t{1} << chains; ++bits) {
    GcnStep step(edges, features, labels, shape, Order::by_cost, bits);
    if (!seen.emplace(structural_hash(step.graph()).hex(), 0).second) continue;
    if (const double mine = step.run(); !(std::abs(mine - loss) <= 1e-5 * std::abs(loss)))
      throw Error(fmt::format("losses differ: {} and {}", mine, loss), fmt::format("plan {}", bits));
    double seconds = once_seconds([&] { step.run(); });
    for (int again = 0; again < 4; ++again) seconds = std::min(seconds, once_seconds([&] { step.run(); }));
    plans.push_back({std::move(step), seconds});
    std::ranges::sort(plans, {}, &Plan::seconds);
    if (plans.size() > finalists) plans.pop_back();
  }
  std::vector<Candidate> candidates{{"by the model", [&] { chosen.run(); }}};
  if (by_measuring != by_model) candidates.push_back({"by measuring", [&] { measured.run(); }});
  for (Plan& plan : plans) {
    const std::string hash = structural_hash(plan.step.graph()).hex();
    if (hash != by_model && hash != by_measuring) candidates.push_back({"other", [&plan] { plan.step.run(); }});
  }
  const auto seconds = interleave(candidates, {.rounds = 60, .seconds = 0.04, .clock = Clock::thread});
  const std::vector<double>&model = seconds[0], &measuring = seconds[by_measuring == by_model ? 0 : 1];
  std::size_t best = 0;
  for (std::size_t i = 0; i < seconds.size(); ++i) {
    if (ratio(seconds[i], model, 0) < ratio(seconds[best], model, 0)) best = i;
  }
  return {ratio(seconds[best], model, 1), ratio(seconds[best], measuring, 1)};
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
