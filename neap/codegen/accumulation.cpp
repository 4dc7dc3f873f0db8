#include "neap/codegen/accumulation.h"

#include <fmt/format.h>

#include <algorithm>

#include "neap/ir/map_walk.h"
#include "neap/ops/operator.h"

namespace neap {
namespace {

constexpr std::int64_t most_held = 4096;  // elements of a row's sums

// Partial results lie as the nest writes them, whatever the layout of the result: the dimension of the lanes innermost. Not where an axis
// runs over several dimensions at once, which must stay behind each other.
void lay_along_lanes(const Nest& nest, const Assignment& a, Type& type) {
  if (!type.layout.row_major() || nest.lanes.axis < 0) return;
  std::vector<int> order;
  int lane = -1;
  for (int d = 0; d < type.rank(); ++d) {
    const Expr& index = a.index[static_cast<std::size_t>(d)];
    const auto is_axis = [&](const Axis& axis) { return index->op == Scalar::axis && axis.id == index->integer; };
    const auto axis = std::find_if(nest.axes.begin(), nest.axes.end(), is_axis);
    if (axis != nest.axes.end() && !(axis->extent == type.shape[static_cast<std::size_t>(d)])) return;
    (index->op == Scalar::axis && index->integer == nest.lanes.axis ? lane : order.emplace_back()) = d;
  }
  if (lane < 0 || lane == type.rank() - 1) return;
  order.push_back(lane);
  for (const int d : order) type.layout.levels.push_back({d, 0});
}

}  // namespace

std::int64_t padded_count(std::int64_t count, DType dtype) {
  const auto lanes = static_cast<std::int64_t>(64 / size_of(dtype));
  return std::max(lanes, (count + lanes - 1) / lanes * lanes);
}

std::string Accumulation::Target::name() const { return fmt::format("{}{}", sharing == Sharing::partial ? "z" : held ? "h" : "y", output); }

Accumulation::Accumulation(Emitter& emit, const Map& map, const std::vector<Type>& outputs, std::size_t first_output,
                           std::vector<Axis> outer, std::optional<Axis> chunked, std::vector<Nest>& nests)
    : emit_(emit),
      outputs_(outputs),
      first_output_(first_output),
      scope_(is_scope(map)),
      outer_(std::move(outer)),
      chunked_(std::move(chunked)),
      serial_(!chunked_) {
  while (chunked_ && row_ + 1 < outer_.size() && outer_[row_].id != chunked_->id) ++row_;
  add_targets(nests);
  redirect(nests);
  for (const Target& target : targets_) {
    serial_ |= target.sharing == Sharing::serial;
    partial_ |= target.sharing == Sharing::partial;
  }
}

void Accumulation::add_targets(const std::vector<Nest>& nests) {
  for (const Nest& nest : nests) {
    for (const Assignment& a : nest.body) {
      if (is_buffer(a.base)) continue;
      const int output = std::stoi(a.base.substr(1));
      if (a.accumulate == Accumulate::none) {
        // Writes to places that the data chooses may meet: one thread makes them, in order.
        for (const Expr& index : a.index) {
          const bool in_chunk = !has_read(index) && chunked_ && !uses_axis(index, chunked_->id);
          serial_ |= !affine(index).affine && !in_chunk;
        }
        continue;
      }
      Target target{output,           a.accumulate,          a.index, outer_,
                    Sharing::partial, storage_count(a.type), a.type,  outputs_[static_cast<std::size_t>(output)].dtype};
      target.axes.insert(target.axes.end(), nest.axes.begin(), nest.axes.end());
      // Several stages may add to one result: then it is shared, in one copy a chunk.
      const auto known = std::find_if(targets_.begin(), targets_.end(), [&](const Target& t) { return t.output == target.output; });
      if (known == targets_.end() && owns(target)) {
        target.sharing = Sharing::own;
      } else if (!target.count.is_constant() || target.count.constant() * size_of(target.type.dtype) > most_partial_bytes) {
        target.sharing = target.type.dtype == target.stored ? Sharing::serial : Sharing::partial;
      }
      if (known == targets_.end()) {
        targets_.push_back(std::move(target));
      } else {
        known->sharing = target.sharing;
      }
    }
  }
}

void Accumulation::redirect(std::vector<Nest>& nests) {
  for (Target& target : targets_) {
    target.held = can_hold(target);
    for (Nest& nest : nests) {
      for (Assignment& a : nest.body) {
        if (a.base != fmt::format("y{}", target.output)) continue;
        if (target.sharing == Sharing::partial) lay_along_lanes(nest, a, target.type);
        a.base = target.name();
        a.type = target.type;
        if (!target.held) continue;
        a.type = row_type(target);
        a.index.erase(a.index.begin());
      }
    }
  }
}

// Whether each element of the target is met by one chunk only, and each chunk can set its own to the start.
bool Accumulation::owns(const Target& target) const {
  if (!chunked_ || target.type.dtype != target.stored) return false;
  Dim covered = 1;
  std::set<int> taken;
  for (const Expr& index : target.index) {
    const Affine a = affine(index);
    if (!a.affine || a.coefficients.size() > 1 || !(a.rest == Dim(0))) return false;
    if (a.coefficients.empty()) continue;
    const auto& [axis, step] = *a.coefficients.begin();
    const auto known = std::find_if(target.axes.begin(), target.axes.end(), [&, id = axis](const Axis& x) { return x.id == id; });
    if (!(step == Dim(1)) || !taken.insert(axis).second || known == target.axes.end() || known->ragged != nullptr) return false;
    covered *= known->extent;
  }
  return taken.count(chunked_->id) != 0 && covered == element_count(target.type.shape) && covered == target.count;
}

// Sums of a row are made in a buffer of the row, which no store to memory stands in the way of.
bool Accumulation::can_hold(const Target& target) const {
  if (!scope_ || target.sharing != Sharing::own || outer_.size() < row_ + 2 || !target.type.layout.row_major()) return false;
  const auto uses = [&](const Expr& index, const Axis& axis) { return uses_axis(index, axis.id); };
  for (std::size_t d = 0; d < target.index.size(); ++d) {
    for (std::size_t k = 0; k < outer_.size(); ++k) {
      if (uses(target.index[d], outer_[k]) != (d == 0 && k == row_)) return false;
    }
  }
  const Dim count = element_count(row_type(target).shape);
  return target.index[0]->op == Scalar::axis && count.is_constant() && count.constant() <= most_held;
}

Type Accumulation::row_type(const Target& target) {
  return {target.type.dtype, Shape(target.type.shape.begin() + 1, target.type.shape.end()), {}};
}

std::string Accumulation::scratch_bytes() const {
  std::string text = "0l";
  for (const Target& target : targets_) {
    if (target.sharing == Sharing::partial) text += " + @K@_chunks(n) * " + partial_bytes(target);
  }
  return text;
}

std::string Accumulation::partial_bytes(const Target& target) const {
  return fmt::format("(({} * {}l + 127l) / 64l * 64l)", emit_.dim(target.count), size_of(target.type.dtype));
}

// Where the partial results of a target begin in the scratch; those of chunk c follow at c times its size.
std::string Accumulation::partial_pointer(const Target& wanted, const std::string& chunk) const {
  std::string offset = "0l";
  for (const Target& target : targets_) {
    if (target.sharing != Sharing::partial) continue;
    const std::string bytes = partial_bytes(target);
    if (&target == &wanted)
      return fmt::format("({}*)((char*)scratch + {} + {} * {})", storage_type(target.type.dtype), offset, chunk, bytes);
    offset += fmt::format(" + chunks * {}", bytes);
  }
  return "nullptr";
}

std::string Accumulation::combine() const {
  std::string text;
  if (partial_) text = "const i64 chunks = @K@_chunks(n);\n";
  for (const Target& target : targets_) {
    if (target.sharing != Sharing::partial) continue;
    const DType type = target.type.dtype;
    const std::string stored = storage_type(target.stored);
    text += fmt::format("{{\n{0}* const __restrict y = ({0}*)buffers[{1}];\nconst {2}* const p = {3};\n", stored,
                        first_output_ + static_cast<std::size_t>(target.output), storage_type(type), partial_pointer(target, "0l"));
    text += fmt::format("const i64 step = {} / {}l;\n", partial_bytes(target), size_of(type));
    std::string from = "i", to = "i", close;
    if (target.type.layout == outputs_[static_cast<std::size_t>(target.output)].layout) {
      text += fmt::format("for (i64 i = 0; i < {}; ++i) {{\n", emit_.dim(target.count));
      close = "}\n";
    } else {
      from = to = "0l";
      const std::vector<Dim> partial = *strides(target.type), stored_at = *strides(outputs_[static_cast<std::size_t>(target.output)]);
      for (std::size_t d = 0; d < partial.size(); ++d) {
        text += fmt::format("for (i64 d{0} = 0; d{0} < {1}; ++d{0}) {{\n", d, emit_.dim(target.type.shape[d]));
        from += fmt::format(" + d{} * {}", d, emit_.dim(partial[d]));
        to += fmt::format(" + d{} * {}", d, emit_.dim(stored_at[d]));
        close += "}\n";
      }
    }
    text += fmt::format("{} sum = p[{}];\nfor (i64 c = 1; c < chunks; ++c) sum = {};\ny[{}] = narrow<{}>(sum);\n{}}}\n", compute_type(type),
                        from, fold_text(reduction_of(target.accumulate), type, "sum", fmt::format("p[c * step + {}]", from)), to, stored,
                        close);
  }
  return text;
}

std::string Accumulation::start() {
  std::string text;
  std::set<int> done;
  for (const Target& target : targets_) {
    if (!done.insert(target.output).second) continue;
    const std::string start = identity_literal(reduction_of(target.accumulate), target.type.dtype);
    if (target.sharing == Sharing::partial) {
      text += fmt::format("{0}* const __restrict {1} = {2};\n", storage_type(target.type.dtype), target.name(),
                          partial_pointer(target, "chunk"));
    }
    if (target.sharing != Sharing::own) {
      text += fmt::format("for (i64 i = 0; i < {}; ++i) {}[i] = {};\n", emit_.dim(target.count), target.name(), start);
    } else if (!target.held || row_ > 0) {
      text += start_own(target);
    }
  }
  return text;
}

std::string Accumulation::start_own(const Target& target) {
  std::string open;
  for (const Axis& axis : target.axes) {
    if (std::none_of(target.index.begin(), target.index.end(), [&](const Expr& index) { return uses_axis(index, axis.id); })) continue;
    const bool cut = axis.id == chunked_->id;
    open +=
        fmt::format("for (i64 {0} = {1}; {0} < {2}; ++{0}) ", axis_name(axis.id), cut ? "from" : "0l", cut ? "to" : emit_.dim(axis.extent));
  }
  LoopLevel level;
  level.tail = "}\n";
  const Emitter::Place place = emit_.place(level, fmt::format("y{}", target.output), target.type, target.index, 0, false);
  level.text +=
      fmt::format("{}[{}] = {};\n", place.pointer, place.offset, identity_literal(reduction_of(target.accumulate), target.type.dtype));
  level.head = open + "{\n";
  return level.close();
}

// A statement for each vector of a row's sums: its name, its place in the result, and how many of its lanes are there where not all are.
std::string Accumulation::row_text(const Target& target, const std::string& statement) const {
  const std::int64_t count = element_count(row_type(target).shape).constant(), width = emit_.width(target.type.dtype);
  std::string text;
  for (std::int64_t k = 0; k < emit_.vectors(target.name()); ++k) {
    const std::string vector = fmt::format("{}_{}", target.name(), k);
    const std::string place = fmt::format("y{} + {} * {}l + {}", target.output, axis_name(outer_[row_].id), count, k * width);
    const std::string lanes = count < (k + 1) * width ? fmt::format(", {}", count - k * width) : "";
    text += fmt::format(fmt::runtime(statement), vector, place, lanes);
  }
  return text;
}

void Accumulation::start_rows(LoopLevel& here) const {
  for (const Target& target : targets_) {
    if (!target.held) continue;
    const std::string start = identity_literal(reduction_of(target.accumulate), target.type.dtype);
    const std::int64_t count = element_count(row_type(target).shape).constant();
    if (emit_.vectors(target.name()) > 0) {
      here.text += emit_.declare_vectors(target.name(), target.type.dtype, start);
      if (row_ > 0) here.text += row_text(target, "{0} = load({1}{2});\n");
      continue;
    }
    here.text += fmt::format("alignas(64) {0} {1}[{2}];\nfor (i64 i = 0; i < {2}; ++i) {1}[i] = {3};\n", storage_type(target.type.dtype),
                             target.name(), padded_count(count, target.type.dtype), start);
    if (row_ == 0) continue;
    here.text += fmt::format("for (i64 i = 0; i < {0}; ++i) {3}[i] = y{1}[{2} * {0}l + i];\n", count, target.output,
                             axis_name(outer_[row_].id), target.name());
  }
}

void Accumulation::finish_rows(LoopLevel& here) const {
  for (const Target& target : targets_) {
    if (!target.held) continue;
    const std::int64_t count = element_count(row_type(target).shape).constant();
    if (emit_.vectors(target.name()) > 0) {
      const bool is_last = row_ == 0 && count % emit_.width(target.type.dtype) == 0;  // and of whole vectors
      here.text += row_text(target, is_last && exceeds_caches(target.type) ? "stream({1}, {0}{2});\n" : "store({1}, {0}{2});\n");
      continue;
    }
    here.text += fmt::format("for (i64 i = 0; i < {0}; ++i) y{1}[{2} * {0}l + i] = {3}[i];\n", count, target.output,
                             axis_name(outer_[row_].id), target.name());
  }
}

}  // namespace neap
