// transform/: edits of a graph that make it cheaper. Each says where it applies, why not elsewhere, and what it saves; each can be undone.
#pragma once
#include <functional>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "neap/ir/graph.h"

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

struct Transformation {
  std::string name;   // "fuse_vertical"
  int level = 1;      // 1 inside an operator, 2 between neighbours, 3 across a region, 4 across the program
  std::string about;  // one line
  std::vector<ParameterSpec> parameters;
  // Where it might apply, in the order in which to try.
  std::function<std::vector<Site>(const Graph&)> find;
  // Why it does not fit at a site; empty where it does. Sites may be stale: a site of another graph is refused, never misread.
  std::function<std::string(const Graph&, const Site&)> check;
  // Changes the graph at a site that fits.
  std::function<void(Graph&, const Site&, const Parameters&)> apply;
  // Keep only where the cost model sees a gain (false: always worth it, such as dead code).
  bool needs_gain = true;
  // Optional: every site in one linear pass, for what would be slow one by one; gives how many edits it made.
  std::function<int(Graph&)> apply_everywhere;
};

// `static const RegisterTransformation x{{.name = ...}};`
struct RegisterTransformation {
  explicit RegisterTransformation(Transformation transformation);
};
const Transformation& find_transformation(std::string_view name);  // Error with the names there are
std::vector<const Transformation*> all_transformations();          // by level, then name

// Helpers shared by transformations.
int position_of(const Graph& graph, ValueId first_output);    // -1 where there is no such node
std::string node_name(const Graph& graph, const Node& node);  // "%12 swish (block3/expand)"

}  // namespace neap
