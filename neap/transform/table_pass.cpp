#include "neap/transform/table_pass.h"

namespace neap {

Node table_pass(Draft& draft, ValueId table, std::vector<Axis> axes, std::vector<Expr> from, const std::vector<std::string>& origin) {
  Type type{draft.type(table).dtype, {}, {}};
  Stage stage;
  for (const Axis& axis : axes) {
    type.shape.push_back(axis.extent);
    stage.index.push_back(axis_position(axis));
  }
  stage.value = read(0, type.dtype, std::move(from));
  Node node;
  node.map = std::make_shared<const Map>(Map{std::move(axes), {}, {std::move(stage)}});
  node.inputs = {table};
  node.outputs = {draft.add_value(std::move(type))};
  node.origin = origin;
  return node;
}

}  // namespace neap
