#include "neap/transform/schedule_edit.h"

#include <fmt/core.h>

#include "neap/ir/map_walk.h"

namespace neap {

std::vector<Site> every_map(const Draft& draft) {
  std::vector<Site> sites;
  for (int at = draft.first(); at != 0; at = draft.next(at)) {
    if (draft.node(at).is_map()) sites.push_back({{draft.node(at).outputs[0]}});
  }
  return sites;
}

std::string edit_schedule(Draft& draft, const Site& site, const Parameters& parameters,
                          const std::function<std::string(const ScheduledMap&, Schedule&)>& change) {
  const int at = site.at.size() == 1 ? draft.producer(site.at[0]) : -1;
  if (at < 0 || !draft.node(at).is_map()) return "there is no map here";
  Node node = draft.node(at);
  const auto axis = static_cast<std::size_t>(parameters.at("axis"));
  if (axis >= node.map->axes.size()) return fmt::format("it has {} axes", node.map->axes.size());
  Schedule schedule = node.schedule;
  std::string reason = change({draft, node, node.map->axes[axis], is_scope(*node.map)}, schedule);
  if (!reason.empty()) return reason;
  if (schedule == node.schedule) return "its schedule says so already";
  node.schedule = std::move(schedule);
  draft.replace(at, std::move(node));
  return "";
}

ParameterSpec axis_parameter() { return {"axis", 0, 0, 31, "which of the map's axes, 0: the outermost"}; }

}  // namespace neap
