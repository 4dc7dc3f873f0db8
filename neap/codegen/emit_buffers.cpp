// Buffers of a scope: those of each entry of a block, and those that are vectors in registers.
#include <fmt/format.h>

#include <algorithm>

#include "neap/codegen/emitter.h"

namespace neap {

void Emitter::set_buffers_of_entry(int axis, const std::set<std::string>& buffers) {
  for (const std::string& base : buffers) of_entry_[base] = axis;
  free_.clear();
}

bool Emitter::has_buffers_of_entry(int axis) const {
  return std::any_of(of_entry_.begin(), of_entry_.end(), [&](const auto& each) { return each.second == axis; });
}

std::string Emitter::entry_text(int axis) const {
  const auto found = entry_text_.find(axis);
  return found == entry_text_.end() ? "" : found->second;
}

int Emitter::depth_of_buffer(const LoopLevel& here, const std::string& base) const {
  if (base[0] != 'l') return 0;
  if (of_entry_.empty()) return stage_depth_;
  const auto own = of_entry_.find(base);
  return own == of_entry_.end() ? stage_depth_ : std::max(stage_depth_, depth_of_axis(here, own->second));
}

std::int64_t Emitter::vectors(const std::string& base) const {
  const auto found = held_.find(base);
  return found == held_.end() ? 0 : found->second;
}

std::string Emitter::declare_vectors(const std::string& base, DType dtype, const std::string& start) const {
  const std::string type = compute_type(dtype, Form::vector);
  std::string text;
  for (std::int64_t k = 0; k < vectors(base); ++k) {
    text += fmt::format("{} {}_{}{};\n", type, base, k, start.empty() ? "" : fmt::format(" = splat<{}>({})", type, start));
  }
  return text;
}

std::string Emitter::fold_held_groups_text(const std::vector<Place>& places, Reduction reduction, DType dtype,
                                           const std::vector<std::string>& elements, bool fresh) const {
  std::string text;
  for (std::size_t from = 0; from < places.size();) {
    std::size_t to = from, count = 1;
    while (to < places.size() && places[to].held == places[from].held) ++to;
    while (count < to - from) count *= 2;
    std::string folded = fmt::format("folded_groups<{}>({}", places[from].group, fold_function(reduction, dtype));
    for (std::size_t k = 0; k < count; ++k) folded += ", " + elements[std::min(from + k, to - 1)];
    folded += ")";
    text += fmt::format("{} = {};\n", places[from].held, fresh ? folded : fold_text(reduction, dtype, folded, places[from].held));
    from = to;
  }
  return text;
}

}  // namespace neap
