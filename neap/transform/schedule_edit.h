// What the transformations inside one map share: its schedule, changed. The cost model does not see schedules, so none of these is kept for
// its prediction: they are made by hand, or by whoever measures.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "neap/transform/transformation.h"

namespace neap {

std::vector<Site> every_map(const Draft& draft);

// Changes the schedule of the map at the site; `change` is given the axis that the parameter `axis` counts (0: outermost) and gives the
// reason where it does not fit.
struct ScheduledMap {
  const Draft& draft;
  const Node& node;
  const Axis& axis;
  bool is_scope;
};
std::string edit_schedule(Draft& draft, const Site& site, const Parameters& parameters,
                          const std::function<std::string(const ScheduledMap&, Schedule&)>& change);

// Its parameter.
ParameterSpec axis_parameter();

}  // namespace neap
