// Applies transformations to a graph and keeps the history: what was done, what it saved, why not elsewhere; every step can be undone.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "neap/transform/recipe.h"
#include "neap/transform/transformation.h"

namespace neap {

struct Step {
  std::string transformation;
  int level = 0;
  std::string place;  // names of the nodes, as they were
  Site site;
  Parameters parameters;
  int edits = 1;       // more than one where a pass went over the whole graph
  Cost before, after;  // of the whole graph, modelled
  Draft::Mark mark = 0;
  std::vector<Made> made = {};  // where such a pass chose between ways: each place, and what decided
};

// What an edit would do, without doing it.
struct Prediction {
  std::string reason;  // why it does not fit; empty where it does
  Cost before, after;  // of the nodes that it touches
};

// How to look for better parameters of kernels by running them: see tune.h.
struct TuneOptions {
  double seconds = 30;                                                            // of measuring, about
  std::function<void(double seconds, const std::string& note)> report = nullptr;  // as time goes by: the time since the last report
  // Of a run, in the graph's order; they are not written into. Given: ways of whole passes are measured, too, ahead of all else. Without
  // them they cannot be: what moves is decided by positions in the data.
  std::vector<Array> inputs = {};
};
struct Tuning {
  int kernels = 0;               // distinct ones that were looked at
  int measured = 0;              // of which so many by running them; what was found for the others was known
  int changed = 0;               // that are better with other parameters
  int left = 0;                  // for which there was no time
  int ways = 0;                  // of whole passes, that were run
  double before = 0, after = 0;  // seconds of what was measured, once each
};

// What `optimize` is to do.
struct OptimizeOptions {
  int level = highest_level;      // 1 to 4 include the lower ones; 0: only what is needed to run
  bool libraries = true;          // false: every call becomes a map
  std::int64_t memory_bytes = 0;  // most that the values between nodes may take, at the sizes of the cost model; 0: no budget
  Recipe recipe = default_recipe();
  std::optional<TuneOptions> tune = std::nullopt;  // given: by measuring, when all else is done
};

class Optimizer {
 public:
  explicit Optimizer(Graph graph, CostModel model = CostModel());

  const Graph& graph() const;
  const CostModel& model() const { return model_; }
  const std::vector<Step>& steps() const { return steps_; }
  const std::vector<Refusal>& refusals() const { return refusals_; }
  const Cost& cost() const { return cost_; }
  const Tuning& tuning() const { return tuning_; }  // of the last `optimize`

  std::vector<Site> sites(const Transformation& transformation) const;  // none of a pass over the whole graph
  std::string check(const Transformation& transformation, const Site& site, const Parameters& parameters = {});
  Prediction predict(const Transformation& transformation, const Site& site, const Parameters& parameters = {});
  // Applies at one site; Error with the reason where it does not fit.
  void apply(const Transformation& transformation, const Site& site, const Parameters& parameters = {});
  // Applies wherever it fits and pays, until nothing changes; gives the number of edits. What does not fit or pay is kept as a refusal.
  int apply_all(const Transformation& transformation, const Parameters& parameters = {});
  void undo();  // the last step; Error if there is none
  // Runs a recipe. Error, which says what could be reached, where the memory between nodes stays over the budget.
  void optimize(const OptimizeOptions& options);
  void optimize(int level = highest_level, bool libraries = true) { optimize(OptimizeOptions{.level = level, .libraries = libraries}); }

  // The history as text, a line a step: "fuse_vertical at %4 -> %7". `replay` applies such text to another graph like the first.
  std::string history() const;
  void replay(const std::string& history);

  // The history for people: each step with what it saves, and why the other sites were left alone.
  std::string explain() const;

  // Verifies the graph's rules after every edit (slow): for finding what broke it. On from the start where NEAP_VERIFY is switched on.
  void set_verifying(bool on) { verifying_ = on; }

 private:
  struct Attempt {
    std::string reason;            // why it does not fit or pay; empty: it was applied
    Draft::Difference difference;  // where it was
  };
  // `nodes` are those at the site, parameters complete.
  Attempt try_site(const Transformation& transformation, const Site& site, const std::vector<NodePtr>& nodes, const Parameters& parameters);
  // Why an edit gains less than such a part of the time with all operands in cache; empty where it gains more.
  std::string refused_in_cache(const Draft::Difference& difference, double least) const;
  int pass(const Transformation& transformation, const Parameters& parameters);
  void require_memory(std::int64_t budget) const;
  void record(const Transformation& transformation, const Site& site, const Parameters& parameters, int edits, std::string place,
              Draft::Mark mark, const Cost& change);
  Cost cost_of(const Graph& graph, const std::vector<NodePtr>& nodes);  // computed once a node
  void forget_costs(const std::vector<NodePtr>& nodes);
  std::vector<NodePtr> nodes_at(const Site& site) const;  // as they are now; null where there is none
  std::string place_of(const Site& site, const std::vector<NodePtr>& nodes) const;

  Draft draft_;
  CostModel model_;
  Cost cost_;
  std::unordered_map<NodePtr, Cost> costs_;  // of nodes that are or were in the graph: it keeps them, so that no other takes their address
  std::vector<Step> steps_;
  std::vector<Refusal> refusals_;
  Tuning tuning_;
  bool verifying_ = false;
  mutable std::optional<Graph> graph_;  // as of the last step
};

}  // namespace neap
