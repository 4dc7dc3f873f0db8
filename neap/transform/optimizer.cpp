#include "neap/transform/optimizer.h"

#include <algorithm>
#include <utility>

#include "neap/base/environment.h"
#include "neap/base/error.h"
#include "neap/runtime/memory_plan.h"
#include "neap/transform/measured_ways.h"
#include "neap/transform/tune.h"

namespace neap {
namespace {

void require_sites(const Transformation& transformation) {
  if (transformation.apply == nullptr) {
    throw Error(fmt::format("{} is a pass over the whole graph", transformation.name), "", "apply it without a site");
  }
}

struct Tried {
  Site site;
  int when = 0;  // how many edits there were
  std::vector<NodePtr> nodes;
  std::string reason;  // empty: it was applied later
};

// Sites that were refused: they stay refused until something near them changes, so that rounds end quickly.
class Refused {
 public:
  std::optional<std::size_t> find(const Site& site) const {
    const auto first = static_cast<std::size_t>(site.at[0]);
    for (int i = first < newest_.size() ? newest_[first] : -1; i >= 0; i = entries_[static_cast<std::size_t>(i)].next) {
      if (entries_[static_cast<std::size_t>(i)].tried.site == site) return static_cast<std::size_t>(i);
    }
    return std::nullopt;
  }
  Tried& at(std::size_t entry) { return entries_[entry].tried; }
  void put(const std::optional<std::size_t>& known, Tried tried) {
    if (known) return void(entries_[*known].tried = std::move(tried));
    const auto first = static_cast<std::size_t>(tried.site.at[0]);
    if (first >= newest_.size()) newest_.resize(2 * first + 1, -1);
    entries_.push_back({std::move(tried), std::exchange(newest_[first], static_cast<int>(entries_.size()))});
  }
  std::vector<Tried> in_order() && {
    std::vector<Tried> all;
    for (Entry& entry : entries_) {
      if (!entry.tried.reason.empty()) all.push_back(std::move(entry.tried));
    }
    std::sort(all.begin(), all.end(), [](const Tried& a, const Tried& b) { return a.site.at < b.site.at; });
    return all;
  }

 private:
  struct Entry {
    Tried tried;
    int next;  // of those with the same first node; -1: none
  };
  std::vector<Entry> entries_;
  std::vector<int> newest_;  // by first node
};

}  // namespace

Optimizer::Optimizer(Graph graph, CostModel model) : draft_(std::move(graph)), model_(std::move(model)) {
  constexpr std::size_t edits = 2;  // that each node sees, about
  costs_.reserve(this->graph().nodes().size() * (1 + edits));
  cost_ = cost_of(this->graph(), this->graph().nodes());
  verifying_ = is_switched_on("NEAP_VERIFY");
}

const Graph& Optimizer::graph() const {
  if (!graph_) graph_ = draft_.graph();
  return *graph_;
}

std::vector<NodePtr> Optimizer::nodes_at(const Site& site) const {
  std::vector<NodePtr> nodes;
  for (const ValueId id : site.at) nodes.push_back(draft_.producer(id) < 0 ? nullptr : draft_.pointer(draft_.producer(id)));
  return nodes;
}

std::string Optimizer::place_of(const Site& site, const std::vector<NodePtr>& nodes) const {
  constexpr std::size_t usual = 64;
  std::string text;
  text.reserve(usual);
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (i > 0) text += " -> ";
    text += nodes[i] == nullptr ? fmt::format("%{}", site.at[i]) : node_name(draft_.shell(), *nodes[i]);
  }
  return text;
}

Cost Optimizer::cost_of(const Graph& graph, const std::vector<NodePtr>& nodes) {
  Cost total;
  for (const NodePtr& node : nodes) {
    const auto [known, fresh] = costs_.try_emplace(node);
    if (fresh) known->second = model_.node(graph, *node);
    total += known->second;
  }
  return total;
}

void Optimizer::forget_costs(const std::vector<NodePtr>& nodes) {
  for (const NodePtr& node : nodes) costs_.erase(node);
}

void Optimizer::record(const Transformation& transformation, const Site& site, const Parameters& parameters, int edits, std::string place,
                       Draft::Mark mark, const Cost& change) {
  Step step{transformation.name, transformation.level, std::move(place), site, parameters, edits, cost_, cost_, mark};
  step.after += change;
  cost_ = step.after;
  steps_.push_back(std::move(step));
  graph_.reset();
  if (!verifying_) return;
  try {
    verify(graph());
  } catch (const Error& error) {
    throw Error("an edit broke the graph: " + error.problem(), transformation.name + " at " + steps_.back().place + ", " + error.place(),
                "this is a fault of the transformation");
  }
}

std::vector<Site> Optimizer::sites(const Transformation& transformation) const {
  return transformation.find == nullptr ? std::vector<Site>{} : transformation.find(draft_);
}

Prediction Optimizer::predict(const Transformation& transformation, const Site& site, const Parameters& parameters) {
  require_sites(transformation);
  const Draft::Mark mark = draft_.mark();
  Prediction prediction;
  prediction.reason = transformation.apply(draft_, site, complete(transformation, parameters));
  if (prediction.reason.empty()) {
    const Draft::Difference difference = draft_.since(mark);
    prediction.before = cost_of(draft_.shell(), difference.gone);
    prediction.after = cost_of(draft_.shell(), difference.made);
    forget_costs(difference.made);
  }
  draft_.rollback(mark);
  return prediction;
}

std::string Optimizer::check(const Transformation& transformation, const Site& site, const Parameters& parameters) {
  return predict(transformation, site, parameters).reason;
}

void Optimizer::apply(const Transformation& transformation, const Site& site, const Parameters& parameters) {
  require_sites(transformation);
  const Parameters all = complete(transformation, parameters);
  const Draft::Mark mark = draft_.mark();
  std::string place = place_of(site, nodes_at(site));
  if (const std::string reason = transformation.apply(draft_, site, all); !reason.empty()) {
    throw Error(fmt::format("{} does not fit: {}", transformation.name, reason), place, "`neap optimize --explain` lists the sites");
  }
  const Draft::Difference difference = draft_.since(mark);
  const Cost change = cost_of(draft_.shell(), difference.made) - cost_of(draft_.shell(), difference.gone);
  record(transformation, site, parameters, 1, std::move(place), mark, change);
}

std::string Optimizer::refused_in_cache(const Draft::Difference& difference, double least) const {
  const CostModel model = model_.in_cache();
  const auto seconds_of = [&](const std::vector<NodePtr>& nodes) {
    double seconds = 0;
    for (const NodePtr& node : nodes) seconds += model.node(draft_.shell(), *node).seconds;
    return seconds;
  };
  const double before = seconds_of(difference.gone), after = seconds_of(difference.made);
  constexpr double is_long = 1e-3;  // of which a third is enough: what calls and first reads take is little of it
  if (after <= (1 - (after > is_long ? least / 3 : least)) * before) return "";
  return fmt::format("it would take {:.3g} in place of {:.3g} us with its operands in cache", after * 1e6, before * 1e6);
}

Optimizer::Attempt Optimizer::try_site(const Transformation& transformation, const Site& site, const std::vector<NodePtr>& nodes,
                                       const Parameters& parameters) {
  const Draft::Mark mark = draft_.mark();
  Attempt attempt{transformation.apply(draft_, site, parameters), {}};
  if (attempt.reason.empty()) {
    attempt.difference = draft_.since(mark);
    const Cost change = cost_of(draft_.shell(), attempt.difference.made) - cost_of(draft_.shell(), attempt.difference.gone);
    if (change.seconds >= 0 && transformation.needs_gain) {
      attempt.reason = fmt::format("it would cost {:.3g} us more ({:+.3g} kB, {:+.3g} kflop)", change.seconds * 1e6, change.bytes / 1e3,
                                   change.flops / 1e3);
    } else if (transformation.gain_in_cache > 0) {
      attempt.reason = refused_in_cache(attempt.difference, transformation.gain_in_cache);
    }
    if (attempt.reason.empty()) {
      record(transformation, site, parameters, 1, place_of(site, nodes), mark, change);
      return attempt;
    }
    forget_costs(attempt.difference.made);
  }
  draft_.rollback(mark);
  return attempt;
}

int Optimizer::pass(const Transformation& transformation, const Parameters& parameters) {
  const Draft::Mark mark = draft_.mark();
  Graph changed = graph();
  Pass pass{model_};
  const int edits = transformation.apply_everywhere(changed, parameters, pass);
  for (Refusal& refusal : pass.refusals) {
    refusals_.push_back({transformation.name, transformation.level, std::move(refusal.place), std::move(refusal.reason)});
  }
  if (edits == 0) return 0;
  // Both sums go over the same nodes in the same order where nothing changed, so that what stays cancels to the last bit.
  const Cost change = cost_of(changed, changed.nodes()) - cost_of(graph(), graph().nodes());
  draft_.adopt(std::move(changed));
  record(transformation, {}, parameters, edits, "everywhere", mark, change);
  steps_.back().made = std::move(pass.edits);
  return edits;
}

int Optimizer::apply_all(const Transformation& transformation, const Parameters& given) {
  const Parameters parameters = complete(transformation, given);
  if (transformation.apply_everywhere != nullptr) return pass(transformation, parameters);
  Refused refused;
  std::vector<int> changed_at;
  const auto last_change = [&](const Site& site) {
    int last = 0;
    for (const ValueId id : site.at)
      last = std::max(last, id < static_cast<ValueId>(changed_at.size()) ? changed_at[static_cast<std::size_t>(id)] : 0);
    return last;
  };
  int edits = 0;
  for (bool changed = true; changed;) {
    changed = false;
    const int before = edits;
    for (Site& site : transformation.find(draft_)) {
      // What this round has made waits for the next: many small ones become few large ones by doubling, not one by one.
      const int last = last_change(site);
      if (last > before) continue;
      const auto known = refused.find(site);
      if (known && last <= refused.at(*known).when) continue;
      std::vector<NodePtr> nodes = nodes_at(site);
      Attempt attempt = try_site(transformation, site, nodes, parameters);
      if (!attempt.reason.empty()) {
        refused.put(known, {std::move(site), edits, std::move(nodes), std::move(attempt.reason)});
        continue;
      }
      ++edits;
      changed = true;
      if (known) refused.at(*known).reason.clear();
      changed_at.resize(static_cast<std::size_t>(draft_.value_count()), 0);
      for (const std::vector<NodePtr>* moved : {&attempt.difference.gone, &attempt.difference.made}) {
        for (const NodePtr& node : *moved) {
          for (const std::vector<ValueId>* ids : {&node->inputs, &node->outputs}) {
            for (const ValueId id : *ids) {
              if (id != no_value) changed_at[static_cast<std::size_t>(id)] = edits;
            }
          }
        }
      }
    }
  }
  for (Tried& tried : std::move(refused).in_order()) {
    // Places that are still there: the others were overtaken by an edit.
    const std::vector<ValueId>& at = tried.site.at;
    if (std::all_of(at.begin(), at.end(), [&](ValueId id) { return draft_.producer(id) >= 0; }))
      refusals_.push_back({transformation.name, transformation.level, place_of(tried.site, tried.nodes), std::move(tried.reason)});
  }
  return edits;
}

void Optimizer::undo() {
  if (steps_.empty()) throw Error("there is no step to undo");
  draft_.rollback(steps_.back().mark);
  cost_ = steps_.back().before;
  steps_.pop_back();
  graph_.reset();
}

void Optimizer::optimize(const OptimizeOptions& options) {
  draft_.allow_libraries(options.libraries);
  WaysMeasured measured;
  if (options.tune && !options.tune->inputs.empty()) measured = measure_ways(graph(), model_, options);
  for (std::size_t i = 0; i < options.recipe.size(); ++i) {
    const RecipeLine& line = options.recipe[i];
    if (options.level < line.from || options.level > line.to) continue;
    if (!options.libraries && line.transformation == "bind_library") continue;
    Parameters parameters = line.parameters;
    if (const auto found = measured.ways.find(i); found != measured.ways.end())
      parameters[find_transformation(line.transformation).ways.parameter] = found->second;
    if (line.transformation == "recompute" && options.memory_bytes > 0) parameters.emplace("budget_bytes", options.memory_bytes);
    apply_all(find_transformation(line.transformation), parameters);
  }
  if (options.memory_bytes > 0) require_memory(options.memory_bytes);
  if (options.tune) {
    TuneOptions rest = *options.tune;
    rest.seconds = std::max(0.0, rest.seconds - measured.seconds);
    tuning_ = tune(*this, rest);
    tuning_.ways = measured.runs;
  }
}

void Optimizer::require_memory(std::int64_t budget) const {
  const std::int64_t needed = plan_memory(graph(), model_.sizes(graph())).arena_bytes;
  if (needed <= budget) return;
  throw Error(fmt::format("the values between nodes take {} bytes at least, over the budget of {}", needed, budget),
              "graph " + graph().name, fmt::format("give a budget of {} or more, or smaller sizes", needed));
}

}  // namespace neap
