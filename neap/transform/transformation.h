// transform/: edits of a graph that make it cheaper. Each says where it applies, why not elsewhere, and what it saves; each can be undone.
#pragma once
#include <functional>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "neap/transform/cost.h"
#include "neap/transform/draft.h"

namespace neap {

// A place in a graph: nodes, named by their first outputs (which edits elsewhere do not change).
struct Site {
  std::vector<ValueId> at;
  std::string to_string() const;  // "%4 -> %7"
  bool operator==(const Site&) const = default;
};

struct ParameterSpec {
  std::string name;
  std::int64_t default_value = 0, least = 0, most = 0;  // typed ranges serve the tuner and the viewer alike
  std::string about;
};
using Parameters = std::map<std::string, std::int64_t, std::less<>>;

// Where an edit was not made, and why.
struct Refusal {
  std::string transformation;
  int level = 0;
  std::string place, reason;
};

// One edit of a pass over a whole graph: where it was made, and why.
struct Made {
  std::string place, reason;
};

// What a pass over a whole graph is given, and where it says what it did and what it left alone.
struct Pass {
  const CostModel& model;
  std::vector<Made> edits = {};
  std::vector<Refusal> refusals = {};
  void made(const Graph& graph, const Node& node, std::string reason);
  void refuse(const Graph& graph, const Node& node, std::string reason);
};

// Of a pass over a whole graph that chooses between ways to compute the same: for who measures them (measured_ways.h).
struct Ways {
  std::string parameter;  // that names a way; negative: the pass chooses by cost
  // At most so many: those that the cost model finds nearly as quick as the best, the best first; where the parameter names one, those that
  // differ from it in one place, or in two that have something in common. None where there is no choice.
  std::function<std::vector<std::int64_t>(const Graph&, const Parameters&, const CostModel&, std::size_t most)> find = nullptr;
};

struct Transformation {
  std::string name;   // "fuse_vertical"
  int level = 1;      // 1 inside an operator, 2 between neighbours, 3 across a region, 4 across the program
  std::string about;  // one line
  std::vector<ParameterSpec> parameters;
  // An edit at a site: where it might apply, in the order in which to try; and the edit itself, which gives "", or gives the reason why it
  // does not fit, having changed nothing. Sites may be stale: a site of another graph is refused, never misread. Parameters are complete.
  std::function<std::vector<Site>(const Draft&)> find;
  std::function<std::string(Draft&, const Site&, const Parameters&)> apply;
  bool needs_gain = true;  // keep an edit only where the cost model sees a gain (false: always worth it)
  // Of which this part of the time that it saves on must be gained also where all operands are in cache: for edits that move less but
  // compute slower. A third of it is enough of what then takes over a millisecond. 0: it does not matter.
  double gain_in_cache = 0;
  // In place of the two above: a pass over the whole graph, linear in its size; gives how many edits it made. A node whose operands' or
  // results' types it changes must become a new node (`replace_node`): costs are kept by node.
  std::function<int(Graph&, const Parameters&, Pass&)> apply_everywhere;
  Ways ways = {};
};

// `static const RegisterTransformation x{{.name = ...}};`
struct RegisterTransformation {
  explicit RegisterTransformation(Transformation transformation);
};
const Transformation& find_transformation(std::string_view name);  // Error with the names there are
std::vector<const Transformation*> all_transformations();          // by level, then name

std::string node_name(const Graph& graph, const Node& node);  // "%12 swish (block3/expand)"; of the graph only the values are looked at

}  // namespace neap
