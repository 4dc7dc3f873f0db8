#include "neap/ops/pool.h"

#include <algorithm>

namespace neap {

std::vector<AttributeSpec> pool_attributes() {
  std::vector<AttributeSpec> all{{"kernel_size", std::vector<std::int64_t>{}, "sizes of the window", true}};
  for (const AttributeSpec& spec : window_attributes()) all.push_back(spec);
  all.push_back({"ceil_mode", false, "also windows that reach beyond the end"});
  return all;
}

Window pool_window(const Call& call) {
  const auto& kernel = call.integers("kernel_size");
  Window window(call, {kernel.begin(), kernel.end()});
  window.ceil_mode = call.flag("ceil_mode");
  const int rank = call.input(0).rank();
  if (rank < 3 || rank > 5 || window.rank() != rank - 2) {
    call.fail(fmt::format("a window of {} axes for an operand of rank {}", window.rank(), rank),
              "batch, channels, and 1 to 3 spatial axes");
  }
  for (int i = 0; i < window.rank(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    if (std::max(window.begins[at], window.ends[at]) >= window.reach(i).constant()) {
      call.fail("a window could lie in the padding whole", "pad less than the window reaches");
    }
  }
  return window;
}

Shape pooled_sizes(const Call& call, const Window& window, const Shape& spatial) {
  Shape sizes;
  for (int i = 0; i < window.rank(); ++i) sizes.push_back(window.output_size(call, i, spatial[static_cast<std::size_t>(i)]));
  return sizes;
}

std::vector<Axis> pool_axes(Definition& d, const Shape& spatial) {
  std::vector<Axis> axes{d.axis("n", d.size(0, 0)), d.axis("c", d.size(0, 1))};
  for (const Dim& size : spatial) axes.push_back(d.axis(fmt::format("o{}", axes.size() - 2), size));
  return axes;
}

}  // namespace neap
