// The rules of legal graphs. One pass, linear in the graph's size; maps' bodies are in verify_map.cpp.
#include <algorithm>
#include <set>
#include <string_view>
#include <unordered_set>

#include "neap/base/error.h"
#include "neap/ir/graph.h"
#include "neap/ir/verify_map.h"
#include "neap/ir/words.h"

namespace neap {
namespace {

class Verifier {
 public:
  Verifier(const Graph& graph, Level level) : graph_(graph), level_(level), made_(static_cast<std::size_t>(graph.value_count()), 0) {}

  void run() {
    inputs();
    for (const NodePtr& node : graph_.nodes()) {
      node_ = node.get();
      if (node_ == nullptr) fail("a node is empty");
      check(*node_);
    }
    node_ = nullptr;
    outputs();
  }

 private:
  template <class... Args>
  [[noreturn]] void fail(fmt::format_string<Args...> text, Args&&... args) const {
    throw Error(fmt::format(text, std::forward<Args>(args)...), node_ != nullptr ? place_of(graph_, *node_) : "graph " + word(graph_.name),
                "the graph is not legal: see ir/verify.cpp");
  }

  std::string name_of(ValueId id) const { return value_names(graph_)[static_cast<std::size_t>(id)]; }

  void inputs() {
    std::unordered_set<std::string_view> names;
    for (const Input& input : graph_.inputs) {
      if (!graph_.has_value(input.value)) fail("input '{}' is value {}, which does not exist", input.name, input.value);
      const Value& value = graph_.value(input.value);
      if (input.name.empty()) fail("an input has no name");
      if (!names.insert(input.name).second) fail("two inputs are called '{}'", input.name);
      if (value.constant) fail("input '{}' is a constant", input.name);
      if (made_[static_cast<std::size_t>(input.value)]++ != 0) fail("input '{}' is a value that is an input already", input.name);
      for (const Dim& size : value.type.shape) {
        for (std::string& symbol : size.symbols()) symbols_.insert(std::move(symbol));
      }
      check(value.type, input.name);
      if (input.role == Role::fixed) fixed_.insert(input.value);
    }
  }

  void check(const Dim& size, std::string_view what) const {
    if (size.is_constant()) {
      if (size.constant() < 0) fail("{} has a negative size, {}", what, size.constant());
      return;
    }
    for (const std::string& symbol : size.symbols()) {
      if (symbols_.find(symbol) == symbols_.end()) fail("{} has the size {}, but no input has a size {}", what, size.to_string(), symbol);
    }
  }

  void check(const Type& type, std::string_view what) const {
    for (const Dim& size : type.shape) check(size, what);
    if (type.layout.row_major()) return;
    std::vector<int> whole(type.shape.size(), 0), cut(type.shape.size(), 0);
    for (const Layout::Level& level : type.layout.levels) {
      if (level.axis < 0 || level.axis >= type.rank()) fail("{} has a layout with an axis {} of rank {}", what, level.axis, type.rank());
      if (level.block != 0 && level.block < 2) fail("{} has a layout with a block of {}", what, level.block);
      if (++(level.block == 0 ? whole : cut)[static_cast<std::size_t>(level.axis)] > 1)
        fail("{} has a layout in which axis {} stands twice", what, level.axis);
    }
    for (std::size_t axis = 0; axis < whole.size(); ++axis) {
      if (whole[axis] != 1) fail("{} has a layout without axis {}", what, axis);
    }
  }

  // A value that is used: made before, or a constant.
  void use(ValueId id) {
    if (!graph_.has_value(id)) fail("value {} is used but does not exist", id);
    char& made = made_[static_cast<std::size_t>(id)];
    if (made != 0) return;
    const Value& value = graph_.value(id);
    if (!value.constant) fail("{} is used before it is made", name_of(id));
    const Shape held(value.constant->sizes().begin(), value.constant->sizes().end());
    if (held != value.type.shape || value.constant->dtype() != value.type.dtype) {
      fail("the constant {} is {}, but holds {}{}", name_of(id), value.type.to_string(), name(value.constant->dtype()), to_string(held));
    }
    check(value.type, "a constant");
    made = 1;
  }

  void define(ValueId id) {
    if (!graph_.has_value(id)) fail("value {} is made but does not exist", id);
    if (graph_.value(id).constant) fail("the constant {} is made by a node", name_of(id));
    if (made_[static_cast<std::size_t>(id)]++ != 0) fail("{} is made twice", name_of(id));
    check(graph_.type(id), "the result");
  }

  void check(const Node& node) {
    if (node.outputs.empty()) fail("a node makes nothing");
    if (node.is_map() != node.op.empty()) fail("a node is either a map or a call, not both or neither");
    for (const ValueId id : node.inputs) {
      if (id != no_value) use(id);
    }
    if (node.kept) check_kept(node);
    for (const ValueId id : node.outputs) define(id);
    node.is_map() ? check_map(node) : check_call(node);
  }

  void check_kept(const Node& node) {
    for (const ValueId id : node.inputs) {
      if (id != no_value && !graph_.value(id).constant && fixed_.count(id) == 0)
        fail("it is kept, but {} is not the same in every run", name_of(id));
    }
    fixed_.insert(node.outputs.begin(), node.outputs.end());
  }

  void check_map(const Node& node) {
    if (level_ == Level::operators) fail("a map stands among the operators");
    if (!node.implementation.empty()) fail("a map has an implementation, '{}'", node.implementation);
    if (!node.attributes.empty()) fail("a map has attributes");
    if (node.epilogue != nullptr) fail("a map has an epilogue");
    std::vector<const Type*> operands, outputs;
    for (const ValueId id : node.inputs) operands.push_back(id == no_value ? nullptr : &graph_.type(id));
    for (const ValueId id : node.outputs) outputs.push_back(&graph_.type(id));
    body(*node.map, operands, outputs, &node.schedule);
  }

  void check_call(const Node& node) {
    if (level_ == Level::operators && !node.implementation.empty())
      fail("a call is bound to '{}' among the operators", node.implementation);
    if (level_ == Level::lowered && node.implementation.empty()) fail("a call has no implementation, so it cannot run");
    if (!(node.schedule == Schedule{})) fail("a call has a schedule");
    for (const auto& [name, value] : node.attributes) {
      if (name.empty()) fail("an attribute has no name");
      const auto* sizes = std::get_if<std::vector<Dim>>(&value);
      if (sizes == nullptr) continue;
      for (const Dim& size : *sizes) {
        if (!size.is_constant()) check(size, "attribute " + name);
      }
    }
    if (node.epilogue == nullptr) {
      if (node.epilogue_first != 0) fail("a call without an epilogue has operands for one");
      return;
    }
    if (node.implementation.empty()) fail("a call without an implementation has an epilogue");
    if (node.epilogue_first < 0 || static_cast<std::size_t>(node.epilogue_first) > node.inputs.size()) {
      fail("the epilogue's operands begin at {} of {}", node.epilogue_first, node.inputs.size());
    }
    std::vector<const Type*> operands{&graph_.type(node.outputs[0])};
    for (auto i = static_cast<std::size_t>(node.epilogue_first); i < node.inputs.size(); ++i) {
      operands.push_back(node.inputs[i] == no_value ? nullptr : &graph_.type(node.inputs[i]));
    }
    body(*node.epilogue, operands, {operands[0]}, nullptr);
    check_epilogue_reads(*node.epilogue);
  }

  void check_epilogue_reads(const Map& map) const {
    for (const Stage& stage : map.stages) {
      visit(stage.value, [&](const Expr& e) {
        if (e->op != Scalar::read || e->integer != 0) return;
        const bool here = std::equal(stage.index.begin(), stage.index.end(), e->args.begin(), e->args.begin() + e->rank, same);
        if (!here) fail("the epilogue reads the call's result at another element than the one that it writes");
      });
    }
  }

  void body(const Map& map, const std::vector<const Type*>& operands, const std::vector<const Type*>& outputs,
            const Schedule* schedule) const {
    try {
      verify_map(map, operands, outputs, schedule, [&](const Dim& size, std::string_view what) { check(size, what); });
    } catch (const Error& error) {
      if (!error.place().empty() && error.place() != "scalar expression") throw;
      fail("{}", error.problem());
    }
  }

  void outputs() {
    std::unordered_set<std::string_view> names;
    std::set<int> updated;
    for (const Output& output : graph_.outputs) {
      if (output.name.empty()) fail("an output has no name");
      if (!names.insert(output.name).second) fail("two outputs are called '{}'", output.name);
      if (!graph_.has_value(output.value)) fail("output '{}' is value {}, which does not exist", output.name, output.value);
      use(output.value);
      if (output.updates == -1) continue;
      if (output.updates < 0 || static_cast<std::size_t>(output.updates) >= graph_.inputs.size())
        fail("output '{}' updates input {} of {}", output.name, output.updates, graph_.inputs.size());
      if (!updated.insert(output.updates).second) fail("output '{}' updates an input that another output updates", output.name);
      const Input& input = graph_.inputs[static_cast<std::size_t>(output.updates)];
      if (input.role == Role::fixed) fail("output '{}' updates input '{}', which is fixed", output.name, input.name);
      const Type &from = graph_.type(output.value), &to = graph_.type(input.value);
      if (!(from == to)) {
        fail("output '{}' is {}, but updates input '{}', which is {}", output.name, from.to_string(), input.name, to.to_string());
      }
    }
  }

  const Graph& graph_;
  Level level_;
  const Node* node_ = nullptr;
  std::vector<char> made_;  // by value: an input, a constant in use, or made by a node so far
  std::set<std::string, std::less<>> symbols_;
  std::unordered_set<ValueId> fixed_;  // the same in every run: fixed inputs and what nodes keep
};

}  // namespace

void verify(const Graph& graph, Level level) { Verifier(graph, level).run(); }

}  // namespace neap
