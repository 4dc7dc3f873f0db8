#include "neap/transform/cost.h"

#include <fmt/core.h>

#include <algorithm>

#include "neap/codegen/access.h"
#include "neap/codegen/entry_loops.h"
#include "neap/ir/by_node.h"
#include "neap/ir/map_nodes.h"
#include "neap/layouts/sparse_layout.h"
#include "neap/ops/builder.h"
#include "neap/ops/operator.h"
#include "neap/runtime/library.h"
#include "neap/transform/gathers.h"
#include "neap/transform/lanes.h"

namespace neap {

Cost& Cost::operator+=(const Cost& other) {
  bytes += other.bytes;
  flops += other.flops;
  seconds += other.seconds;
  return *this;
}

Cost Cost::operator-(const Cost& other) const { return {bytes - other.bytes, flops - other.flops, seconds - other.seconds}; }

CostModel::CostModel(Symbols symbols, const Rates& rates) : symbols_(std::move(symbols)), rates_(rates) {}

double CostModel::evaluate(const Dim& dim) const { return static_cast<double>(dim.evaluate(symbols_, typical_size)); }

Symbols CostModel::sizes(const Graph& graph) const {
  Symbols all = symbols_;
  for (const std::string& symbol : graph.symbols()) all.emplace(symbol, typical_size);
  return all;
}

CostModel CostModel::in_cache() const {
  CostModel model = *this;
  model.rates_.copy_bytes_per_second = rates_.cache_bytes_per_second;
  return model;
}

CostModel CostModel::gathering_near(double part) const {
  CostModel model = *this;
  model.rates_.gathers.near = part;
  return model;
}

double CostModel::bytes(const Type& type) const { return evaluate(storage_bytes(type)); }

namespace {

// What share of the peak flops generated loops reach. Sums of products run in register tiles
// (without blocking for the outer caches); a window's few taps and elementwise work run at what the units for them allow.
constexpr double product_efficiency = 0.6, window_efficiency = 0.6, elementwise_efficiency = 0.5, library_efficiency = 0.8;
constexpr double row_product_efficiency = 0.25;  // of a scope that makes one row at a time: each factor that it loads serves one product
constexpr double scatter_efficiency = 0.06;      // each sum is read and written where data say
constexpr double entry_efficiency = 0.2;         // of a scope that makes one entry of a row at a time: short rows that wait for each other
constexpr double not_hidden = 0.5;  // of what comes in no order, of the time that such a scope computes: an entry's work waits for its rows
constexpr double spread_flops = 1;  // at peak, which take as long as spreading a factor over one of the lanes that share it
constexpr double list_efficiency = 0.004;  // entries of lists, each added where it belongs
constexpr double smallest_product = 32;    // terms of a sum
constexpr double placed_flops = 350;       // at peak, which take as long as putting an element where its places say, or taking it

bool scatters(const Stage& stage) {
  return stage.accumulate != Accumulate::none &&
         std::any_of(stage.index.begin(), stage.index.end(), [](const Expr& index) { return has_read(index); });
}

// Lists of entries, each added where it belongs: no sum stays in a register.
bool adds_lists(const Map& map) {
  return map.locals.empty() && std::any_of(map.axes.begin(), map.axes.end(), [](const Axis& axis) { return axis.ragged != nullptr; });
}

// Whether what was made of an entry ahead has fewer elements than the stage, which are shared along its innermost axis.
bool spreads(const Stage& stage, const EntryLoop& loop) {
  bool found = false;
  visit(stage.value, [&](const Expr& e) {
    found |= e->op == Scalar::read && loop.has(e->integer) && !stage.axes.empty() && !uses_axis(e, stage.axes.back().id);
  });
  return found;
}

// The operator of a layout that leaves elements out: "dense", "take", ...; empty: another node.
std::string_view sparse_kind(const Node& node) {
  std::string_view what;
  const SparseLayout* const layout = node.is_map() ? nullptr : layout_of_operator(node.op, what);
  return layout != nullptr && layout->leaves_out ? what : "";
}

// The values that a node puts where places say, or takes from there; no_value: another node.
ValueId placed(const Node& node) {
  const std::string_view kind = sparse_kind(node);
  return kind == "dense" ? node.inputs[0] : kind == "take" ? node.outputs[0] : no_value;
}

// A matrix that is stored sparsely in constants, which is made once if it is made.
bool is_known_matrix(const Graph& graph, const Node& node) {
  return sparse_kind(node) == "dense" &&
         std::all_of(node.inputs.begin(), node.inputs.end(), [&](ValueId id) { return graph.value(id).constant.has_value(); });
}

}  // namespace

// Flops, the flops at peak that take the same time, and the bytes of a stream that take as long as what comes in no order; the share of
// the latter that takes its time beside the flops.
struct CostModel::Work {
  double flops = 0, weighted = 0, gathered = 0, apart = 0;
  Work& operator+=(const Work& other) {
    flops += other.flops;
    weighted += other.weighted;
    gathered += other.gathered;
    apart = std::max(apart, other.apart);
    return *this;
  }
};

CostModel::Work CostModel::work_of(const Graph& graph, const Map& map, const std::vector<ValueId>& operands,
                                   const std::vector<double>& factors, bool all_stretched) const {
  if (has_entry_loops(map)) return work_of_entries(graph, map, operands);
  Work work;
  bool gathers = false;
  const auto is_long = [&](const Axis& axis) { return evaluate(axis.extent) > 1; };
  const bool by_entries =
      !map.locals.empty() && std::any_of(map.axes.begin(), map.axes.end(), [](const Axis& axis) { return axis.ragged; });
  std::vector<Axis> around = map.axes, space;
  for (Axis& axis : around) axis.extent = axis.extent.evaluate(symbols_, typical_size);
  for (std::size_t s = 0; s < map.stages.size(); ++s) {
    const Stage& stage = map.stages[s];
    bool products = false;
    space.assign(around.begin(), around.end());
    for (Axis axis : stage.axes) {
      axis.extent = axis.extent.evaluate(symbols_, typical_size);
      space.push_back(std::move(axis));
    }
    const bool by_rows = !stage.axes.empty() && std::count_if(stage.axes.begin(), stage.axes.end(), is_long) < 2;
    double mine = evaluate(flops(stage.value, space)), efficiency = elementwise_efficiency;
    visit_nodes(stage.value, [&](const Expr& e) {
      gathers = gathers || (e->op == Scalar::read && is_gather(e));
      if (e->op != Scalar::reduce || e->args[0]->op != Scalar::mul) return;
      products = true;
      double terms = 1;
      for (const Axis& axis : e->axes) terms *= evaluate(axis.extent);
      efficiency = terms < smallest_product ? window_efficiency : by_rows ? row_product_efficiency : product_efficiency;
    });
    if (by_entries) efficiency = std::min(efficiency, entry_efficiency);
    if (scatters(stage)) efficiency = scatter_efficiency;
    if (stage.accumulate != Accumulate::none && adds_lists(map)) efficiency = list_efficiency;
    const double factor = s < factors.size() && (products || all_stretched) ? factors[s] : 1;
    work += {mine, mine / efficiency * factor};
  }
  if (by_entries) work.apart = not_hidden;
  if (gathers) work.gathered = gathered_bytes([&](const Dim& size) { return evaluate(size); }, graph, map, operands, rates_.gathers);
  return work;
}

// Of a scope with loops over entries: as its kernel computes it, what several stages need of an entry once.
CostModel::Work CostModel::work_of_entries(const Graph& graph, const Map& map, const std::vector<ValueId>& operands) const {
  constexpr int lanes = 8;
  const ScopeLoops scope = scope_loops(map, types_of(graph, operands), lanes);
  Work work;
  for (std::size_t s = 0; s < scope.map.stages.size(); ++s) {
    const Stage& stage = scope.map.stages[s];
    const auto loop =
        std::find_if(scope.loops.begin(), scope.loops.end(), [&](const EntryLoop& one) { return one.from <= s && s < one.to; });
    std::vector<Axis> space = map.axes;
    if (loop != scope.loops.end()) space.push_back(loop->axis);
    space.insert(space.end(), stage.axes.begin(), stage.axes.end());
    // A sum that stands apart is a stage that accumulates: its additions come with what is added.
    const bool is_sum = stage.value->op == Scalar::reduce;
    if (is_sum) space.insert(space.end(), stage.value->axes.begin(), stage.value->axes.end());
    const double mine = evaluate(flops(is_sum ? stage.value->args[0] : stage.value, space));
    work += {mine, mine / (loop != scope.loops.end() ? entry_efficiency : elementwise_efficiency)};
    if (loop != scope.loops.end() && spreads(stage, *loop)) work.weighted += spread_flops * evaluate(points(space));
  }
  work.gathered = gathered_bytes([&](const Dim& size) { return evaluate(size); }, graph, map, operands, rates_.gathers);
  work.apart = not_hidden;
  return work;
}

// Of a call's definition; of a composite, of what it is made of.
CostModel::Work CostModel::call_work(const Graph& graph, const Node& node) const {
  const Call call = make_call(graph, node);
  if (call.op().define != nullptr) {
    Work work = work_of(graph, define(call).map, node.inputs);
    if (placed(node) == no_value) return work;
    const double elements = evaluate(element_count(graph.type(placed(node)).shape));
    return work += {elements, elements * placed_flops};
  }
  Graph body;
  Builder build(body);
  std::vector<Var> inputs;
  const std::size_t own = node.epilogue != nullptr ? static_cast<std::size_t>(node.epilogue_first) : node.inputs.size();
  for (std::size_t i = 0; i < own; ++i) {
    inputs.push_back(node.inputs[i] == no_value ? Var() : build.input(fmt::format("x{}", i), graph.type(node.inputs[i])));
  }
  for (const Var& output : build.expand(call, inputs)) body.add_output(output.id(), "y");
  Work work;
  const Graph primitives = expand_composites(body);
  for (const NodePtr& inner : primitives.nodes()) {
    work += work_of(primitives, define(make_call(primitives, *inner)).map, inner->inputs);
    if (inner->op != "transpose") continue;  // which is a pass of its own
    const double moved = 2 * bytes(primitives.type(inner->outputs[0]));
    work.weighted += (moved / rates_.cache_bytes_per_second + rates_.call_seconds) * rates_.flops_per_second;
  }
  return work;
}

namespace {

constexpr double scattered_copy = 0.25;  // of the time of a copy, for each time longer that its accesses take

// Whether a map's operands or results lie in layouts of their own.
bool has_layouts(const Graph& graph, const Node& node) {
  const auto laid_out = [&](ValueId id) { return id != no_value && !graph.type(id).layout.row_major(); };
  return std::any_of(node.inputs.begin(), node.inputs.end(), laid_out) || std::any_of(node.outputs.begin(), node.outputs.end(), laid_out);
}

struct Operands {
  Call call;
  std::vector<Type> inputs, outputs;
};

Operands operands_of(const Graph& graph, const Node& node) {
  return {make_call(graph, node), types_of(graph, node.inputs), types_of(graph, node.outputs)};
}

// Whether a call looks at a part of an operand only: it moves what its definition reads.
bool reads_parts(const Node& node) { return node.epilogue == nullptr && (node.op == "slice" || node.op == "matmul_of_views"); }

double peak_share(const Implementation& library, const Operands& of) {
  return library.efficiency == nullptr ? library_efficiency : library.efficiency(of.call, of.inputs, of.outputs);
}

}  // namespace

Cost CostModel::priced(const Work& work, double bytes) const {
  const double memory = copy_seconds(bytes + work.gathered), computing = work.weighted / rates_.flops_per_second;
  const double waiting = work.apart * std::min(copy_seconds(work.gathered), computing);
  return {bytes, work.flops, std::max(memory, computing) + waiting + rates_.call_seconds};
}

double CostModel::call_bytes(const Graph& graph, const Node& node) const {
  double total = 0;
  if (reads_parts(node)) {
    Node map_node = node;
    map_node.map = std::make_shared<const Map>(define(make_call(graph, node)).map);
    return evaluate(volume(graph, map_node, [&](const Dim& dim) { return Dim(dim.evaluate(symbols_, typical_size)); }).bytes());
  }
  for (const ValueId id : node.inputs) total += id == no_value ? 0 : bytes(graph.type(id));
  for (const ValueId id : node.outputs) total += bytes(graph.type(id));
  return total;
}

// How much longer a primitive's loops take for the way that its operands lie, at best: as they are, or, as channels_last and lay_operands
// will have it, images with their channels innermost, filters and constants to suit. Not so for gradients of filters, but of one channel:
// sparse convolutions keep the images row-major, where loops take ten times as long as a library (bench/sparse/plan_conv.cpp).
double CostModel::loops_factor(const Graph& graph, const Node& node) const {
  Operands of = operands_of(graph, node);
  if (of.call.op().define == nullptr) return 1;
  const Map map = define(of.call).map;
  const bool has_filters = node.op == "conv" || node.op == "conv_input_gradient";
  std::vector<bool> free;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    const ValueId id = node.inputs[i];
    free.push_back(id != no_value && (graph.value(id).constant.has_value() || (has_filters && i == 1)));
  }
  const double as_given = lanes_factor(*this, map, of.inputs, of.outputs, free);
  if (node.op == "conv_weight_gradient" && !(of.outputs[0].shape[1] == Dim(1))) return as_given;
  for (std::vector<Type>* types : {&of.inputs, &of.outputs}) {
    for (Type& type : *types) {
      if (type.layout.row_major()) type.layout = Layout::channels_last(type.rank());
    }
  }
  return std::min(as_given, lanes_factor(*this, map, of.inputs, of.outputs, free));
}

Cost CostModel::as_loops(const Graph& graph, const Node& call) const {
  Work work = call_work(graph, call);
  work.weighted *= loops_factor(graph, call);
  return priced(work, call_bytes(graph, call));
}

// What a scope reads and writes again at each of its points, in cache: the sums over its own axes, which no register holds. Sums of a row
// over its entries are held next to the loop.
double CostModel::accumulated_bytes(const Graph& graph, const Node& node) const {
  double bytes = 0;
  const std::vector<Axis>& axes = node.map->axes;
  for (const Stage& stage : node.map->stages) {
    if (stage.axes.empty() || stage.target < 0 || stage.accumulate == Accumulate::none) continue;
    if (axes.size() > 1 && axes.back().ragged != nullptr && !stage.index.empty() && uses_axis(stage.index[0], axes[axes.size() - 2].id))
      continue;
    double elements = 2 * evaluate(points(node.map->axes));
    for (const Axis& axis : stage.axes) {
      const bool kept = std::any_of(stage.index.begin(), stage.index.end(), [&](const Expr& index) { return uses_axis(index, axis.id); });
      elements *= kept ? evaluate(axis.extent) : 1;
    }
    bytes += elements * size_of(graph.type(node.outputs[static_cast<std::size_t>(stage.target)]).dtype);
  }
  return bytes;
}

Cost CostModel::node(const Graph& graph, const Node& node, const std::vector<bool>& free) const {
  if (node.kept || is_known_matrix(graph, node)) return {};  // once for many runs
  if (node.is_map()) {
    const double moved = evaluate(volume(graph, node, [&](const Dim& dim) { return Dim(dim.evaluate(symbols_, typical_size)); }).bytes());
    // The way that they lie decides how quick sums of products and windows are, and where layouts differ. Each stage by itself: what runs
    // in one scope takes no longer than it did apart.
    const bool laid_out = has_layouts(graph, node);
    LanesFactors factors;
    if (laid_out || sums_products(*node.map))
      factors = lanes_factors(*this, *node.map, types_of(graph, node.inputs), types_of(graph, node.outputs), free);
    Work work = work_of(graph, *node.map, node.inputs, factors.stages, laid_out);
    work.weighted += accumulated_bytes(graph, node) / rates_.cache_bytes_per_second * rates_.flops_per_second;
    Cost cost = priced(work, moved);
    cost.seconds = std::max(cost.seconds, copy_seconds(moved) * (1 + scattered_copy * (factors.memory - 1)) + rates_.call_seconds);
    return cost;
  }
  Work work = call_work(graph, node);
  // A library keeps in cache what it gathers.
  const auto by = [&](const Implementation& library, const Operands& of) {
    return Work{work.flops, work.flops / peak_share(library, of), 0};
  };
  double converting = 0;  // seconds
  if (!node.implementation.empty()) {
    const Implementation& library = find_implementation(node.op, node.implementation);
    const Operands of = operands_of(graph, node);
    work = by(library, of);
    if (library.conversion_bytes != nullptr) converting = copy_seconds(evaluate(library.conversion_bytes(of.call, of.inputs, of.outputs)));
  } else if (const auto& libraries = implementations_of(node.op); !libraries.empty()) {
    const Operands of = operands_of(graph, node);
    Work best = work;
    for (const Implementation* library : libraries) {
      if (!library->refuses(of.call, of.inputs, of.outputs).empty()) continue;
      const Work other = by(*library, of);
      if (priced(other, 0).seconds < priced(best, 0).seconds) best = other;
    }
    work = best;
  }
  if (node.epilogue != nullptr) {
    work += work_of(graph, *node.epilogue, {});
    const Implementation& library = find_implementation(node.op, node.implementation);
    const double further = library.epilogue_flops == nullptr ? 0 : library.epilogue_flops(*node.epilogue);
    work.weighted += further * evaluate(element_count(graph.type(node.outputs[0]).shape)) / elementwise_efficiency;
  }
  Cost cost = priced(work, call_bytes(graph, node));
  cost.seconds += converting;
  return cost;
}

Cost CostModel::graph(const Graph& graph) const {
  Cost total;
  for (const NodePtr& node : graph.nodes()) total += this->node(graph, *node);
  return total;
}

}  // namespace neap
