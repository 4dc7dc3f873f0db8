// Computes what depends on fixed inputs alone (a graph's structure and features, frozen weights) once, and keeps it from run to run: the
// aggregate of a graph network's first layer, edges' weights in the order by columns. Kept is what is dearer to make than to read; what
// depends on anything that a run brings anew (a batch, a dropout's seed, a parameter) cannot be.
#include <fmt/format.h>

#include <algorithm>

#include "neap/base/progress.h"
#include "neap/transform/fixed.h"
#include "neap/transform/transformation.h"

namespace neap::keep_fixed_transformation {
namespace {

constexpr double dearer = 1.5;         // times the reading of a result, from which on keeping it pays
constexpr double worth_a_word = 1e-4;  // seconds of a node from which on it is said why it is not kept

class Keeping {
 public:
  Keeping(Graph& graph, double most_bytes, Pass& pass)
      : graph_(graph), uses_(graph), fixed_(fixed_values(graph)), most_bytes_(most_bytes), pass_(pass), chain_(fixed_.size(), 0) {}

  int run() {
    for (std::size_t i = 0; i < graph_.nodes().size(); ++i) look_at(i);
    return edits_;
  }

 private:
  void look_at(std::size_t at) {
    const Node node = *graph_.nodes()[at];
    if (node.kept) return;
    if (!depends_on_fixed_alone(graph_, node, fixed_)) {
      explain(node);
      return;
    }
    // What it takes to make the result from what is there anyway.
    double seconds = pass_.model.node(graph_, node).seconds - pass_.model.start_seconds(), bytes = 0;
    for (const ValueId id : node.inputs) seconds += id == no_value ? 0 : chain_[static_cast<std::size_t>(id)];
    for (const ValueId id : node.outputs) bytes += pass_.model.bytes(graph_.type(id));
    if (seconds < dearer * pass_.model.copy_seconds(bytes)) {
      for (const ValueId id : node.outputs) chain_[static_cast<std::size_t>(id)] = seconds;
      return;
    }
    if (bytes > most_bytes_) {
      pass_.refuse(graph_, node,
                   fmt::format("its result takes {:.3g} MB of the {:.3g} that are left to keep things in", bytes / 1e6, most_bytes_ / 1e6));
      return;
    }
    keep(at);
  }

  // With all that it is made of.
  void keep(std::size_t at) {
    Node node = *graph_.nodes()[at];
    if (node.kept) return;
    const double seconds = pass_.model.node(graph_, node).seconds;
    node.kept = true;
    for (const ValueId id : node.inputs) {
      const int maker = id == no_value ? -1 : uses_.producer(id);
      if (maker >= 0) keep(static_cast<std::size_t>(maker));
    }
    double bytes = 0;
    for (const ValueId id : node.outputs) bytes += pass_.model.bytes(graph_.type(id));
    most_bytes_ -= bytes;
    pass_.made(graph_, node,
               fmt::format("depends on fixed inputs alone: {} are kept, and {:.4g} us are not spent again in each run", human_bytes(bytes),
                           seconds * 1e6));
    graph_.replace_node(at, std::move(node));
    ++edits_;
  }

  // A dear node that would be kept but for some operands.
  void explain(const Node& node) {
    const auto is_fixed = [&](ValueId id) { return id != no_value && fixed_[static_cast<std::size_t>(id)] != 0; };
    if (std::none_of(node.inputs.begin(), node.inputs.end(), is_fixed) || pass_.model.node(graph_, node).seconds < worth_a_word) return;
    const std::vector<char> below = all_below(node);
    std::string changing;
    for (const Input& input : graph_.inputs) {
      if (input.role != Role::fixed && changing.size() < 80 && below[static_cast<std::size_t>(input.value)] != 0)
        changing += (changing.empty() ? "'" : ", '") + input.name + "'";
    }
    if (!changing.empty()) pass_.refuse(graph_, node, "it depends on " + changing + ", given anew in every run");
  }

  // By value: whether the node depends on it.
  std::vector<char> all_below(const Node& node) const {
    std::vector<ValueId> stack(node.inputs.begin(), node.inputs.end());
    std::vector<char> seen(fixed_.size(), 0);
    while (!stack.empty()) {
      const ValueId id = stack.back();
      stack.pop_back();
      if (id == no_value || seen[static_cast<std::size_t>(id)]++ != 0) continue;
      const int maker = uses_.producer(id);
      if (maker < 0) continue;
      const auto& inputs = graph_.nodes()[static_cast<std::size_t>(maker)]->inputs;
      stack.insert(stack.end(), inputs.begin(), inputs.end());
    }
    return seen;
  }

  Graph& graph_;
  const Uses uses_;
  const std::vector<char> fixed_;
  double most_bytes_;
  Pass& pass_;
  std::vector<double> chain_;  // by value: seconds to make it, where it is not kept
  int edits_ = 0;
};

const RegisterTransformation keep_fixed{
    {.name = "keep_fixed",
     .level = 4,
     .about = "computes once, and keeps from run to run, what depends on fixed inputs alone",
     .parameters = {{"most_mb", 4096, 0, std::int64_t{1} << 30, "most memory to keep things in, in MB"}},
     .needs_gain = false,
     .apply_everywhere = [](Graph& graph, const Parameters& parameters, Pass& pass) {
       return Keeping(graph, static_cast<double>(parameters.at("most_mb")) * 1e6, pass).run();
     }}};

}  // namespace
}  // namespace neap::keep_fixed_transformation
