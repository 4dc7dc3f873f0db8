#include "neap/ops/interpreter.h"

#include <array>
#include <cmath>
#include <map>
#include <unordered_map>

#include "neap/base/error.h"
#include "neap/ir/map_walk.h"
#include "neap/ir/row_entries.h"
#include "neap/ir/scalar.h"
#include "neap/ops/builder.h"
#include "neap/ops/operator.h"

namespace neap {
namespace {

// Elements of one operand with their place in memory: row-major strides and the dtype.
struct Operand {
  Array array;
  std::vector<std::int64_t> strides;

  explicit Operand(Array elements) : array(std::move(elements)), strides(array.sizes().size()) {
    std::int64_t stride = 1;
    for (std::size_t i = strides.size(); i-- > 0; stride *= array.sizes()[i]) strides[i] = stride;
  }
  Number load(std::int64_t at) const { return is_float(array.dtype()) ? Number{array.get(at), 0} : Number{0, array.get_int(at)}; }
  void store(std::int64_t at, Number value) { is_float(array.dtype()) ? array.set(at, value.real) : array.set_int(at, value.integer); }
};

class MapRun {
 public:
  MapRun(const Map& map, const std::vector<Array>& operands, const std::vector<Type>& outputs, const Symbols& symbols)
      : map_(map), symbols_(symbols) {
    for (const Array& array : operands) inputs_.emplace_back(array);
    for (const Local& local : map.locals) locals_.emplace_back(Array::zeros(local.dtype, neap::evaluate(local.shape, symbols)));
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      outputs_.emplace_back(Array::zeros(outputs[i].dtype, neap::evaluate(outputs[i].shape, symbols)));
      fill_identity(static_cast<int>(i));
    }
    const int axes = highest_axis(map) + 1;
    position_.resize(static_cast<std::size_t>(axes));
  }

  std::vector<Array> run() {
    for (const WrittenEntries& written : written_entries(map_)) check(written);
    loop(map_.axes, 0, [&] {
      for (const Stage& stage : map_.stages) reset_local(stage);
      for (const Stage& stage : map_.stages) {
        loop(stage.axes, 0, [&] { assign(stage); });
      }
    });
    std::vector<Array> results;
    for (Operand& output : outputs_) results.push_back(output.array);
    return results;
  }

 private:
  void check(const WrittenEntries& written) {
    const std::int64_t first = evaluate(written.first).integer, end = evaluate(written.end).integer;
    const std::int64_t count = written.count.evaluate(symbols_);
    if (count == 0 || (first <= 0 && end >= count)) return;
    throw Error(fmt::format("offsets in operand {} hold entries {} to {} of {}: others of the result are without a row", written.offsets,
                            first, end, count),
                "", "offsets begin with 0 and end with the number of entries");
  }

  void fill(Operand& operand, Accumulate accumulate) {
    const Number start = identity(reduction_of(accumulate), operand.array.dtype());
    for (std::int64_t i = 0; i < operand.array.count(); ++i) operand.store(i, start);
  }

  void fill_identity(int output) {
    for (const Stage& stage : map_.stages) {
      if (stage.target == output && stage.accumulate != Accumulate::none)
        fill(outputs_[static_cast<std::size_t>(output)], stage.accumulate);
    }
  }

  void reset_local(const Stage& stage) {
    if (stage.target < 0 && stage.accumulate != Accumulate::none)
      fill(locals_[static_cast<std::size_t>(-1 - stage.target)], stage.accumulate);
  }

  Operand& operand(std::int64_t id) { return id >= 0 ? inputs_[static_cast<std::size_t>(id)] : locals_[static_cast<std::size_t>(-1 - id)]; }

  template <class F>
  void loop(const std::vector<Axis>& axes, std::size_t depth, F&& body) {
    if (depth == axes.size()) {
      body();
      return;
    }
    const Axis& axis = axes[depth];
    const std::int64_t begin = axis.ragged ? evaluate(axis.ragged->first).integer : 0;
    const std::int64_t end = axis.ragged ? evaluate(axis.ragged->second).integer : axis.extent.evaluate(symbols_);
    const std::int64_t outside = moment_;
    for (std::int64_t i = begin; i < end; ++i) {
      position_[static_cast<std::size_t>(axis.id)] = i;
      moment_ = ++moments_;
      loop(axes, depth + 1, body);
    }
    moment_ = outside;
  }

  void assign(const Stage& stage) {
    moment_ = ++moments_;  // an earlier stage may have changed a local
    Operand& target =
        stage.target >= 0 ? outputs_[static_cast<std::size_t>(stage.target)] : locals_[static_cast<std::size_t>(-1 - stage.target)];
    const Number value = evaluate(stage.value);
    const std::int64_t at = offset(target, stage.index, "write");
    const DType dtype = target.array.dtype();
    target.store(at, stage.accumulate == Accumulate::none ? value : fold(reduction_of(stage.accumulate), dtype, target.load(at), value));
  }

  // Row-major place of an element; -1 when outside and that is allowed.
  std::int64_t offset(const Operand& target, std::span<const Expr> index, const char* what, bool outside_allowed = false) {
    std::int64_t at = 0;
    for (std::size_t i = 0; i < index.size(); ++i) {
      const std::int64_t position = evaluate(index[i]).integer, size = target.array.sizes()[i];
      if (position < 0 || position >= size) {
        if (outside_allowed) return -1;
        throw Error(
            fmt::format("{} at {} on axis {} of {}, which has {} elements there", what, position, i, to_string(target.array.sizes()), size),
            "", "an index in the data is out of range");
      }
      at += position * target.strides[i];
    }
    return at;
  }

  // Parts that others may share are computed once a moment: else a chain of them would take time that doubles with each.
  Number evaluate(const Expr& e) {
    if (e->args.empty() || e.node().use_count() == 1) return compute(e);
    const auto known = known_.find(e.node().get());
    if (known != known_.end() && known->second.moment == moment_) return known->second.value;
    const Number value = compute(e);
    known_[e.node().get()] = {moment_, value};
    return value;
  }

  Number compute(const Expr& e) {
    switch (e->op) {
      case Scalar::constant:
        return {e->number, e->integer};
      case Scalar::size:
        return {0, e->dim.evaluate(symbols_)};
      case Scalar::axis:
        return {0, position_[static_cast<std::size_t>(e->integer)]};
      case Scalar::read: {
        const Operand& from = operand(e->integer);
        const bool guarded = static_cast<int>(e->args.size()) > e->rank;
        const std::int64_t at = offset(from, {e->args.data(), static_cast<std::size_t>(e->rank)}, "read", guarded);
        return at < 0 ? evaluate(e->args.back()) : from.load(at);
      }
      case Scalar::select:
        return is_true(evaluate(e->args[0]), DType::boolean) ? evaluate(e->args[1]) : evaluate(e->args[2]);
      case Scalar::reduce:
        return reduce_over(e);
      default:
        break;
    }
    std::array<Number, 3> numbers;
    std::array<DType, 3> dtypes{};
    for (std::size_t i = 0; i < e->args.size(); ++i) {
      numbers[i] = evaluate(e->args[i]);
      dtypes[i] = e->args[i].dtype();
    }
    return neap::evaluate(e->op, e->dtype, {numbers.data(), e->args.size()}, {dtypes.data(), e->args.size()});
  }

  Number reduce_over(const Expr& e) {
    const DType dtype = e->args[0].dtype();
    if (e->reduction == Reduction::argmax || e->reduction == Reduction::argmin) return position_of_extreme(e, dtype);
    Number total = identity(e->reduction, dtype);
    loop(e->axes, 0, [&] { total = fold(e->reduction, dtype, total, evaluate(e->args[0])); });
    return round_to(e->dtype, total);
  }

  Number position_of_extreme(const Expr& e, DType dtype) {
    const bool largest = e->reduction == Reduction::argmax;
    Number best;
    std::int64_t at = -1;
    loop(e->axes, 0, [&] {
      const Number x = evaluate(e->args[0]);
      bool better = at < 0;
      if (!better && is_float(dtype))
        better = !std::isnan(best.real) && (std::isnan(x.real) || (largest ? x.real > best.real : x.real < best.real));
      if (!better && !is_float(dtype)) better = largest ? x.integer > best.integer : x.integer < best.integer;
      if (better) {
        best = x;
        at = position_[static_cast<std::size_t>(e->axes[0].id)];
      }
    });
    return {0, at};
  }

  const Map& map_;
  const Symbols& symbols_;
  std::vector<Operand> inputs_, locals_, outputs_;
  std::vector<std::int64_t> position_;  // by axis id
  struct Known {
    std::int64_t moment = 0;
    Number value;
  };
  std::unordered_map<const Expr::Node*, Known> known_;
  std::int64_t moment_ = 0, moments_ = 0;  // what changes where a position or a buffer does
};

std::string place(const Graph& graph, const Node& node) {
  return fmt::format("node %{} ({}{})", node.outputs.empty() ? -1 : node.outputs[0], node.is_map() ? "map" : node.op,
                     node.origin.empty() ? "" : ", from " + node.origin[0]) +
         " of graph " + graph.name;
}

}  // namespace

std::vector<Array> interpret_map(const Map& map, const std::vector<Array>& operands, const std::vector<Type>& outputs,
                                 const Symbols& symbols) {
  return MapRun(map, operands, outputs, symbols).run();
}

Symbols bind_inputs(const Graph& graph, const std::vector<Array>& inputs) {
  if (inputs.size() != graph.inputs.size()) {
    throw Error(fmt::format("graph {} takes {} inputs, not {}", graph.name, graph.inputs.size(), inputs.size()));
  }
  Symbols symbols;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Type& type = graph.type(graph.inputs[i].value);
    if (inputs[i].dtype() != type.dtype) {
      throw Error(fmt::format("input '{}' is {}, not {}", graph.inputs[i].name, name(inputs[i].dtype()), name(type.dtype)),
                  "graph " + graph.name, "cast it first");
    }
    neap::bind(type.shape, inputs[i].sizes(), symbols, "input '" + graph.inputs[i].name + "'");
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    check(graph.type(graph.inputs[i].value).shape, inputs[i].sizes(), symbols, "input '" + graph.inputs[i].name + "'");
  }
  return symbols;
}

namespace {

using Observer = std::function<void(ValueId, const Array&)>;

// `symbols` come from the outermost graph: a composite's body may have sizes like 2*N, from which N could not be found again.
std::vector<Array> interpret_with(const Graph& graph, const std::vector<Array>& inputs, const Symbols& symbols, const Observer& observe) {
  std::unordered_map<ValueId, Array> values;
  for (std::size_t i = 0; i < inputs.size(); ++i) values[graph.inputs[i].value] = inputs[i];
  const auto value_of = [&](ValueId id) -> Array {
    if (id == no_value) return {};
    const auto found = values.find(id);
    if (found != values.end()) return found->second;
    NEAP_ASSERT(graph.value(id).constant.has_value(), " value %{} is used before it is made", id);
    return *graph.value(id).constant;
  };
  for (const NodePtr& node : graph.nodes()) {
    std::vector<Array> operands;
    for (const ValueId id : node->inputs) operands.push_back(value_of(id));
    std::vector<Type> types;
    for (const ValueId id : node->outputs) types.push_back(graph.type(id));
    std::vector<Array> results;
    try {
      if (node->is_map()) {
        results = interpret_map(*node->map, operands, types, symbols);
      } else {
        const Call call = make_call(graph, *node);
        if (call.op().define != nullptr) {
          results = interpret_map(define(call).map, operands, types, symbols);
        } else {
          Graph body;
          Builder build(body);
          std::vector<Var> arguments;
          std::vector<Array> given;
          for (std::size_t i = 0; i < node->inputs.size(); ++i) {
            const bool present = node->inputs[i] != no_value;
            arguments.push_back(present ? build.input(fmt::format("x{}", i), graph.type(node->inputs[i])) : Var());
            if (present) given.push_back(operands[i]);
          }
          for (const Var& output : call.op().compose(build, arguments, call))
            body.add_output(output.id(), fmt::format("y{}", body.outputs.size()));
          results = interpret_with(body, given, symbols, nullptr);
        }
        if (node->epilogue != nullptr) {
          std::vector<Array> epilogue_operands{results[0]};
          epilogue_operands.insert(epilogue_operands.end(), operands.begin() + node->epilogue_first, operands.end());
          results = interpret_map(*node->epilogue, epilogue_operands, types, symbols);
        }
      }
    } catch (const Error& error) {
      if (!error.place().empty()) throw;
      throw Error(error.problem(), place(graph, *node), error.remedy());
    }
    for (std::size_t i = 0; i < results.size(); ++i) {
      if (observe) observe(node->outputs[i], results[i]);
      values[node->outputs[i]] = std::move(results[i]);
    }
  }
  std::vector<Array> outputs;
  for (const Output& output : graph.outputs) outputs.push_back(value_of(output.value));
  return outputs;
}

}  // namespace

std::vector<Array> interpret(const Graph& graph, const std::vector<Array>& inputs,
                             const std::function<void(ValueId, const Array&)>& observe) {
  return interpret_with(graph, inputs, bind_inputs(graph, inputs), observe);
}

std::vector<Array> interpret(const Graph& graph, const std::vector<Array>& inputs) { return interpret(graph, inputs, nullptr); }

}  // namespace neap
