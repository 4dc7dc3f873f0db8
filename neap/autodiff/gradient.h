// autodiff/: the gradient of a graph, as a graph.
#pragma once
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "neap/ops/builder.h"

namespace neap {

// Looks at, or replaces, the cotangent of a named value before it flows on (gradient clipping, compression, a second loss).
using CotangentHook = std::function<Var(Builder&, const Var& cotangent)>;

struct GradientOptions {
  std::string loss;                            // name of the output to differentiate; empty: the first. One element, floating-point
  std::vector<std::string> with_respect_to;    // names of inputs; empty: all parameters
  std::map<std::string, CotangentHook> hooks;  // by name of a value (an input, or a value named with Graph::set_name)
};

// The graph with one more output "grad/NAME" for each of the inputs, of its type; zeros where the loss does not depend on it. Composites
// without a gradient of their own are written out first. Error naming the node where an operator on the way cannot be differentiated.
Graph gradient(const Graph& graph, const GradientOptions& options = {});

// Vector-Jacobian product: the graph with inputs "cotangent/OUTPUT" added, and outputs "grad/INPUT".
Graph vjp(const Graph& graph, const std::vector<std::string>& outputs, const std::vector<std::string>& with_respect_to);

// Appends what flows back from `cotangents` (of `outputs`) to each of `inputs`; empty where nothing does. The graph may hold only calls
// whose operators have a gradient or are primitive, and maps without locals.
std::vector<Var> backpropagate(Builder& build, const std::vector<Var>& outputs, const std::vector<Var>& cotangents,
                               const std::vector<Var>& inputs, const std::map<ValueId, CotangentHook>& hooks = {});

// The gradient that follows from a map alone: one cotangent an input (empty for integers and where none flows). `outputs` are the map's
// results. Error if the map has locals, or reduces by a product.
std::vector<Var> map_gradient(Builder& build, const Map& map, const std::vector<Var>& inputs, const std::vector<Var>& outputs,
                              const std::vector<Var>& cotangents);

// d op / d args[i], given the call itself (so that exp's derivative is exp); empty where it is zero everywhere.
Expr partial(const Expr& call, std::size_t argument);

}  // namespace neap
