#include "neap/transform/draft.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "neap/base/error.h"

namespace neap {
namespace {

constexpr std::int64_t label_step = std::int64_t{1} << 24;
constexpr std::size_t largest_search = 1000;  // nodes

std::size_t index(ValueId value) { return static_cast<std::size_t>(value); }

void add_user(std::vector<int>& users, int at) {
  const auto place = std::lower_bound(users.begin(), users.end(), at);
  if (place == users.end() || *place != at) users.insert(place, at);
}

void remove_user(std::vector<int>& users, int at) {
  const auto place = std::lower_bound(users.begin(), users.end(), at);
  if (place != users.end() && *place == at) users.erase(place);
}

}  // namespace

Draft::Draft(Graph graph) { adopt(std::move(graph)); }

void Draft::adopt(Graph graph) {
  const bool first = state_.slots.empty();
  auto old = std::make_shared<State>(std::move(state_));
  state_ = {};
  state_.slots.resize(1);
  state_.slots.reserve(graph.nodes().size() + 1);
  const std::vector<NodePtr> nodes = graph.nodes();
  state_.shell = std::move(graph);
  state_.shell.set_nodes({});
  grow();
  for (const Output& output : state_.shell.outputs) ++state_.output_uses[index(output.value)];
  for (const NodePtr& node : nodes) {
    state_.slots.push_back({node, 0, 0, 0});
    const int at = static_cast<int>(state_.slots.size()) - 1;
    link(at, state_.slots[0].previous);
    attach(at);
  }
  if (!first) log_.push_back({.kind = Change::adopted, .state = std::move(old)});
}

void Draft::grow() {
  const auto count = static_cast<std::size_t>(state_.shell.value_count());
  state_.producers.resize(count, -1);
  state_.users.resize(count);
  state_.output_uses.resize(count, 0);
}

int Draft::producer(ValueId value) const { return value < 0 || value >= value_count() ? -1 : state_.producers[index(value)]; }
const std::vector<int>& Draft::users(ValueId value) const { return state_.users[index(value)]; }
bool Draft::is_output(ValueId value) const { return state_.output_uses[index(value)] > 0; }

std::vector<int> Draft::users_in_order(ValueId value) const {
  std::vector<int> ordered = users(value);
  std::sort(ordered.begin(), ordered.end(), [&](int a, int b) { return before(a, b); });
  return ordered;
}

bool Draft::is_there(ValueId value) const {
  if (!state_.shell.has_value(value)) return false;
  if (producer(value) >= 0 || this->value(value).constant.has_value()) return true;
  return std::any_of(state_.shell.inputs.begin(), state_.shell.inputs.end(), [&](const Input& input) { return input.value == value; });
}

ValueId Draft::add_value(Type type, std::string name) {
  const ValueId id = state_.shell.add_value(std::move(type), std::move(name));
  grow();
  log_.push_back({.kind = Change::value_added, .value = id});
  return id;
}

ValueId Draft::add_constant(Array elements) {
  const ValueId id = state_.shell.add_constant(std::move(elements));
  grow();
  log_.push_back({.kind = Change::value_added, .value = id});
  return id;
}

void Draft::link(int at, int previous) {
  const int next = slot(previous).next;
  slot(at).previous = previous;
  slot(at).next = next;
  slot(previous).next = at;
  slot(next).previous = at;
  ++state_.nodes;
  const std::int64_t low = slot(previous).label;
  const std::int64_t high = next == 0 ? low + 2 * label_step : slot(next).label;
  slot(at).label = low + (high - low) / 2;
  if (slot(at).label == low) relabel();
}

void Draft::unlink(int at) {
  slot(slot(at).previous).next = slot(at).next;
  slot(slot(at).next).previous = slot(at).previous;
  --state_.nodes;
}

void Draft::relabel() {
  std::int64_t label = 0;
  for (int at = first(); at != 0; at = next(at)) slot(at).label = label += label_step;
}

void Draft::attach(int at) {
  const Node& node = *slot(at).node;
  for (const ValueId id : node.inputs) {
    if (id != no_value) add_user(state_.users[index(id)], at);
  }
  for (const ValueId id : node.outputs) state_.producers[index(id)] = at;
}

void Draft::detach(int at) {
  const Node& node = *slot(at).node;
  for (const ValueId id : node.inputs) {
    if (id != no_value) remove_user(state_.users[index(id)], at);
  }
  for (const ValueId id : node.outputs) {
    if (producer(id) == at) state_.producers[index(id)] = -1;
  }
}

int Draft::insert(Node node, int before) {
  const int at = static_cast<int>(state_.slots.size());
  state_.slots.push_back({std::make_shared<const Node>(std::move(node)), 0, 0, 0});
  link(at, slot(before).previous);
  attach(at);
  log_.push_back({.kind = Change::inserted, .at = at, .now = slot(at).node});
  return at;
}

void Draft::erase(int at) {
  detach(at);
  unlink(at);
  log_.push_back({.kind = Change::erased, .at = at, .old = std::move(slot(at).node)});
  slot(at).node = nullptr;
}

// What the old and the new contents both use keeps its list of users, which can be long.
void Draft::exchange(int at, NodePtr now) {
  const NodePtr old = std::exchange(slot(at).node, std::move(now));
  const Node& node = *slot(at).node;
  const auto reads = [](const Node& reader, ValueId id) {
    return std::find(reader.inputs.begin(), reader.inputs.end(), id) != reader.inputs.end();
  };
  for (const ValueId id : old->inputs) {
    if (id != no_value && !reads(node, id)) remove_user(state_.users[index(id)], at);
  }
  for (const ValueId id : node.inputs) {
    if (id != no_value && !reads(*old, id)) add_user(state_.users[index(id)], at);
  }
  for (const ValueId id : old->outputs) {
    if (producer(id) == at) state_.producers[index(id)] = -1;
  }
  for (const ValueId id : node.outputs) state_.producers[index(id)] = at;
}

void Draft::replace(int at, Node node) {
  NodePtr old = slot(at).node;
  exchange(at, std::make_shared<const Node>(std::move(node)));
  log_.push_back({.kind = Change::replaced, .at = at, .old = std::move(old), .now = slot(at).node});
}

void Draft::set_output(std::size_t which, ValueId value) {
  ValueId& there = state_.shell.outputs[which].value;
  --state_.output_uses[index(there)];
  ++state_.output_uses[index(value)];
  there = value;
}

void Draft::rebind(ValueId from, ValueId to) {
  for (const int at : std::vector<int>(users(from))) {
    Node changed = node(at);
    std::replace(changed.inputs.begin(), changed.inputs.end(), from, to);
    replace(at, std::move(changed));
  }
  if (!is_output(from)) return;
  for (std::size_t i = 0; i < state_.shell.outputs.size(); ++i) {
    if (state_.shell.outputs[i].value != from) continue;
    set_output(i, to);
    log_.push_back({.kind = Change::output_rebound, .at = static_cast<int>(i), .value = from});
  }
}

void Draft::erase_unused(int at) {
  std::vector<int> pending{at};
  while (!pending.empty()) {
    const int candidate = pending.back();
    pending.pop_back();
    if (!there(candidate)) continue;
    const NodePtr gone = slot(candidate).node;
    const auto unused = [&](ValueId id) { return producer(id) != candidate || (users(id).empty() && !is_output(id)); };
    if (!std::all_of(gone->outputs.begin(), gone->outputs.end(), unused)) continue;
    erase(candidate);
    for (const ValueId id : gone->inputs) {
      if (id != no_value && producer(id) >= 0) pending.push_back(producer(id));
    }
  }
}

void Draft::move_behind(int at, int previous) {
  log_.push_back({.kind = Change::moved, .at = at, .previous = slot(at).previous});
  unlink(at);
  link(at, previous);
}

void Draft::replace_group(const std::vector<int>& group, std::vector<Node> nodes) {
  const int last = group.back();
  for (std::size_t i = 0; i + 1 < group.size(); ++i) {
    NEAP_ASSERT(before(group[i], group[i + 1]), " the group is given in order");
  }
  for (std::size_t i = 0; i + 1 < group.size(); ++i) erase(group[i]);
  const int after = next(last);
  replace(last, std::move(nodes[0]));
  std::vector<int> pending{last};
  for (std::size_t i = 1; i < nodes.size(); ++i) pending.push_back(insert(std::move(nodes[i]), after));
  int behind = pending.back();
  // What depends on the others' results and stood between them goes behind, in its own order.
  std::vector<int> moved;
  std::unordered_set<int> seen;
  while (!pending.empty()) {
    const int at = pending.back();
    pending.pop_back();
    for (const ValueId id : node(at).outputs) {
      for (const int user : users(id)) {
        if (!before(user, last) || !seen.insert(user).second) continue;
        moved.push_back(user);
        pending.push_back(user);
      }
    }
  }
  std::sort(moved.begin(), moved.end(), [&](int a, int b) { return before(a, b); });
  for (const int at : moved) {
    move_behind(at, behind);
    behind = at;
  }
}

bool Draft::depends_through_others(int earlier, int later) const {
  // Forward from the earlier and backward from the later by turns: the smaller neighbourhood decides.
  std::unordered_set<int> forward{earlier}, backward{later};
  std::vector<int> ahead{earlier}, behind{later};
  while (!ahead.empty() && !behind.empty()) {
    if (forward.size() + backward.size() > largest_search) return true;
    if (ahead.size() <= behind.size()) {
      const int at = ahead.back();
      ahead.pop_back();
      for (const ValueId id : node(at).outputs) {
        for (const int user : users(id)) {
          if (user == later) {
            if (at != earlier) return true;
          } else if (before(user, later) && forward.insert(user).second) {
            if (backward.count(user) != 0) return true;
            ahead.push_back(user);
          }
        }
      }
    } else {
      const int at = behind.back();
      behind.pop_back();
      for (const ValueId id : node(at).inputs) {
        const int maker = id == no_value ? -1 : producer(id);
        if (maker < 0) continue;
        if (maker == earlier) {
          if (at != later) return true;
        } else if (before(earlier, maker) && backward.insert(maker).second) {
          if (forward.count(maker) != 0) return true;
          behind.push_back(maker);
        }
      }
    }
  }
  return false;
}

void Draft::rollback(Mark mark) {
  while (log_.size() > mark) {
    Change change = std::move(log_.back());
    log_.pop_back();
    switch (change.kind) {
      case Change::inserted:
        detach(change.at);
        unlink(change.at);
        state_.slots.pop_back();  // the newest handle: what came after it is taken back already
        break;
      case Change::erased:
        slot(change.at).node = std::move(change.old);
        link(change.at, slot(change.at).previous);  // in reverse order the neighbours are again what they were
        attach(change.at);
        break;
      case Change::moved:
        unlink(change.at);
        link(change.at, change.previous);
        break;
      case Change::replaced:
        exchange(change.at, std::move(change.old));
        break;
      case Change::value_added:
        state_.shell.drop_values_from(change.value);
        state_.producers.resize(index(change.value));
        state_.users.resize(index(change.value));
        state_.output_uses.resize(index(change.value));
        break;
      case Change::output_rebound:
        set_output(static_cast<std::size_t>(change.at), change.value);
        break;
      case Change::adopted:
        state_ = std::move(*change.state);
        break;
    }
  }
}

Draft::Difference Draft::since(Mark mark) const {
  struct Balance {
    const NodePtr* node;
    int times;
  };
  std::vector<Balance> balances;  // an edit touches few
  std::unordered_map<const Node*, std::size_t> many;
  constexpr std::size_t few = 16;
  const auto note = [&](const NodePtr& node, int sign) {
    if (node == nullptr) return;
    std::size_t at = balances.size();
    if (balances.size() < few) {
      const auto is_it = [&](const Balance& balance) { return *balance.node == node; };
      at = static_cast<std::size_t>(std::find_if(balances.begin(), balances.end(), is_it) - balances.begin());
    } else {
      if (many.empty()) {
        for (std::size_t i = 0; i < balances.size(); ++i) many.emplace(balances[i].node->get(), i);
      }
      at = many.emplace(node.get(), at).first->second;
    }
    if (at == balances.size()) balances.push_back({&node, 0});
    balances[at].times += sign;
  };
  for (std::size_t i = mark; i < log_.size(); ++i) {
    NEAP_ASSERT(log_[i].kind != Change::adopted, " of a whole graph");
    note(log_[i].old, -1);
    note(log_[i].now, 1);
  }
  Difference difference;
  for (const auto& [node, times] : balances) {
    if (times < 0) difference.gone.push_back(*node);
    if (times > 0) difference.made.push_back(*node);
  }
  return difference;
}

Graph Draft::graph() const {
  Graph graph = state_.shell;
  std::vector<NodePtr> nodes;
  nodes.reserve(state_.nodes);
  for (int at = first(); at != 0; at = next(at)) nodes.push_back(slot(at).node);
  graph.set_nodes(std::move(nodes));
  graph.compact();
  return graph;
}

}  // namespace neap
