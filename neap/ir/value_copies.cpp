#include "neap/ir/value_copies.h"

namespace neap {

ValueId ValueCopies::of(ValueId from) {
  if (from == no_value) return no_value;
  const auto [at, fresh] = copies_.try_emplace(from, no_value);
  if (!fresh) return at->second;
  const Value& value = from_.value(from);
  return at->second =
             value.constant ? to_.add_constant(*value.constant, value.name, value.type.layout) : to_.add_value(value.type, value.name);
}

Node ValueCopies::of(const Node& node) {
  Node copy = node;
  for (ValueId& id : copy.inputs) id = of(id);
  for (ValueId& id : copy.outputs) id = of(id);
  return copy;
}

}  // namespace neap
