// Keeps memory under a budget by computing cheap values again where they are needed late, in place of keeping them: what the backward pass
// reads of the forward pass. A value is computed again only from what is there anyway, so that nothing else has to live longer for it.
#include <algorithm>
#include <optional>
#include <set>

#include "neap/base/error.h"
#include "neap/base/progress.h"
#include "neap/runtime/memory_plan.h"
#include "neap/transform/inline_map.h"
#include "neap/transform/map_edit.h"
#include "neap/transform/transformation.h"

namespace neap::recompute_transformation {
namespace {

constexpr double most_flops = 64;  // per element: what is computed again costs less than a few bytes of memory traffic

constexpr std::size_t most_priced = 64;  // candidates at a time, the largest

struct Candidate {
  ValueId value = no_value;
  std::int64_t bytes = 0;
  std::vector<ValueId> late;  // first results of the maps that read it after the peak
  double seconds = 0;         // what computing it again costs
};

class Recomputation {
 public:
  Recomputation(Graph& graph, std::int64_t budget, Pass& pass) : graph_(graph), draft_(graph), budget_(budget), pass_(pass) {}

  int run() {
    int edits = 0;
    const std::int64_t before = arena(graph_);
    std::int64_t now = before;
    while (now > budget_) {
      const std::optional<Candidate> candidate = best_at_peak();
      if (!candidate) break;
      const Draft::Mark mark = draft_.mark();
      const NodePtr node = draft_.pointer(draft_.producer(candidate->value));
      compute_again(*candidate);
      const Graph changed = draft_.graph();
      const std::int64_t after = arena(changed);
      if (after > now) {
        draft_.rollback(mark);
        tried_.insert(candidate->value);
        continue;
      }
      pass_.made(draft_.shell(), *node,
                 fmt::format("{} of {} are not kept over the fullest moment: {:.3g} us to compute them again",
                             human_bytes(candidate->bytes), human_bytes(now), candidate->seconds * 1e6));
      graph_ = changed;
      now = after;
      ++edits;
    }
    if (now > budget_ && !graph_.nodes().empty()) {
      pass_.refuse(graph_, *graph_.nodes().back(),
                   fmt::format("{} of {} bytes are over the budget of {}, and nothing more can be computed again from what is kept", now,
                               before, budget_));
    }
    return edits;
  }

 private:
  std::int64_t arena(const Graph& graph) const { return plan_memory(graph, pass_.model.sizes(graph)).arena_bytes; }

  // Of the values that live across the fullest moment and can be computed again after it, the one that saves most bytes a second that it
  // costs.
  std::optional<Candidate> best_at_peak() {
    const MemoryPlan plan = plan_memory(graph_, pass_.model.sizes(graph_));
    std::vector<std::int64_t> live(graph_.nodes().size() + 1, 0);
    for (const Buffer& buffer : plan.buffers) {
      const int last = is_taken_over(plan, buffer) ? buffer.last - 1 : buffer.last;
      for (int at = buffer.first; at <= last; ++at) live[static_cast<std::size_t>(at)] += buffer.bytes;
    }
    const int peak = static_cast<int>(std::max_element(live.begin(), live.end()) - live.begin());
    const Uses uses(graph_);
    std::vector<Candidate> found;
    for (const Buffer& buffer : plan.buffers) {
      if (buffer.first >= peak || buffer.last <= peak || tried_.count(buffer.value) != 0) continue;
      Candidate candidate{buffer.value, buffer.bytes, {}};
      if (can_be_computed_again(plan, uses, buffer, peak, candidate.late)) found.push_back(std::move(candidate));
    }
    std::stable_sort(found.begin(), found.end(), [](const Candidate& a, const Candidate& b) { return a.bytes > b.bytes; });
    if (found.size() > most_priced) found.resize(most_priced);
    for (Candidate& candidate : found) candidate.seconds = price(candidate);
    const auto better = [](const Candidate& a, const Candidate& b) {
      return static_cast<double>(a.bytes) * b.seconds > static_cast<double>(b.bytes) * a.seconds;
    };
    const auto best = std::min_element(found.begin(), found.end(), better);
    return best == found.end() ? std::nullopt : std::optional(*best);
  }

  // Whether the node that reads it for the last time writes over it.
  static bool is_taken_over(const MemoryPlan& plan, const Buffer& buffer) {
    return std::any_of(plan.buffers.begin(), plan.buffers.end(), [&](const Buffer& next) {
      return next.first == buffer.last && next.value != buffer.value && next.offset == buffer.offset;
    });
  }

  double price(const Candidate& candidate) {
    constexpr double least = 1e-9;
    const Draft::Mark mark = draft_.mark();
    compute_again(candidate);
    const Draft::Difference difference = draft_.since(mark);
    double seconds = 0;
    for (const NodePtr& node : difference.made) seconds += pass_.model.node(draft_.shell(), *node).seconds;
    for (const NodePtr& node : difference.gone) seconds -= pass_.model.node(draft_.shell(), *node).seconds;
    draft_.rollback(mark);
    return std::max(seconds, least);
  }

  bool can_be_computed_again(const MemoryPlan& plan, const Uses& uses, const Buffer& buffer, int peak, std::vector<ValueId>& late) const {
    const Node& producer = *graph_.nodes()[static_cast<std::size_t>(uses.producer(buffer.value))];
    if (!producer.is_map() || !producer.map->locals.empty()) return false;
    const Stage& stage = *stage_writing(producer, buffer.value);
    std::string reason;
    if (!pointwise_axes(*producer.map, stage, graph_.type(buffer.value), reason)) return false;
    if (pass_.model.evaluate(flops(stage.value)) > most_flops) return false;
    std::set<std::int64_t> read;
    visit(stage.value, [&](const Expr& e) {
      if (e->op == Scalar::read) read.insert(e->integer);
    });
    for (const std::int64_t operand : read) {
      if (operand < 0) return false;
      const auto kept = plan.of.find(producer.inputs[static_cast<std::size_t>(operand)]);
      if (kept != plan.of.end() && plan.buffers[kept->second].last < buffer.last) return false;
    }
    for (const int at : uses.users(buffer.value)) {
      if (at < peak) continue;
      const Node& reader = *graph_.nodes()[static_cast<std::size_t>(at)];
      if (at == peak || !reader.is_map()) return false;
      late.push_back(reader.outputs[0]);
    }
    return !late.empty();
  }

  void compute_again(const Candidate& candidate) {
    const int producer = draft_.producer(candidate.value);
    const NodePtr node = draft_.pointer(producer);
    for (const ValueId reader : candidate.late) inline_into(draft_, *node, candidate.value, draft_.producer(reader));
    draft_.erase_unused(producer);
  }

  Graph& graph_;
  Draft draft_;
  std::int64_t budget_;
  Pass& pass_;
  std::set<ValueId> tried_;
};

int apply_all(Graph& graph, const Parameters& parameters, Pass& pass) {
  const std::int64_t budget = parameters.at("budget_bytes");
  return budget == 0 ? 0 : Recomputation(graph, budget, pass).run();
}

const RegisterTransformation recompute{
    {.name = "recompute",
     .level = 4,
     .about = "computes cheap values again where the backward pass reads them, while memory is over a budget",
     .parameters = {{"budget_bytes", 0, 0, std::int64_t{1} << 50, "most memory for values between nodes; 0: no budget"}},
     .needs_gain = false,
     .apply_everywhere = apply_all}};

}  // namespace
}  // namespace neap::recompute_transformation
