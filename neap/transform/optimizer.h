// Applies transformations to a graph and keeps the history: what was done, what it saved, why not elsewhere; every step can be undone.
#pragma once
#include <string>
#include <vector>

#include "neap/transform/cost.h"
#include "neap/transform/transformation.h"

namespace neap {

struct Step {
  std::string transformation;
  int level = 0;
  std::string place;  // names of the nodes, as they were
  Site site;
  Parameters parameters;
  int edits = 1;       // more than one where a whole pass was applied at once
  Cost before, after;  // of the whole graph, modelled
  Graph previous;      // shares nodes and values with the graph after it
};

struct Refusal {
  std::string transformation;
  int level = 0;
  std::string place, reason;
};

class Optimizer {
 public:
  explicit Optimizer(Graph graph, CostModel model = CostModel());

  const Graph& graph() const { return graph_; }
  const CostModel& model() const { return model_; }
  const std::vector<Step>& steps() const { return steps_; }
  const std::vector<Refusal>& refusals() const { return refusals_; }
  const Cost& cost() const { return cost_; }

  // Applies at one site; Error with the reason where it does not fit.
  void apply(const Transformation& transformation, const Site& site, const Parameters& parameters = {});
  // Applies wherever it fits and pays, until nothing changes; gives the number of edits. What does not fit or pay is kept as a refusal.
  int apply_all(const Transformation& transformation);
  void undo();  // the last step; Error if there is none
  // Runs the recipe for `level` (1 to 4 include the lower ones; 0: only what is needed to run).
  void optimize(int level = 4);

  // The history as text, a line a step: "fuse_vertical at %4 -> %7". `replay` applies such text to another graph like the first.
  std::string recipe() const;
  void replay(const std::string& recipe);

 private:
  bool try_site(const Transformation& transformation, const Site& site);
  void record(const Transformation& transformation, const Site& site, const Parameters& parameters, int edits, std::string place,
              Graph previous);

  Graph graph_;
  CostModel model_;
  Cost cost_;
  std::vector<Step> steps_;
  std::vector<Refusal> refusals_;
};

// Cost of the nodes of `after` that are not in `before`, and the other way round: what an edit changed.
Cost changed_cost(const CostModel& model, const Graph& before, const Graph& after);

}  // namespace neap
