// A graph being edited: who makes and who uses each value is known at any time, an edit costs what it touches, and each can be taken back.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "neap/ir/graph.h"

namespace neap {

// Nodes are named by handles, which stay the same while the node is there, also when its contents are replaced.
class Draft {
 public:
  explicit Draft(Graph graph);

  const Node& node(int at) const { return *slot(at).node; }
  const NodePtr& pointer(int at) const { return slot(at).node; }
  bool there(int at) const { return at > 0 && at < static_cast<int>(state_.slots.size()) && slot(at).node != nullptr; }
  int first() const { return slot(0).next; }  // 0: there is no node
  int next(int at) const { return slot(at).next; }
  int previous(int at) const { return slot(at).previous; }
  bool before(int a, int b) const { return slot(a).label < slot(b).label; }  // in the order in which they run
  std::size_t node_count() const { return state_.nodes; }

  int producer(ValueId value) const;                     // -1: an input, a constant, or gone
  const std::vector<int>& users(ValueId value) const;    // each node once; ordered by handle, not by the order in which they run
  std::vector<int> users_in_order(ValueId value) const;  // by the order in which they run
  bool is_output(ValueId value) const;
  bool is_there(ValueId value) const;  // made by a node, an input or a constant
  const Type& type(ValueId value) const { return state_.shell.type(value); }
  const Value& value(ValueId id) const { return state_.shell.value(id); }
  ValueId value_count() const { return state_.shell.value_count(); }
  // Whether calls may be given to libraries; else every call becomes a map. No edit, so that no mark remembers it.
  bool libraries() const { return libraries_; }
  void allow_libraries(bool allowed) { libraries_ = allowed; }
  // Inputs, outputs and the types of all values; its nodes are not kept up to date.
  const Graph& shell() const { return state_.shell; }

  ValueId add_value(Type type, std::string name = "");
  ValueId add_constant(Array elements);
  int insert(Node node, int before);  // before 0: at the end
  void erase(int at);
  void replace(int at, Node node);
  void rebind(ValueId from, ValueId to);  // uses, and outputs of the graph, of one value become those of another
  void erase_unused(int at);              // if nobody uses its results; then what was there only for it
  // Puts nodes, which together make the results of all, in place of some, given in order, that do not depend on each other through others.
  void replace_group(const std::vector<int>& group, std::vector<Node> nodes);
  void replace_pair(int first, int second, std::vector<Node> nodes) { replace_group({first, second}, std::move(nodes)); }
  void adopt(Graph graph);  // everything anew, as a pass over the whole graph made it

  // Whether `later` depends on `earlier` by a path through other nodes. A search that grows too large answers yes.
  bool depends_through_others(int earlier, int later) const;

  // Edits since a mark: taken back, or asked for.
  using Mark = std::size_t;
  Mark mark() const { return log_.size(); }
  void rollback(Mark mark);
  // Nodes that were there at the mark and are not now, and the other way round; not across `adopt`.
  struct Difference {
    std::vector<NodePtr> gone, made;
  };
  Difference since(Mark mark) const;

  Graph graph() const;

 private:
  struct Slot {
    NodePtr node;  // null: erased
    int previous = 0, next = 0;
    std::int64_t label = 0;  // grows in the order of nodes
  };
  struct State {
    Graph shell;
    std::vector<Slot> slots;  // [0] is both ends of the list
    std::size_t nodes = 0;
    std::vector<int> producers;           // by value
    std::vector<std::vector<int>> users;  // by value
    std::vector<int> output_uses;         // by value
  };
  struct Change {
    enum Kind { inserted, erased, moved, replaced, value_added, output_rebound, adopted } kind;
    int at = 0;        // node; or which output
    int previous = 0;  // of moved: where it was
    NodePtr old, now;  // of replaced, erased, inserted
    ValueId value = no_value;
    std::shared_ptr<State> state;
  };

  Slot& slot(int at) { return state_.slots[static_cast<std::size_t>(at)]; }
  const Slot& slot(int at) const { return state_.slots[static_cast<std::size_t>(at)]; }
  void link(int at, int previous);
  void unlink(int at);
  void attach(int at);  // notes what a node makes and uses
  void detach(int at);
  void exchange(int at, NodePtr now);
  void move_behind(int at, int previous);
  void set_output(std::size_t index, ValueId value);
  void relabel();
  void grow();
  static State state_of(Graph graph);

  State state_;
  std::vector<Change> log_;
  bool libraries_ = true;
};

}  // namespace neap
