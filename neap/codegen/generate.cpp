// A map as a kernel: its work cut into chunks, results that chunks share, and the text of its nests.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "neap/base/error.h"
#include "neap/codegen/accumulation.h"
#include "neap/codegen/entry_loops.h"
#include "neap/codegen/gathered_rows.h"
#include "neap/codegen/kernel.h"
#include "neap/codegen/nest.h"
#include "neap/codegen/registers.h"
#include "neap/codegen/scope_stages.h"
#include "neap/codegen/sums_apart.h"
#include "neap/ir/map_walk.h"
#include "neap/ir/overwrite.h"
#include "neap/ops/operator.h"

namespace neap {
namespace {

constexpr std::int64_t most_chunks = 64, most_returning_chunks = 16, most_chunks_a_slice = 16, elements_a_chunk = 8192;

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
        symbols_(symbols),
        inputs_(types_of(graph, node.inputs)),
        loops_(scope_loops(*node.map, inputs_, vector_bytes(isa) / 4)),
        map_(loops_.map),
        outputs_(types_of(graph, node.outputs)),
        emit_(map_, inputs_, outputs_, symbols, isa),
        stages_(emit_, loops_) {
    scope_ = is_scope(map_);
    plan();
  }

  std::string write() {
    const std::string body = write_body();
    std::string text = function("i64 @K@_chunks(const i64* n)", chunk_count());
    text += function("i64 @K@_scratch(const i64* n)", fmt::format("return {};\n", sums_->scratch_bytes()));
    text += function("i64 @K@(void* const* buffers, const i64* n, void* scratch, i64 begin, i64 end)",
                     pointers() + "i64 bad = 0;\n" + emit_.setup() + "[[maybe_unused]] const i64 chunks = @K@_chunks(n);\n" +
                         fmt::format("for (i64 chunk = begin; chunk < end; {}) {{\n", comes_back() ? "chunk = end" : "++chunk") + body +
                         "}\n" + (body.find("stream(") == std::string::npos ? "" : "end_streams();\n") + "return bad;\n");
    text += function("void @K@_combine(void* const* buffers, const i64* n, void* scratch)", sums_->combine());
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
      a.in_place = may_be_in_place(static_cast<std::size_t>(stage.target));
      const bool narrow = a.type.dtype == DType::bf16 || a.type.dtype == DType::f16;
      if (narrow && a.accumulate != Accumulate::none) a.type.dtype = DType::f32;
    }
    return a;
  }

  void plan() {
    if (scope_) {
      for (const Axis& axis : map_.axes) (axis.ragged == nullptr && axis.extent == Dim(1) ? single_ : outer_).push_back(axis);
      stages_.plan([&](const Stage& stage) { return assignment(stage); });
      if (!outer_.empty() && outer_.front().ragged == nullptr) chunked_ = outer_.front();
      for (const Axis& axis : outer_) {
        if (axis.id == node_.schedule.parallel_axis && axis.ragged == nullptr) chunked_ = axis;
      }
    } else {
      std::vector<Assignment> body;
      for (const Stage& stage : map_.stages) body.push_back(assignment(stage));
      Schedule schedule = node_.schedule;
      if (const int slices = slice_axis(map_); slices >= 0 && schedule.order.empty()) schedule.order = {slices};
      nests_.push_back(plan_nest(emit_, map_.axes, std::move(body), schedule));
      choose_chunks(nests_.front());
    }
    std::vector<Nest>& nests = scope_ ? stages_.nests() : nests_;
    sums_.emplace(emit_, map_, outputs_, inputs_.size(), outer_, chunked_, nests);
    if (scope_) hold_in_registers(emit_, nests, stages_.steps());
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
    const bool by_slices = slice_axis(map_) == nest.loops[0].axis.id && nest.loops.size() > 1;
    if (by_slices && nest.loops[1].kind == Loop::serial && nest.loops[1].axis.ragged == nullptr) {
      slice_ = emit_.axes().at(nest.loops[0].axis.id);
      cut(nest.loops[1]);
      return;
    }
    cut(nest.loops.front());
  }

  void cut(const Loop& loop) {
    if (loop.axis.ragged != nullptr) return;
    chunked_ = emit_.axes().at(loop.axis.id);
    grain_ = loop.kind == Loop::tile ? loop.factor : loop.kind == Loop::vector ? 16 * loop.factor : 1;
  }

  // Whether loops outside of that over rows come back to each of them: then all rows that a thread has are one chunk, for what the outer
  // loop brings into cache to serve them all.
  bool comes_back() const { return scope_ && chunked_ && !sums_->serial() && !sums_->partial() && sums_->row() > 0; }

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
    if (sums_->serial()) return "return 1;\n";
    const Dim points = neap::points(scope_ ? map_.axes : nests_.front().axes);
    std::int64_t work = 1;
    for (const Stage& stage : map_.stages) {
      Dim inner = flops(stage.value);
      for (const Axis& axis : stage.axes) inner *= axis.extent;
      work += inner.is_constant() ? inner.constant() / 4 : 64;
    }
    const std::int64_t most = sums_->partial() ? most_partial_chunks : comes_back() ? most_returning_chunks : most_chunks;
    const std::string extent = emit_.dim(chunked_->extent);
    const std::string room = grain_ > 1 ? fmt::format("({} + {}) / {}", extent, grain_ - 1, grain_) : extent;
    if (slice_) {
      return fmt::format(
          "const i64 slices = {}, wanted = {} * {}l / {}l / max(1l, slices) + 1, room = {};\nreturn slices * max(1l, min(min(wanted, "
          "room), {}l));\n",
          emit_.dim(slice_->extent), emit_.dim(points), work, elements_a_chunk, room, most_chunks_a_slice);
    }
    return fmt::format("const i64 wanted = {} * {}l / {}l + 1, room = {};\nreturn max(1l, min(min(wanted, room), {}l));\n",
                       emit_.dim(points), work, elements_a_chunk, room, most);
  }

  // ---- loops ------------------------------------------------------------------------------------------------------------------

  std::string write_body() {
    std::string text;
    Ranges ranges;
    if (chunked_) {
      const std::string extent = emit_.dim(chunked_->extent);
      if (sums_->serial()) {
        text += fmt::format("const i64 from = 0, to = {};\n", extent);
      } else if (slice_) {
        text += fmt::format("const i64 parts = chunks / {0}, slice = chunk / parts, part = chunk % parts;\n", emit_.dim(slice_->extent));
        text += fmt::format("const i64 from = {0} * part / parts, to = {0} * (part + 1) / parts;\n", extent);
        ranges[slice_->id] = {"slice", "slice + 1"};
      } else if (comes_back()) {
        text += fmt::format("const i64 from = {0} * chunk / chunks, to = {0} * end / chunks;\n", extent);
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
    text += sums_->start();
    LoopLevel root;
    emit_.check_entries(root, written_entries(*node_.map));
    if (scope_) {
      for (const Axis& axis : single_) root.text += fmt::format("[[maybe_unused]] constexpr i64 {} = 0;\n", axis_name(axis.id));
      write_scope(root, ranges, 0);
    } else {
      const auto level = root.inner();
      write_nest(emit_, *level, nests_.front(), ranges);
      root.text += level->close();
    }
    return text + root.text;
  }

  void write_scope(LoopLevel& here, const Ranges& ranges, std::size_t k) {
    if (k == sums_->row() + 1) sums_->start_rows(here);
    if (k < outer_.size()) {
      const Axis& axis = outer_[k];
      const auto cut = ranges.find(axis.id);
      const auto [begin, end] = cut != ranges.end() ? cut->second : emit_.range_of(here, axis);
      if (axis.ragged != nullptr && sums_->row() == 0 && k + 1 == outer_.size() && loops_.loops.empty()) {
        stages_.write_entries(here, axis, {begin, end});
      } else {
        const auto level = here.loop(axis.id, begin, end);
        if (axis.ragged != nullptr && sums_->row() == 0) emit_.prefetch_entries(*level, axis, map_.stages, {}, true);
        write_scope(*level, ranges, k + 1);
        here.text += level->close();
      }
      if (k == sums_->row() + 1) sums_->finish_rows(here);
      return;
    }
    stages_.write(here);
  }

  const Node& node_;
  const std::vector<std::string>& symbols_;
  const std::vector<Type> inputs_;
  ScopeLoops loops_;
  const Map& map_;
  const std::vector<Type> outputs_;
  Emitter emit_;
  bool scope_ = false;
  std::vector<Axis> outer_, single_;  // of a scope
  ScopeStages stages_;
  std::vector<Nest> nests_;  // one, where it is no scope
  std::optional<Axis> chunked_;
  std::optional<Axis> slice_;  // cut into its positions, each of which is cut on along `chunked_`
  std::int64_t grain_ = 1;     // chunks begin at multiples of this
  std::optional<Accumulation> sums_;
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
