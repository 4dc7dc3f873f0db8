#include "neap/codegen/entry_pairs.h"

#include <fmt/format.h>

#include <algorithm>

namespace neap {
namespace {

class Pairing {
 public:
  Pairing(Emitter& emit, const Axis& axis, const std::set<std::string>& of_entry) : emit_(emit), axis_(axis), of_entry_(of_entry) {}

  std::optional<EntryPairs> run(const std::vector<const Nest*>& nests) {
    const bool gains = std::any_of(nests.begin(), nests.end(), [](const Nest* nest) { return nest->lanes.half; });
    if (!gains || !std::all_of(of_entry_.begin(), of_entry_.end(), [&](const std::string& base) { return emit_.vectors(base) == 1; }))
      return std::nullopt;
    pairs_.buffers = of_entry_;
    for (const Nest* nest : nests) {
      set_certain(emit_, *nest);
      if (!(nest->lanes.half ? add_for_both(*nest) : add_for_each(*nest))) return std::nullopt;
    }
    return std::move(pairs_);
  }

 private:
  bool add_for_both(const Nest& nest) {
    for (const Assignment& a : nest.body) {
      const bool is_own = of_entry_.count(a.base) != 0;
      if (is_own == (a.accumulate != Accumulate::none) || emit_.vectors(a.base) != 1 || !is_row(a.value, nest.lanes.axis)) return false;
      if (is_own) continue;
      pairs_.buffers.insert(a.base);
      pairs_.sums.emplace_back(a.base, reduction_of(a.accumulate));
    }
    Nest both = nest;
    both.lanes.pair = axis_.id;
    pairs_.nests.push_back({std::move(both)});
    return true;
  }

  // Whether all that depends on the entry is loaded as rows, each for its own lanes.
  bool is_row(const Expr& e, int lane) {
    if (!emit_.depends(e, axis_.id)) return true;
    if (!emit_.depends(e, lane) || e->op == Scalar::reduce) return false;
    if (e->op == Scalar::read) return !has_outside(e) && !emit_.needs_guard(e);
    return std::all_of(e->args.begin(), e->args.end(), [&](const Expr& arg) { return is_row(arg, lane); });
  }

  bool add_for_each(const Nest& nest) {
    for (const Assignment& a : nest.body) {
      if (of_entry_.count(a.base) != 0 || !reads_groups(a.value, nest.lanes.axis)) return false;
    }
    Nest second = nest;
    for (Assignment& a : second.body) {
      a.value = emit_.at_next(a.value, axis_.id);
      for (Expr& index : a.index) index = emit_.at_next(index, axis_.id);
    }
    second.lanes.of_pair = 1;
    pairs_.nests.push_back({nest, std::move(second)});
    return true;
  }

  // Whether buffers of the entry are read by elements that lanes share, or again and again: those of the second entry are found behind the
  // first's.
  bool reads_groups(const Expr& value, int lane) const {
    bool all = true;
    visit(value, [&](const Expr& e) {
      if (e->op != Scalar::read || of_entry_.count(operand_name(e->integer)) == 0) return;
      all &= lane >= 0 && shares_lanes(storage_offset(emit_.operand_type(e->integer), index_of(e)), lane);
    });
    return all;
  }

  Emitter& emit_;
  const Axis& axis_;
  const std::set<std::string>& of_entry_;
  EntryPairs pairs_;
};

}  // namespace

std::optional<EntryPairs> pairs_of_entries(Emitter& emit, const std::vector<const Nest*>& nests, const Axis& axis,
                                           const std::set<std::string>& of_entry) {
  return Pairing(emit, axis, of_entry).run(nests);
}

std::string fold_pairs_text(const EntryPairs& pairs) {
  std::string text;
  for (const auto& [base, reduction] : pairs.sums) {
    const std::string vector = base + "_0";
    text += fmt::format("{} = from_half({});\n", vector,
                        fold_text(reduction, DType::f32, fmt::format("first_half({})", vector), fmt::format("second_half({})", vector)));
  }
  return text;
}

}  // namespace neap
