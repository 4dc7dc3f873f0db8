// Runs several positions of an axis side by side, so that what is loaded for one serves all: a register tile.
#include <fmt/core.h>

#include <algorithm>

#include "neap/transform/schedule_edit.h"

namespace neap::tile_transformation {
namespace {

std::string set_tile(Draft& draft, const Site& site, const Parameters& parameters) {
  return edit_schedule(draft, site, parameters, [&](const ScheduledMap& at, Schedule& schedule) -> std::string {
    const std::int64_t size = parameters.at("size");
    if (at.is_scope) return "it is a scope: its stages have loops of their own";
    if (at.axis.ragged != nullptr) return "the axis is ragged";
    if (at.axis.id == schedule.vector_axis) return "vectors lie along the axis";
    const auto& stages = at.node.map->stages;
    if (std::any_of(stages.begin(), stages.end(), [](const Stage& stage) { return stage.accumulate != Accumulate::none; }))
      return "it accumulates";
    if (at.axis.extent.is_constant() && at.axis.extent.constant() < size)
      return fmt::format("the axis has {} positions", at.axis.extent.constant());
    schedule.tile = {{at.axis.id, size}};
    return "";
  });
}

const RegisterTransformation tile{{.name = "tile",
                                   .level = 1,
                                   .about = "runs several positions of an axis side by side: what is loaded for one serves all",
                                   .parameters = {axis_parameter(), {"size", 4, 1, 16, "positions side by side"}},
                                   .find = every_map,
                                   .apply = set_tile}};

}  // namespace
}  // namespace neap::tile_transformation
