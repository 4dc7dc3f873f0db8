// A map as a kernel: its work cut into chunks, results that chunks share, and the text of its nests.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "neap/base/error.h"
#include "neap/codegen/kernel.h"
#include "neap/codegen/nest.h"
#include "neap/ir/map_walk.h"
#include "neap/ir/overwrite.h"
#include "neap/ops/operator.h"

namespace neap {
namespace {

constexpr std::int64_t most_chunks = 64, most_partial_chunks = 16, elements_a_chunk = 8192;
constexpr std::int64_t most_partial_bytes = 4 << 20;
constexpr std::int64_t most_local_bytes = 1 << 20;  // on the stack of a thread
constexpr std::int64_t most_held = 4096;            // elements of a row's sums

// How an accumulated result is shared by chunks: each chunk has elements of its own; each has a copy, combined in order at the end; or one
// thread does everything.
enum class Sharing : std::uint8_t { own, partial, serial };

struct Target {
  int output = 0;
  Accumulate accumulate{};
  std::vector<Expr> index;
  std::vector<Axis> axes;  // loops that the index may use, outermost first
  Sharing sharing = Sharing::own;
  Dim count = 0;  // elements of the storage
  Type type;      // as accumulated: f32 for 16-bit floats
  DType stored{};
  bool held = false;  // own, and summed in a buffer while a scope's inner loops run over a row
  std::string name() const { return fmt::format("{}{}", sharing == Sharing::partial ? "z" : held ? "h" : "y", output); }
};

std::string indent(const std::string& text) {
  std::string result;
  int depth = 0;
  for (std::size_t from = 0; from < text.size();) {
    std::size_t end = text.find('\n', from);
    if (end == std::string::npos) end = text.size();
    const std::string_view line(text.data() + from, end - from);
    from = end + 1;
    const auto opened = static_cast<int>(std::count(line.begin(), line.end(), '{')),
               closed = static_cast<int>(std::count(line.begin(), line.end(), '}'));
    const int here = depth - (!line.empty() && line[0] == '}' ? 1 : 0);
    if (!line.empty() && line[0] != '#') result.append(static_cast<std::size_t>(std::max(0, here)) * 2, ' ');
    result.append(line).push_back('\n');
    depth += opened - closed;
  }
  return result;
}

class KernelWriter {
 public:
  KernelWriter(const Graph& graph, const Node& node, const std::vector<std::string>& symbols, Isa isa)
      : node_(node),
        map_(*node.map),
        symbols_(symbols),
        inputs_(types_of(graph, node.inputs)),
        outputs_(types_of(graph, node.outputs)),
        emit_(map_, inputs_, outputs_, symbols, isa) {
    scope_ = is_scope(map_);
    plan();
  }

  std::string write() {
    const std::string body = write_body();
    std::string text = function("i64 @K@_chunks(const i64* n)", chunk_count());
    text += function("i64 @K@_scratch(const i64* n)", fmt::format("return {};\n", scratch_bytes()));
    text += function("i64 @K@(void* const* buffers, const i64* n, void* scratch, i64 begin, i64 end)",
                     pointers() + "i64 bad = 0;\n" + emit_.setup() + "[[maybe_unused]] const i64 chunks = @K@_chunks(n);\n" +
                         "for (i64 chunk = begin; chunk < end; ++chunk) {\n" + body + "}\n" +
                         (body.find("stream(") == std::string::npos ? "" : "end_streams();\n") + "return bad;\n");
    text += function("void @K@_combine(void* const* buffers, const i64* n, void* scratch)", combine());
    return indent(text);
  }

 private:
  // ---- planning ---------------------------------------------------------------------------------------------------------------

  Assignment assignment(const Stage& stage) const {
    Assignment a{stage.value, stage.index, stage.accumulate, {}, ""};
    if (stage.target < 0) {
      const Local& local = map_.locals[static_cast<std::size_t>(-1 - stage.target)];
      a.type = {local.dtype, local.shape, {}};
      a.base = operand_name(stage.target);
    } else {
      a.type = outputs_[static_cast<std::size_t>(stage.target)];
      a.base = fmt::format("y{}", stage.target);
      const bool narrow = a.type.dtype == DType::bf16 || a.type.dtype == DType::f16;
      if (narrow && a.accumulate != Accumulate::none) a.type.dtype = DType::f32;
    }
    return a;
  }

  void plan() {
    if (scope_) {
      for (const Axis& axis : map_.axes) (axis.ragged == nullptr && axis.extent == Dim(1) ? single_ : outer_).push_back(axis);
      for (std::size_t from = 0; from < map_.stages.size();) {
        const std::size_t to = end_of_group(from);
        std::vector<Assignment> body;
        for (std::size_t s = from; s < to; ++s) body.push_back(assignment(map_.stages[s]));
        nests_.push_back(plan_nest(emit_, map_.stages[from].axes, std::move(body), {}));
        first_stage_.push_back(from);
        from = to;
      }
      if (!outer_.empty() && outer_.front().ragged == nullptr) chunked_ = outer_.front();
      for (const Axis& axis : outer_) {
        if (axis.id == node_.schedule.parallel_axis && axis.ragged == nullptr) chunked_ = axis;
      }
    } else {
      std::vector<Assignment> body;
      for (const Stage& stage : map_.stages) body.push_back(assignment(stage));
      nests_.push_back(plan_nest(emit_, map_.axes, std::move(body), node_.schedule));
      choose_chunks(nests_.front());
    }
    plan_targets();
  }

  // Stages of a scope that run over the same axes share one nest, unless one reads what an earlier one writes.
  std::size_t end_of_group(std::size_t from) const {
    const std::vector<Stage>& stages = map_.stages;
    std::set<std::int64_t> written{stages[from].target};
    std::size_t to = from + 1;
    for (; to < stages.size(); ++to) {
      const bool alike = std::equal(stages[from].axes.begin(), stages[from].axes.end(), stages[to].axes.begin(), stages[to].axes.end(),
                                    [](const Axis& a, const Axis& b) { return a.id == b.id; });
      bool reads = false;
      visit(stages[to].value, [&](const Expr& e) { reads |= e->op == Scalar::read && e->integer < 0 && written.count(e->integer) != 0; });
      if (!alike || reads || !written.insert(stages[to].target).second) break;
    }
    return to;
  }

  // Which loop of a nest is cut: the outermost, or one that is summed over where the sums are small enough for each chunk to have its own.
  void choose_chunks(const Nest& nest) {
    if (nest.loops.empty()) return;
    for (const Loop& loop : nest.loops) {
      if (loop.axis.id == node_.schedule.parallel_axis) {
        cut(loop);
        return;
      }
    }
    const auto points = [](const std::vector<Axis>& axes) {
      Dim count = 1;
      for (const Axis& axis : axes) count *= axis.extent;
      return count;
    };
    std::vector<Axis> kept;
    for (const Axis& axis : nest.axes) {
      if (std::none_of(nest.reduced.begin(), nest.reduced.end(), [&](const Axis& r) { return r.id == axis.id; })) kept.push_back(axis);
    }
    if (!nest.reduced.empty()) {
      const Dim targets = points(kept), summed = points(nest.reduced);
      const bool small = targets.is_constant() && targets.constant() * 8 * most_partial_chunks <= most_partial_bytes;
      const bool worthwhile =
          kept.empty() || !summed.is_constant() || (targets.is_constant() && summed.constant() * 2 > targets.constant());
      if (small && worthwhile) {
        chunked_ = *std::max_element(nest.reduced.begin(), nest.reduced.end(), [](const Axis& a, const Axis& b) {
          const auto size = [](const Axis& axis) { return axis.extent.is_constant() ? axis.extent.constant() : std::int64_t{1} << 40; };
          return size(a) < size(b);
        });
        grain_ = chunked_->id == nest.lanes.axis ? 64 : 1;
        return;
      }
    }
    cut(nest.loops.front());
  }

  void cut(const Loop& loop) {
    if (loop.axis.ragged != nullptr) return;
    chunked_ = emit_.axes().at(loop.axis.id);
    grain_ = loop.kind == Loop::tile ? loop.factor : loop.kind == Loop::vector ? 16 * loop.factor : 1;
  }

  void plan_targets() {
    for (std::size_t k = 0; k < nests_.size(); ++k) {
      for (std::size_t s = 0; s < nests_[k].body.size(); ++s) {
        const Stage& stage = map_.stages[(scope_ ? first_stage_[k] : 0) + s];
        const Assignment& a = nests_[k].body[s];
        if (stage.target < 0) continue;
        if (a.accumulate == Accumulate::none) {
          // Writes to places that the data chooses may meet: one thread makes them, in order.
          for (const Expr& index : a.index) serial_ |= !affine(index).affine;
          continue;
        }
        Target target{stage.target,     a.accumulate,          a.index, outer_,
                      Sharing::partial, storage_count(a.type), a.type,  outputs_[static_cast<std::size_t>(stage.target)].dtype};
        target.axes.insert(target.axes.end(), nests_[k].axes.begin(), nests_[k].axes.end());
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
    for (Target& target : targets_) {
      target.held = can_hold(target);
      serial_ |= target.sharing == Sharing::serial;
      partial_ |= target.sharing == Sharing::partial;
      for (Nest& nest : nests_) {
        for (Assignment& a : nest.body) {
          if (a.base != fmt::format("y{}", target.output)) continue;
          if (target.sharing == Sharing::partial) lay_along_lanes(nest, a, target);
          a.base = target.name();
          a.type = target.type;
          if (!target.held) continue;
          a.type = row_type(target);
          a.index.erase(a.index.begin());
        }
      }
    }
    if (!chunked_) serial_ = true;
  }

  // Partial results lie as the nest writes them, whatever the layout of the result: the dimension of the lanes innermost.
  static void lay_along_lanes(const Nest& nest, const Assignment& a, Target& target) {
    if (!target.type.layout.row_major() || nest.lanes.axis < 0) return;
    std::vector<int> order;
    int lane = -1;
    for (int d = 0; d < target.type.rank(); ++d) {
      const Expr& index = a.index[static_cast<std::size_t>(d)];
      (index->op == Scalar::axis && index->integer == nest.lanes.axis ? lane : order.emplace_back()) = d;
    }
    if (lane < 0 || lane == target.type.rank() - 1) return;
    order.push_back(lane);
    for (const int d : order) target.type.layout.levels.push_back({d, 0});
  }

  // Whether each element of the target is met by one chunk only, and each chunk can set its own to the start.
  bool owns(const Target& target) const {
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

  // ---- text around the loops ----------------------------------------------------------------------------------------------------

  // A function with the sizes that its text names.
  std::string function(const std::string& head, const std::string& text) const {
    std::string sizes;
    for (std::size_t i = 0; i < symbols_.size(); ++i) {
      const std::string name = fmt::format("n{}", i);
      for (std::size_t at = text.find(name); at != std::string::npos; at = text.find(name, at + 1)) {
        const bool begins = at == 0 || (std::isalnum(static_cast<unsigned char>(text[at - 1])) == 0 && text[at - 1] != '_');
        const std::size_t end = at + name.size();
        if (!begins || (end < text.size() && std::isalnum(static_cast<unsigned char>(text[end])) != 0)) continue;
        sizes += fmt::format("const i64 {} = n[{}];\n", name, i);
        break;
      }
    }
    return "extern \"C\" " + head + " {\n" + sizes + text + "}\n";
  }

  std::string pointers() const {
    std::string text;
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      text += fmt::format("[[maybe_unused]] const {0}* const x{1} = (const {0}*)buffers[{1}];\n", storage_type(inputs_[i].dtype), i);
    }
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      text += fmt::format("[[maybe_unused]] {0}* const {3}y{1} = ({0}*)buffers[{2}];\n", storage_type(outputs_[i].dtype), i,
                          inputs_.size() + i, may_be_in_place(i) ? "" : "__restrict ");
    }
    return text;
  }

  // Whether whoever plans memory may lay the result over an operand.
  bool may_be_in_place(std::size_t output) const {
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      if (inputs_[i] == outputs_[output] && may_overwrite(node_, node_.inputs[i], node_.outputs[output])) return true;
    }
    return false;
  }

  std::string chunk_count() const {
    if (serial_) return "return 1;\n";
    const Dim points = neap::points(scope_ ? map_.axes : nests_.front().axes);
    std::int64_t work = 1;
    for (const Stage& stage : map_.stages) {
      Dim inner = flops(stage.value);
      for (const Axis& axis : stage.axes) inner *= axis.extent;
      work += inner.is_constant() ? inner.constant() / 4 : 64;
    }
    const std::int64_t most = partial_ ? most_partial_chunks : most_chunks;
    const std::string extent = emit_.dim(chunked_->extent);
    const std::string room = grain_ > 1 ? fmt::format("({} + {}) / {}", extent, grain_ - 1, grain_) : extent;
    return fmt::format("const i64 wanted = {} * {}l / {}l + 1, room = {};\nreturn max(1l, min(min(wanted, room), {}l));\n",
                       emit_.dim(points), work, elements_a_chunk, room, most);
  }

  static std::string partial_bytes(const Emitter& emit, const Target& target) {
    return fmt::format("(({} * {}l + 127l) / 64l * 64l)", emit.dim(target.count), size_of(target.type.dtype));
  }

  std::string scratch_bytes() const {
    std::string text = "0l";
    for (const Target& target : targets_) {
      if (target.sharing == Sharing::partial) text += " + @K@_chunks(n) * " + partial_bytes(emit_, target);
    }
    return text;
  }

  // Where the partial results of a target begin in the scratch; those of chunk c follow at c times its size.
  std::string partial_pointer(const Target& wanted, const std::string& chunk) const {
    std::string offset = "0l";
    for (const Target& target : targets_) {
      if (target.sharing != Sharing::partial) continue;
      const std::string bytes = partial_bytes(emit_, target);
      if (&target == &wanted)
        return fmt::format("({}*)((char*)scratch + {} + {} * {})", storage_type(target.type.dtype), offset, chunk, bytes);
      offset += fmt::format(" + chunks * {}", bytes);
    }
    return "nullptr";
  }

  std::string combine() const {
    std::string text;
    if (partial_) text = "const i64 chunks = @K@_chunks(n);\n";
    for (const Target& target : targets_) {
      if (target.sharing != Sharing::partial) continue;
      const DType type = target.type.dtype;
      const std::string stored = storage_type(target.stored);
      text += fmt::format("{{\n{0}* const __restrict y = ({0}*)buffers[{1}];\nconst {2}* const p = {3};\n", stored,
                          inputs_.size() + static_cast<std::size_t>(target.output), storage_type(type), partial_pointer(target, "0l"));
      text += fmt::format("const i64 step = {} / {}l;\n", partial_bytes(emit_, target), size_of(type));
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
      text += fmt::format(
          "{} sum = p[{}];\nfor (i64 c = 1; c < chunks; ++c) sum = {};\ny[{}] = narrow<{}>(sum);\n{}}}\n", compute_type(type), from,
          fold_text(reduction_of(target.accumulate), type, "sum", fmt::format("p[c * step + {}]", from)), to, stored, close);
    }
    return text;
  }

  // Sets what this chunk accumulates into to the start.
  std::string start_targets() {
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
      } else if (!target.held) {
        text += start_own(target);
      }
    }
    return text;
  }

  static bool uses(const Target& target, const Axis& axis) {
    return std::any_of(target.index.begin(), target.index.end(), [&](const Expr& index) { return uses_axis(index, axis.id); });
  }

  // Sums of a row are made in a buffer of the row, which no store to memory stands in the way of.
  bool can_hold(const Target& target) const {
    if (!scope_ || target.sharing != Sharing::own || outer_.size() < 2 || !target.type.layout.row_major()) return false;
    const auto uses = [&](const Expr& index, const Axis& axis) { return uses_axis(index, axis.id); };
    for (std::size_t d = 0; d < target.index.size(); ++d) {
      for (std::size_t k = 0; k < outer_.size(); ++k) {
        if (uses(target.index[d], outer_[k]) != (d == 0 && k == 0)) return false;
      }
    }
    const Dim count = element_count(row_type(target).shape);
    return target.index[0]->op == Scalar::axis && count.is_constant() && count.constant() <= most_held;
  }
  static Type row_type(const Target& target) {
    return {target.type.dtype, Shape(target.type.shape.begin() + 1, target.type.shape.end()), {}};
  }

  // Within a scope's outermost loop: the buffers of a row's sums, and what takes them to their places.
  void start_rows(LoopLevel& here) const {
    for (const Target& target : targets_) {
      if (!target.held) continue;
      const std::string start = identity_literal(reduction_of(target.accumulate), target.type.dtype);
      const std::int64_t count = element_count(row_type(target).shape).constant();
      here.text += fmt::format("alignas(64) {0} {1}[{2}];\nfor (i64 i = 0; i < {2}; ++i) {1}[i] = {3};\n", storage_type(target.type.dtype),
                               target.name(), padded(count, target.type.dtype), start);
    }
  }
  void finish_rows(LoopLevel& here) const {
    for (const Target& target : targets_) {
      if (!target.held) continue;
      const std::int64_t count = element_count(row_type(target).shape).constant();
      here.text += fmt::format("for (i64 i = 0; i < {0}; ++i) y{1}[{2} * {0}l + i] = {3}[i];\n", count, target.output,
                               axis_name(outer_[0].id), target.name());
    }
  }
  // Elements of a buffer whose last vector is whole.
  static std::int64_t padded(std::int64_t count, DType dtype) {
    const auto lanes = static_cast<std::int64_t>(64 / size_of(dtype));
    return std::max(lanes, (count + lanes - 1) / lanes * lanes);
  }

  // Sets an own target to its start.
  std::string start_own(const Target& target) {
    std::string open;
    for (const Axis& axis : target.axes) {
      if (std::none_of(target.index.begin(), target.index.end(), [&](const Expr& index) { return uses_axis(index, axis.id); })) continue;
      const bool cut = axis.id == chunked_->id;
      open += fmt::format("for (i64 {0} = {1}; {0} < {2}; ++{0}) ", axis_name(axis.id), cut ? "from" : "0l",
                          cut ? "to" : emit_.dim(axis.extent));
    }
    LoopLevel level;
    level.tail = "}\n";
    const Emitter::Place place = emit_.place(level, target.name(), target.type, target.index, 0, false);
    level.text +=
        fmt::format("{}[{}] = {};\n", place.pointer, place.offset, identity_literal(reduction_of(target.accumulate), target.type.dtype));
    level.head = open + "{\n";
    return level.close();
  }

  // ---- loops ------------------------------------------------------------------------------------------------------------------

  std::string write_body() {
    std::string text;
    Ranges ranges;
    if (chunked_) {
      const std::string extent = emit_.dim(chunked_->extent);
      if (serial_) {
        text += fmt::format("const i64 from = 0, to = {};\n", extent);
      } else if (grain_ > 1) {
        text += fmt::format(
            "const i64 from = {0} / {1}l * chunk / chunks * {1}l, to = chunk + 1 == chunks ? {0} : {0} / {1}l * (chunk + 1) / chunks * "
            "{1}l;\n",
            extent, grain_);
      } else {
        text += fmt::format("const i64 from = {0} * chunk / chunks, to = {0} * (chunk + 1) / chunks;\n", extent);
      }
      ranges[chunked_->id] = {"from", "to"};
    }
    text += start_targets();
    LoopLevel root;
    if (scope_) {
      write_scope(root, ranges, 0);
    } else {
      const auto level = root.inner();
      write_nest(emit_, *level, nests_.front(), ranges);
      root.text += level->close();
    }
    return text + root.text;
  }

  void write_scope(LoopLevel& here, const Ranges& ranges, std::size_t k) {
    if (k == 1) start_rows(here);
    if (k < outer_.size()) {
      const Axis& axis = outer_[k];
      const auto cut = ranges.find(axis.id);
      const auto [begin, end] = cut != ranges.end() ? cut->second : emit_.range_of(here, axis);
      const auto level = here.inner(fmt::format("for (i64 {0} = {1}; {0} < {2}; ++{0}) {{\n", axis_name(axis.id), begin, end));
      level->axes.insert(axis.id);
      if (axis.ragged != nullptr) emit_.prefetch_entries(*level, axis, map_.stages);
      write_scope(*level, ranges, k + 1);
      here.text += level->close();
      if (k == 1) finish_rows(here);
      return;
    }
    for (const Axis& axis : single_) here.text += fmt::format("[[maybe_unused]] constexpr i64 {} = 0;\n", axis_name(axis.id));
    declare_locals(here);
    for (const Nest& nest : nests_) {
      const auto stage = here.inner();
      emit_.set_stage_depth(stage->depth);
      write_nest(emit_, *stage, nest, {});
      here.text += stage->close();
    }
  }

  void declare_locals(LoopLevel& here) const {
    std::int64_t bytes = 0;
    for (std::size_t k = 0; k < map_.locals.size(); ++k) {
      const Local& local = map_.locals[k];
      const Dim count = element_count(local.shape);
      if (!count.is_constant())
        throw Error(fmt::format("a scope's buffer has {} elements: a size that is not known", count.to_string()), "",
                    "do not fuse this scope");
      bytes += count.constant() * size_of(local.dtype);
      if (bytes > most_local_bytes)
        throw Error(fmt::format("a scope's buffers of {} bytes are too large for a stack", bytes), "", "do not fuse this scope");
      here.text += fmt::format("alignas(64) {} l{}[{}];\n", storage_type(local.dtype), k, padded(count.constant(), local.dtype));
      for (const Stage& stage : map_.stages) {
        if (stage.target != -1 - static_cast<int>(k) || stage.accumulate == Accumulate::none) continue;
        here.text += fmt::format("for (i64 i = 0; i < {}; ++i) l{}[i] = narrow<{}>({});\n", count.constant(), k, storage_type(local.dtype),
                                 identity_literal(reduction_of(stage.accumulate), local.dtype));
        break;
      }
    }
  }

  const Node& node_;
  const Map& map_;
  const std::vector<std::string>& symbols_;
  std::vector<Type> inputs_, outputs_;
  Emitter emit_;
  bool scope_ = false;
  std::vector<Axis> outer_, single_;      // of a scope
  std::vector<Nest> nests_;               // one, or several in a scope
  std::vector<std::size_t> first_stage_;  // by nest of a scope
  std::optional<Axis> chunked_;
  std::int64_t grain_ = 1;  // chunks begin at multiples of this
  std::vector<Target> targets_;
  bool serial_ = false, partial_ = false;
};

}  // namespace

KernelSource generate_kernel(const Graph& graph, const Node& node, const std::vector<std::string>& symbols, Isa isa) {
  NEAP_ASSERT(node.is_map(), " only maps are generated");
  std::string text = KernelWriter(graph, node, symbols, isa).write();
  KernelSource source;
  source.name = "k_" + Hasher().add(text).add(name(isa)).finish().hex();
  for (std::size_t at = text.find("@K@"); at != std::string::npos; at = text.find("@K@", at)) text.replace(at, 3, source.name);
  source.cost = static_cast<double>(text.size());
  // Where it came from is no part of the name: equal maps of different places share a kernel, which is said to come from the first.
  for (const std::string& origin : node.origin) source.text += "// " + comment_text(origin) + "\n";
  source.text += text;
  return source;
}

}  // namespace neap
