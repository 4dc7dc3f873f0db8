// Chooses the axis that threads share. How it is cut depends on the sizes alone, so that the results do not depend on the threads.
#include "neap/transform/schedule_edit.h"

namespace neap::parallel_axis_transformation {
namespace {

std::string set_axis(Draft& draft, const Site& site, const Parameters& parameters) {
  return edit_schedule(draft, site, parameters, [&](const ScheduledMap& at, Schedule& schedule) -> std::string {
    if (at.axis.ragged != nullptr) return "the axis is ragged";
    if (at.axis.extent == Dim(1)) return "the axis has one position";
    schedule.parallel_axis = at.axis.id;
    return "";
  });
}

const RegisterTransformation parallel_axis{{.name = "parallel_axis",
                                            .level = 1,
                                            .about = "chooses the axis that threads share",
                                            .parameters = {axis_parameter()},
                                            .find = every_map,
                                            .apply = set_axis}};

}  // namespace
}  // namespace neap::parallel_axis_transformation
