#include "neap/transform/measuring.h"

#include <fmt/format.h>

#include "neap/base/error.h"
#include "neap/base/machine.h"

namespace neap {

Executable measurable(const Graph& graph, std::string_view what) {
  Executable made(graph);
  for (const NodeProfile& node : made.profile()) {
    if (node.how == "interpreter")
      throw Error(fmt::format("{} cannot be measured without a compiler", what), "tuning", "install one, or do not tune");
  }
  return made;
}

Hasher on_this_machine() {
  Hasher hasher;
  hasher.add(machine().cpu).add(name(best_isa())).add(static_cast<std::uint64_t>(thread_count()));
  return hasher;
}

}  // namespace neap
