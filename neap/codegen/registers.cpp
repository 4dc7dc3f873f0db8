#include "neap/codegen/registers.h"

#include <algorithm>
#include <limits>
#include <map>

#include "neap/codegen/exchange.h"

namespace neap {
namespace {

constexpr std::int64_t most_vectors = 8;  // of one nest side by side

std::int64_t vectors_of(std::int64_t elements, int width) { return (elements + width - 1) / width; }

// Whether the nest is one loop over vectors, few enough to be written out.
bool is_row_of_vectors(const Emitter& emit, const Nest& nest) {
  if (nest.loops.size() != 1 || nest.loops[0].kind != Loop::vector || nest.block_axis >= 0) return false;
  const Dim& extent = nest.loops[0].axis.extent;
  return extent.is_constant() && extent.constant() > 0 && vectors_of(extent.constant(), emit.width(nest.lanes)) <= most_vectors;
}

class Choice {
 public:
  Choice(Emitter& emit, const std::vector<Nest>& nests, const std::vector<std::size_t>& steps)
      : emit_(emit), taken_(steps.empty() ? 0 : steps.back() + 1) {
    for (std::size_t n = 0; n < nests.size(); ++n) {
      const Nest& nest = nests[n];
      now_ = steps[n];
      if (const std::optional<Exchange> exchange = exchange_of(emit, nest)) {
        exchanges_.push_back(*exchange);
        for (const std::string& base : {exchange->from, exchange->to}) buffers_[base].use(now_);
        continue;
      }
      const bool row = is_row_of_vectors(emit, nest);
      set_certain(emit, nest);
      for (const Assignment& a : nest.body) {
        if (is_buffer(a.base)) look(nest, row, a.base, a.type, a.index);
        if (is_buffer(a.base) && a.accumulate != Accumulate::none) buffers_.at(a.base).use(0);  // where it is set to begin with
        look(nest, row, a.value);
        for (const Expr& index : a.index) look(nest, row, index);
      }
    }
  }

  // The smallest first, as many as there are registers for at each step.
  std::map<std::string, std::int64_t> chosen() {
    const auto times = [&](const std::string& base) {
      return std::count_if(exchanges_.begin(), exchanges_.end(), [&](const Exchange& e) { return e.from == base || e.to == base; });
    };
    for (const Exchange& exchange : exchanges_) {
      Buffer &first = buffers_.at(exchange.from), &second = buffers_.at(exchange.to);
      const bool alone = times(exchange.from) == 1 && times(exchange.to) == 1;
      if (first.vectors != second.vectors || !alone || exchange.elements % emit_.width(DType::f32) != 0)
        first.vectors = second.vectors = -1;
      // The second of two buffers takes the place of the first.
      for (const std::size_t step : {second.first, second.last}) first.use(step);
    }
    const auto exchange_at = [&](std::string Exchange::*side, const std::string& base) {
      return std::find_if(exchanges_.begin(), exchanges_.end(), [&](const Exchange& e) { return e.*side == base; });
    };
    std::vector<std::pair<std::int64_t, std::string>> by_size;
    for (const auto& [base, buffer] : buffers_) {
      if (buffer.vectors > 0 && exchange_at(&Exchange::to, base) == exchanges_.end()) by_size.emplace_back(buffer.vectors, base);
    }
    std::sort(by_size.begin(), by_size.end());
    std::map<std::string, std::int64_t> held;
    for (const auto& [count, base] : by_size) {
      if (!take(buffers_.at(base))) continue;
      held.emplace(base, count);
      if (const auto exchange = exchange_at(&Exchange::from, base); exchange != exchanges_.end()) held.emplace(exchange->to, count);
    }
    return held;
  }

 private:
  struct Buffer {
    std::int64_t vectors = 0;                                               // -1: it has to stay in memory
    std::size_t first = std::numeric_limits<std::size_t>::max(), last = 0;  // steps
    void use(std::size_t step) {
      first = std::min(first, step);
      last = std::max(last, step);
    }
  };

  // Registers for it at each step from its first use to its last, if there are any.
  bool take(const Buffer& buffer) {
    const auto begin = taken_.begin() + static_cast<std::ptrdiff_t>(buffer.first);
    const auto end = taken_.begin() + static_cast<std::ptrdiff_t>(buffer.last) + 1;
    if ((*std::max_element(begin, end) + buffer.vectors) * 4 > 3 * emit_.registers()) return false;
    std::for_each(begin, end, [&](std::int64_t& taken) { taken += buffer.vectors; });
    return true;
  }

  void look(const Nest& nest, bool row, const Expr& whole) {
    visit(whole, [&](const Expr& e) {
      if (e->op == Scalar::read && e->integer < 0)
        look(nest, row, operand_name(e->integer), emit_.operand_type(e->integer), index_of(e), has_outside(e) || emit_.needs_guard(e));
    });
  }

  void look(const Nest& nest, bool row, const std::string& base, const Type& type, const std::vector<Expr>& index, bool guarded = false) {
    const Expr offset = storage_offset(type, index);
    const bool alone = axes_of(offset) == std::set<int>{nest.lanes.axis};
    const std::int64_t group = alone ? group_of(offset, nest.lanes.axis) : 1, period = alone ? period_of(offset, nest.lanes.axis) : 0;
    const Dim elements = element_count(type.shape);
    bool fits = row && alone && !guarded && !emit_.is_buffer_of_entry(base) && type.dtype == nest.lanes.dtype &&
                (period > 0 ? elements == Dim(period) : elements * Dim(group) == nest.loops[0].axis.extent);
    if (period > 0) {
      fits = fits && offset->op == Scalar::mod;
    } else if (group == 1) {
      const Affine plain = affine(offset);
      fits = fits && plain.affine && plain.rest == Dim(0) && plain.coefficients.begin()->second == Dim(1);
    } else {
      fits = fits && offset->op == Scalar::floor_div;
    }
    Buffer& buffer = buffers_[base];
    buffer.use(now_);
    std::int64_t& vectors = buffer.vectors;
    vectors = fits && vectors >= 0 ? vectors_of(elements.constant(), emit_.width(type.dtype)) : -1;
  }

  const std::set<int>& axes_of(const Expr& e) const { return emit_.axes_of(e); }

  Emitter& emit_;
  std::map<std::string, Buffer> buffers_;
  std::vector<Exchange> exchanges_;
  std::vector<std::int64_t> taken_;  // registers, at each step
  std::size_t now_ = 0;
};

}  // namespace

void hold_in_registers(Emitter& emit, std::vector<Nest>& nests, const std::vector<std::size_t>& steps) {
  const std::map<std::string, std::int64_t> held = Choice(emit, nests, steps).chosen();
  if (held.empty()) return;
  for (Nest& nest : nests) {
    if (is_row_of_vectors(emit, nest))
      nest.loops[0].factor = static_cast<int>(vectors_of(nest.loops[0].axis.extent.constant(), emit.width(nest.lanes)));
    const std::optional<Exchange> exchange = exchange_of(emit, nest);
    if (exchange && held.count(exchange->to) != 0) nest.exchange = exchange;
  }
  emit.hold(held);
}

}  // namespace neap
