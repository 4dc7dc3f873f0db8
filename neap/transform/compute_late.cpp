// Computes what the forward pass made again where the backward pass reads it, in place of keeping it: from values that are there anyway, in
// a buffer of the scope that reads it or within its expression. That moves fewer bytes and frees memory between the two.
#include <algorithm>
#include <map>
#include <optional>

#include "neap/base/error.h"
#include "neap/codegen/access.h"
#include "neap/ir/map_walk.h"
#include "neap/transform/map_edit.h"
#include "neap/transform/recipe.h"
#include "neap/transform/transformation.h"

namespace neap::compute_late_transformation {
namespace {

constexpr int fewest_between = 8;         // nodes that run between the last early reader and the first late one
constexpr int largest_body = 128;         // scalar operations of what is computed again
constexpr std::int64_t most_flops = 64;   // an element
constexpr std::int64_t small_share = 16;  // of the value: what may live longer for it

std::int64_t typical_bytes(const Draft& draft, ValueId value) { return storage_bytes(draft.type(value)).evaluate({}, typical_size); }

bool is_plain_axis(const Expr& e) { return e->op == Scalar::axis; }

// A value as a map of its own: the chain of a scope's buffers that leads to it, put together.
class Definition {
 public:
  // `last`: the node that reads it last.
  Definition(const Draft& draft, const Node& node, ValueId value, int last) : draft_(draft), node_(node), value_(value), last_(last) {}

  // "", or why it cannot be computed again.
  std::string make(ValueId result, Node& made) {
    const Map& map = *node_.map;
    const Stage* stage = nullptr;
    for (const Stage& each : map.stages) {
      if (each.target < 0 || node_.outputs[static_cast<std::size_t>(each.target)] != value_) continue;
      if (stage != nullptr || each.accumulate != Accumulate::none) return "it is accumulated";
      stage = &each;
    }
    if (stage == nullptr) return "nothing writes it";
    next_axis_ = highest_axis(map) + 1;
    Map own;
    std::map<int, Expr> position;
    Stage result_stage{{}, 0, {}, {}};
    const Shape& shape = draft_.type(value_).shape;
    for (std::size_t d = 0; d < shape.size(); ++d) {
      own.axes.push_back({next_axis_++, fmt::format("i{}", d), shape[d], nullptr});
      result_stage.index.push_back(axis_position(own.axes.back()));
      if (is_plain_axis(stage->index[d])) {
        if (!position.emplace(static_cast<int>(stage->index[d]->integer), result_stage.index.back()).second)
          return "it is not written point by point";
      } else if (!(shape[d] == Dim(1))) {
        return "it is not written point by point";
      }
    }
    for (const std::vector<Axis>* axes : {&map.axes, &stage->axes}) {
      for (const Axis& axis : *axes) {
        if (axis.ragged != nullptr) return "it runs over a ragged axis";
        if (position.count(axis.id) != 0) continue;
        if (!(axis.extent == Dim(1))) return "it runs over more axes than it has";
        position.emplace(axis.id, Expr(0));
      }
    }
    position_ = std::move(position);
    result_stage.value = expanded(substitute_axes(with_own_axes(stage->value, next_axis_), position_));
    if (!reason_.empty()) return reason_;
    if (expression_size(result_stage.value) > largest_body) return "its expression would be too long";
    if (flops(result_stage.value).evaluate({}, typical_size) > most_flops) return "it takes too many flops";
    own.stages.push_back(std::move(result_stage));
    made.map = std::make_shared<const Map>(std::move(own));
    made.inputs = std::move(operands_);
    made.outputs = {result};
    made.origin = node_.origin;
    return "";
  }

 private:
  Expr refused(std::string reason, const Expr& e) {
    if (reason_.empty()) reason_ = std::move(reason);
    return e;
  }

  // With what it reads of buffers put in their place, and operands numbered anew.
  Expr expanded(const Expr& value) {
    return rewrite(value, [&](const Expr& e) -> Expr {
      if (e->op != Scalar::read || !reason_.empty()) return {};
      const auto indices = std::pair(e->args.begin(), e->args.begin() + e->rank);
      if (static_cast<int>(e->args.size()) > e->rank || std::any_of(indices.first, indices.second, has_read))
        return refused("it is read at other places than its own", e);
      if (e->integer < 0) return of_buffer(e);
      return of_operand(node_.inputs[static_cast<std::size_t>(e->integer)], e->dtype, {indices.first, indices.second});
    });
  }

  Expr of_operand(ValueId operand, DType dtype, std::vector<Expr> index) {
    if (!stays(operand)) refused("what it is computed from does not live as long", {});
    const auto known = std::find(operands_.begin(), operands_.end(), operand);
    const auto number = static_cast<int>(known - operands_.begin());
    if (known == operands_.end()) operands_.push_back(operand);
    return read(number, dtype, std::move(index));
  }

  // A result into which the buffer is copied, where there is one; else what is computed into it.
  Expr of_buffer(const Expr& e) {
    const Stage* makes = nullptr;
    for (const Stage& stage : node_.map->stages) {
      if (std::optional<Expr> copy = of_copy(stage, e)) return *copy;
      if (stage.target != e->integer) continue;
      if (makes != nullptr || stage.accumulate != Accumulate::none) return refused("it is computed from a sum of a buffer", e);
      makes = &stage;
    }
    if (makes == nullptr) return refused("a buffer is not written", e);
    std::map<int, Expr> position = position_;
    for (std::size_t i = 0; i < makes->index.size(); ++i) {
      if (is_plain_axis(makes->index[i])) position[static_cast<int>(makes->index[i]->integer)] = e->args[i];
    }
    for (const Axis& axis : makes->axes) {
      const auto is_it = [&](const Expr& index) { return is_plain_axis(index) && index->integer == axis.id; };
      const bool placed = std::any_of(makes->index.begin(), makes->index.end(), is_it);
      if (!placed && !(axis.extent == Dim(1))) return refused("a buffer is not written point by point", e);
      if (!placed) position[axis.id] = Expr(0);
    }
    return expanded(substitute_axes(with_own_axes(makes->value, next_axis_), position));
  }

  // A stage result[...] = buffer[...] of the buffer that `e` reads, with every index an axis.
  std::optional<Expr> of_copy(const Stage& stage, const Expr& e) {
    const Expr& from = stage.value;
    if (stage.target < 0 || stage.accumulate != Accumulate::none || from->op != Scalar::read || from->integer != e->integer ||
        static_cast<int>(from->args.size()) > from->rank)
      return std::nullopt;
    const ValueId result = node_.outputs[static_cast<std::size_t>(stage.target)];
    if (result == value_ || !stays(result)) return std::nullopt;
    std::map<int, Expr> position = position_;
    for (const Axis& axis : stage.axes) position.erase(axis.id);
    for (std::size_t i = 0; i < e->args.size(); ++i) {
      if (is_plain_axis(from->args[i])) position[static_cast<int>(from->args[i]->integer)] = e->args[i];
    }
    std::vector<Expr> index;
    for (const Expr& at : stage.index) {
      if (!is_plain_axis(at)) {
        index.push_back(at);
        continue;
      }
      const auto found = position.find(static_cast<int>(at->integer));
      if (found == position.end()) return std::nullopt;
      index.push_back(found->second);
    }
    return of_operand(result, e->dtype, std::move(index));
  }

  // Whether a value lives as long as the last reader without us, or is small.
  bool stays(ValueId value) const {
    if (draft_.producer(value) < 0 || draft_.is_output(value)) return true;
    const std::vector<int>& users = draft_.users(value);
    return std::any_of(users.begin(), users.end(), [&](int at) { return !draft_.before(at, last_); }) ||
           typical_bytes(draft_, value) * small_share <= typical_bytes(draft_, value_);
  }

  const Draft& draft_;
  const Node& node_;
  ValueId value_;
  int last_;
  int next_axis_ = 0;
  std::map<int, Expr> position_;
  std::vector<ValueId> operands_;
  std::string reason_;
};

// Readers after the longest stretch in which nobody reads a value.
std::vector<int> late_readers(const Draft& draft, ValueId value, const std::vector<int>& position, int between) {
  const auto at = [&](int node) { return position[static_cast<std::size_t>(node)]; };
  const std::vector<int> users = draft.users_in_order(value);
  int before = at(draft.producer(value)), longest = between;
  std::size_t first = users.size();
  for (std::size_t i = 0; i < users.size(); ++i) {
    if (at(users[i]) - before > longest) {
      longest = at(users[i]) - before;
      first = i;
    }
    before = at(users[i]);
  }
  return {users.begin() + static_cast<std::ptrdiff_t>(first), users.end()};
}

std::string fuse_into(Draft& draft, ValueId made, ValueId reader) {
  const Map& map = *draft.node(draft.producer(reader)).map;
  const std::vector<const char*> ways =
      is_scope(map) ? std::vector<const char*>{"fuse_scope", "fuse_vertical"} : std::vector<const char*>{"fuse_vertical", "fuse_scope"};
  std::string reason;
  for (const char* way : ways) {
    const Transformation& fusion = find_transformation(way);
    const Draft::Mark mark = draft.mark();
    const Site site = fusion.name == "fuse_scope" ? Site{{made, reader}} : Site{{made}};
    reason = fusion.apply(draft, site, complete(fusion, {}));
    if (reason.empty()) return "";
    draft.rollback(mark);
  }
  return reason;
}

std::string compute_in_readers(Draft& draft, const Site& site) {
  const ValueId value = site.at[0];
  const int producer = draft.producer(value);
  if (producer < 0 || !draft.node(producer).is_map()) return "it is not made by a map";
  int last = 0;
  for (std::size_t i = 1; i < site.at.size(); ++i) {
    const int at = draft.producer(site.at[i]);
    const std::vector<int>& users = draft.users(value);
    if (std::find(users.begin(), users.end(), at) == users.end()) return "a node does not read it any more";
    if (!draft.node(at).is_map()) return fmt::format("{} reads it, which is a library call", draft.node(at).op);
    if (last == 0 || draft.before(last, at)) last = at;
  }
  if (last == 0) return "a reader is wanted";
  for (std::size_t i = 1; i < site.at.size(); ++i) {
    const int at = draft.producer(site.at[i]);
    const ValueId again = draft.value_count();
    Node made;
    if (std::string reason = Definition(draft, draft.node(producer), value, last).make(again, made); !reason.empty()) return reason;
    draft.add_value(draft.type(value));
    Node reader = draft.node(at);
    std::replace(reader.inputs.begin(), reader.inputs.end(), value, again);
    draft.insert(std::move(made), at);
    draft.replace(at, std::move(reader));
    if (std::string reason = fuse_into(draft, again, site.at[i]); !reason.empty()) return reason;
  }
  if (!draft.users(value).empty() || draft.is_output(value)) return "";
  if (draft.node(producer).outputs.size() == 1) {
    draft.erase_unused(producer);
  } else {
    draft.replace(producer, without_result(draft.node(producer), value));
  }
  return "";
}

std::vector<Site> find(const Draft& draft, int between) {
  std::vector<Site> sites;
  std::vector<int> position;
  int count = 0;
  for (int node = draft.first(); node != 0; node = draft.next(node)) {
    if (static_cast<std::size_t>(node) >= position.size()) position.resize(2 * static_cast<std::size_t>(node) + 1);
    position[static_cast<std::size_t>(node)] = count++;
  }
  for (int node = draft.first(); node != 0; node = draft.next(node)) {
    if (!draft.node(node).is_map() || draft.node(node).kept) continue;
    for (const ValueId value : draft.node(node).outputs) {
      if (draft.users(value).empty() || draft.type(value).rank() < 2) continue;
      Site site{{value}};
      for (const int at : late_readers(draft, value, position, between)) site.at.push_back(draft.node(at).outputs[0]);
      if (site.at.size() > 1) sites.push_back(std::move(site));
    }
  }
  return sites;
}

// The model's time of a kernel is that of its flops or of its bytes, whichever is more: of a kernel that computes, bytes cost nothing
// there. They do cost something, to other threads too, and the memory that they take is free for others between the passes; so what it
// takes to compute again is held against what copying them takes.
int apply_all(Graph& graph, const Parameters& parameters, Pass& pass) {
  const double share = static_cast<double>(parameters.at("percent")) / 100;
  Draft draft(graph);
  int edits = 0;
  std::vector<std::pair<NodePtr, std::string>> refused;  // in the last round
  for (bool changed = true; changed;) {
    changed = false;
    refused.clear();
    for (const Site& site : find(draft, static_cast<int>(parameters.at("between")))) {
      const Draft::Mark mark = draft.mark();
      const NodePtr node = draft.pointer(draft.producer(site.at[0]));
      std::string reason = compute_in_readers(draft, site);
      if (reason.empty()) {
        const Draft::Difference difference = draft.since(mark);
        Cost change;
        for (const NodePtr& made : difference.made) change += pass.model.node(draft.shell(), *made);
        for (const NodePtr& gone : difference.gone) change = change - pass.model.node(draft.shell(), *gone);
        if (change.bytes <= 0 && change.seconds <= share * pass.model.copy_seconds(-change.bytes)) {
          pass.made(draft.shell(), *node,
                    fmt::format("computed again where it is read late: {:+.3g} us, {:+.3g} kB", change.seconds * 1e6, change.bytes / 1e3));
          ++edits;
          changed = true;
          continue;
        }
        reason = fmt::format("it would take {:.3g} us more, for {:+.3g} kB", change.seconds * 1e6, change.bytes / 1e3);
      }
      draft.rollback(mark);
      refused.emplace_back(node, std::move(reason));
    }
  }
  for (auto& [node, reason] : refused) pass.refuse(draft.shell(), *node, std::move(reason));
  if (edits > 0) graph = draft.graph();
  return edits;
}

const RegisterTransformation compute_late{
    {.name = "compute_late",
     .level = 4,
     .about = "computes what is read again much later there, from what is kept anyway, in place of keeping it too",
     .parameters = {{"between", fewest_between, 0, 1 << 20, "how many nodes run, at least, before a reader that is late"},
                    {"percent", 150, 0, 1000, "most time that it may take, of what a copy of the bytes takes that it saves"}},
     .needs_gain = false,
     .apply_everywhere = apply_all}};

}  // namespace
}  // namespace neap::compute_late_transformation
