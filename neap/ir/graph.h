// The program: values, and nodes that make them, in an order in which they can run.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

#include "neap/base/array.h"
#include "neap/base/hash.h"
#include "neap/ir/expr.h"
#include "neap/ir/type.h"

namespace neap {

using ValueId = std::int32_t;     // of one graph; never reused in the graphs made from it by edits
constexpr ValueId no_value = -1;  // an optional operand that is absent

using Attribute =
    std::variant<bool, std::int64_t, double, std::string, std::vector<std::int64_t>, std::vector<double>, std::vector<Dim>, DType>;
using Attributes = std::map<std::string, Attribute, std::less<>>;

// ---- maps -------------------------------------------------------------------------------------------------------------------

enum class Accumulate : std::uint8_t { none, sum, max, min };
Reduction reduction_of(Accumulate accumulate);                   // that it folds by; not of `none`
std::optional<Accumulate> accumulation_of(Reduction reduction);  // that folds by it, where there is one

// One assignment inside a map, made for each point of the map's axes and of the stage's own `axes`:
//     target[index...] = value          or, accumulating from 0, -inf or +inf:    target[index...] += value
struct Stage {
  std::vector<Axis> axes;  // inside the map's axes; empty for a plain map
  int target = 0;          // >= 0: the node's output; -1 - k: local k
  std::vector<Expr> index;
  Expr value;
  Accumulate accumulate = Accumulate::none;
};

// A buffer that lives for one point of the map's axes.
struct Local {
  DType dtype = DType::f32;
  Shape shape;
};

// A loop nest: an iteration space and what is done at each of its points, in order. A scope is a map with locals.
// Points of the space are independent: any order, any thread (accumulations are combined in a fixed tree).
struct Map {
  std::vector<Axis> axes;
  std::vector<Local> locals;
  std::vector<Stage> stages;
};

// How a generated loop nest runs; chosen by level-1 transformations, 0 / -1: the generator decides.
struct Schedule {
  std::vector<int> order;  // ids of the map's axes, outermost first
  int vector_axis = -1;    // id
  int vector_width = 0;    // elements
  int parallel_axis = -1;  // id
  int unroll = 0;
  std::map<int, std::int64_t> tile;  // axis id -> size
  bool operator==(const Schedule&) const = default;
};

// ---- nodes ------------------------------------------------------------------------------------------------------------------

// A call of an operator, or a map. Immutable once in a graph.
struct Node {
  std::string op;  // operator's name; empty: a map
  Attributes attributes;
  std::shared_ptr<const Map> map;  // set: a map
  std::vector<ValueId> inputs, outputs;
  std::string implementation;       // calls: which library implementation runs it ("onednn"); empty: not bound
  Schedule schedule;                // maps
  std::vector<std::string> origin;  // which calls of the network as written it came from: "block3/depthwise: conv"
  // Maps fused into a library call: run on the call's (first) output before it is stored. Operand 0 of the expression is the call's result
  // at the output's own index; further operands are inputs[epilogue_first ...].
  std::shared_ptr<const Map> epilogue;
  int epilogue_first = 0;
  bool kept = false;  // depends on fixed inputs alone: computed when these are given, and kept for all runs until they change

  bool is_map() const { return map != nullptr; }
};
using NodePtr = std::shared_ptr<const Node>;

struct Value {
  Type type;
  std::string name;  // inputs and outputs: unique; others may be empty
  // Its elements when known for good: row-major whatever the type's layout, in which whoever stores them for a run lays them
  // (`laid_out` in runtime/relayout.h).
  std::optional<Array> constant;
};

// Given each run; trained; updated by each run (moments, running statistics); the same until another array, not another content, is given.
enum class Role : std::uint8_t { input, parameter, state, fixed };

struct Input {
  ValueId value = no_value;
  std::string name;
  Role role = Role::input;
};
struct Output {
  ValueId value = no_value;
  std::string name;
  int updates = -1;  // index into inputs: the result replaces that input's elements (in place where the plan can)
};

// A value type: copies share nodes and values and cost some tens of nanoseconds a node, so a transformation's undo is the graph before it.
class Graph {
 public:
  std::string name = "main";
  std::vector<Input> inputs;
  std::vector<Output> outputs;

  ValueId add_input(std::string name, Type type, Role role = Role::input);
  ValueId add_constant(Array elements, std::string name = "", Layout layout = {});
  ValueId add_value(Type type, std::string name = "");  // no producer yet: for the outputs of a node about to be appended
  void append(Node node);                               // its outputs must be values without a producer
  void add_output(ValueId value, std::string name, int updates = -1);

  const std::vector<NodePtr>& nodes() const { return nodes_; }
  const Value& value(ValueId id) const;  // internal error if there is none
  const Type& type(ValueId id) const { return value(id).type; }
  bool has_value(ValueId id) const { return id >= 0 && id < value_count() && values_[static_cast<std::size_t>(id)] != nullptr; }
  ValueId value_count() const { return static_cast<ValueId>(values_.size()); }  // ids are below this
  void set_type(ValueId id, Type type);
  void set_name(ValueId id, std::string name);
  void set_nodes(std::vector<NodePtr> nodes) { nodes_ = std::move(nodes); }  // values that nothing makes or names are dropped by `compact`
  void replace_node(std::size_t position, Node node) { nodes_[position] = std::make_shared<const Node>(std::move(node)); }
  void drop_values_from(ValueId first) { values_.resize(static_cast<std::size_t>(first)); }  // the newest ones, which nothing uses
  void compact();  // forgets values without producer that are neither input nor constant in use

  std::vector<std::string> symbols() const;  // of all inputs' shapes, sorted

 private:
  std::vector<NodePtr> nodes_;
  std::vector<std::shared_ptr<const Value>> values_;
};

// Who makes and who uses each value, by position in nodes(); made once per pass.
struct Uses {
  explicit Uses(const Graph& graph);
  int producer(ValueId value) const { return producers[static_cast<std::size_t>(value)]; }                   // -1: an input or constant
  const std::vector<int>& users(ValueId value) const { return consumers[static_cast<std::size_t>(value)]; }  // each node once, in order
  bool is_output(ValueId value) const { return graph_outputs.count(value) != 0; }
  std::vector<int> producers;
  std::vector<std::vector<int>> consumers;
  std::unordered_set<ValueId> graph_outputs;
};

// A batch of changes to a graph, applied together in one linear pass.
struct Edit {
  std::unordered_set<std::size_t> erase;                      // positions
  std::unordered_map<std::size_t, std::vector<Node>> before;  // new nodes, ahead of a position (nodes().size(): at the end)
  std::unordered_map<ValueId, ValueId> replace;               // uses of a value become uses of another (followed transitively)
};
void apply(Graph& graph, const Edit& edit);

// Removes nodes whose outputs nobody uses; returns how many.
int remove_dead_nodes(Graph& graph);

// ---- text, hash, rules (graph_text.cpp, graph_hash.cpp, verify.cpp) ----------------------------------------------------------------

struct TextOptions {
  bool bytes = false;   // "reads 3.2 kB*N writes 100 kB*N" at the end of each line, as a comment
  bool origin = false;  // from "block1/conv: conv", which is read back
};
// One node a line; values are numbered in order, so equal programs print equally. Constants of up to 16 elements are printed whole, larger
// ones as their hash (`data`, below, gives them back when parsing).
std::string to_string(const Graph& graph, const TextOptions& options = {});
Graph parse_graph(std::string_view text, const std::map<std::string, Array>& data = {});  // Error with line and column
std::map<std::string, Array> large_constants(const Graph& graph);                         // hash -> elements
std::string to_string(const Map& map, const std::vector<std::string>& operands);          // one map's body
std::string to_string(const Expr& expr, const std::vector<std::string>& operands, const std::vector<Axis>& axes);

// How the text writes each value, by id: an input's name (quoted where it is not a plain word), "%3" for others, "" for unknown ids.
std::vector<std::string> value_names(const Graph& graph);
std::string place_of(const Graph& graph, const Node& node);  // for messages: "%3 = conv2d, from block1/conv: conv2d, in graph main"

Hash structural_hash(const Graph& graph);  // of the program: names of inner values, origins and ids do not count; constants' elements do

// What a graph may hold as it goes down: calls; calls bound to libraries and maps; maps and library calls only, ready to run.
enum class Level : std::uint8_t { operators, mixed, lowered };
// Throws Error naming the node and the rule if the graph is not legal at this level.
void verify(const Graph& graph, Level level = Level::mixed);

// ---- counting -----------------------------------------------------------------------------------------------------------------

// What a map moves: the elements that its reads and writes touch, each operand's distinct elements once (memlets are exact for affine
// indices with constant coefficients, upper bounds otherwise).
struct Volume {
  std::vector<Dim> reads;   // bytes, per input
  std::vector<Dim> writes;  // bytes, per output
  Dim bytes() const;
};
// With `at`, which gives sizes their values, all is counted in plain numbers: exact at these sizes, and much quicker.
using SizesAt = std::function<Dim(const Dim&)>;
Volume volume(const Graph& graph, const Node& map_node, const SizesAt& at = nullptr);
Dim flops(const Map& map);

}  // namespace neap
