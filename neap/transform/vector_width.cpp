// Lays vectors along an axis, and says how many elements a pass of its loop takes: several vectors side by side hide their latencies.
#include <fmt/core.h>

#include "neap/codegen/access.h"
#include "neap/transform/schedule_edit.h"

namespace neap::vector_width_transformation {
namespace {

std::string set_width(Draft& draft, const Site& site, const Parameters& parameters) {
  return edit_schedule(draft, site, parameters, [&](const ScheduledMap& at, Schedule& schedule) -> std::string {
    const std::int64_t width = parameters.at("width");
    if (at.is_scope) return "it is a scope: its stages have loops of their own";
    if (at.axis.ragged != nullptr) return "the axis is ragged";
    if (schedule.tile.count(at.axis.id) != 0) return "the axis is tiled";
    for (const Stage& stage : at.node.map->stages) {
      const Type& type = at.draft.type(at.node.outputs[static_cast<std::size_t>(stage.target)]);
      if (!is_float(type.dtype)) return fmt::format("its results are {}", name(type.dtype));
      const auto step = coefficient_of(storage_offset(type, stage.index), at.axis.id);
      if (!step || !(*step == Dim(1))) return "its results do not lie side by side along the axis";
    }
    schedule.vector_axis = at.axis.id;
    schedule.vector_width = static_cast<int>(width);
    return "";
  });
}

const RegisterTransformation vector_width{{.name = "vector_width",
                                           .level = 1,
                                           .about = "lays vectors along an axis, as many elements at a time as asked",
                                           .parameters = {axis_parameter(), {"width", 16, 4, 128, "elements at a time"}},
                                           .find = every_map,
                                           .apply = set_width}};

}  // namespace
}  // namespace neap::vector_width_transformation
