// Puts the weights of products with a transpose into the order by columns, once: the product then reads them one behind the other, in place
// of one here and one there for each entry, and is one by rows. Weights that are inputs or fixed only: those of a pattern serve every
// layer and, fixed, every step. Weights that a step computes (attention) would become one more array of the size of the edges.
#include <algorithm>

#include "neap/base/progress.h"
#include "neap/transform/call_edit.h"
#include "neap/transform/fixed.h"
#include "neap/transform/transformation.h"

namespace neap::order_weights_transformation {
namespace {

enum Operand : std::uint8_t { features, weights, offsets, columns, t_offsets, t_rows, t_order };

class Ordering {
 public:
  explicit Ordering(Graph& graph) : graph_(graph), uses_(graph), fixed_(fixed_values(graph)) {}

  int run(Pass& pass) {
    int edits = 0;
    for (std::size_t i = 0; i < graph_.nodes().size(); ++i) {
      const Node& node = *graph_.nodes()[i];
      const auto transposed = node.attributes.find("transpose");
      if (!is_call_of(node, "spmm") || transposed == node.attributes.end() || !std::get<bool>(transposed->second)) continue;
      if (const ValueId id = node.inputs[weights]; id != no_value && uses_.producer(id) >= 0 && fixed_[static_cast<std::size_t>(id)] == 0) {
        pass.refuse(graph_, node, "its weights are computed in each run: in another order they would be one more array of all edges");
        continue;
      }
      const ValueId id = node.inputs[weights];
      pass.made(graph_, node,
                id == no_value ? "by rows of the transposed pattern"
                               : "by rows: " + human_bytes(pass.model.bytes(graph_.type(id))) + " of weights are put into that order once");
      edit_.before[i] = by_rows(node);
      edit_.erase.insert(i);
      ++edits;
    }
    if (edits > 0) apply(graph_, edit_);
    return edits;
  }

 private:
  // What the node computes, as a product with the pattern of its columns.
  std::vector<Node> by_rows(Node node) {
    std::vector<Node> nodes;
    if (const ValueId id = node.inputs[weights]; id != no_value) {
      Node ordered;
      ordered.op = "embedding";
      ordered.inputs = {id, node.inputs[t_order]};
      ordered.outputs = {graph_.add_value(graph_.type(id))};
      ordered.origin = node.origin;
      node.inputs[weights] = ordered.outputs[0];
      nodes.push_back(std::move(ordered));
    }
    node.inputs = {node.inputs[features], node.inputs[weights], node.inputs[t_offsets], node.inputs[t_rows]};
    node.attributes.erase("transpose");
    nodes.push_back(std::move(node));
    return nodes;
  }

  Graph& graph_;
  const Uses uses_;
  const std::vector<char> fixed_;
  Edit edit_;
};

const RegisterTransformation order_weights{
    {.name = "order_weights",
     .level = 3,
     .about = "puts the weights of products with a transpose into the order by columns, once",
     .needs_gain = false,
     .apply_everywhere = [](Graph& graph, const Parameters&, Pass& pass) { return Ordering(graph).run(pass); }}};

}  // namespace
}  // namespace neap::order_weights_transformation
