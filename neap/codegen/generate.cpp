#include <fmt/format.h>

#include <algorithm>

#include "neap/base/error.h"
#include "neap/codegen/c_text.h"
#include "neap/codegen/emitter.h"
#include "neap/codegen/kernel.h"

namespace neap {
namespace {

constexpr std::int64_t most_chunks = 64, most_partial_chunks = 16, elements_a_chunk = 8192;
constexpr std::int64_t most_partial_bytes = 4 << 20;

Reduction reduction_of(Accumulate accumulate) {
  return accumulate == Accumulate::max ? Reduction::max : accumulate == Accumulate::min ? Reduction::min : Reduction::sum;
}

// How an accumulating stage's target is shared by chunks.
enum class Sharing { own, partial, serial };

struct Target {
  Stage stage;
  Sharing sharing = Sharing::own;
  Dim count = 0;  // elements of the target's storage
  DType dtype{};
  Type type;
  std::string name;  // what the stage writes through
};

class KernelWriter {
 public:
  KernelWriter(const Graph& graph, const Node& node, const std::vector<std::string>& symbols)
      : node_(node), map_(*node.map), symbols_(symbols) {
    for (const ValueId id : node.inputs) inputs_.push_back(id == no_value ? Type{} : graph.type(id));
    for (const ValueId id : node.outputs) outputs_.push_back(graph.type(id));
    nest_ = make_nest(map_, inputs_, outputs_);
  }

  std::string write() {
    Emitter emit(map_, inputs_, outputs_, symbols_, nest_);
    plan_targets();
    const std::string body = write_body(emit);
    std::string text;
    for (const std::string& origin : node_.origin) text += "// " + comment_text(origin) + "\n";
    text += "extern \"C\" i64 @K@_chunks(const i64* n) {\n" + sizes() + chunk_count(emit) + "}\n";
    text += "extern \"C\" i64 @K@_scratch(const i64* n) {\n" + sizes() + fmt::format("return {};\n}}\n", scratch_bytes(emit));
    text += "extern \"C\" i64 @K@(void* const* buffers, const i64* n, void* scratch, i64 begin, i64 end) {\n" + sizes() + pointers();
    text += "bool bad = false;\n" + emit.setup() + fmt::format("const i64 chunks = @K@_chunks(n);\n(void)chunks; (void)scratch;\n");
    text += "for (i64 chunk = begin; chunk < end; ++chunk) {\n" + body + "}\nreturn bad;\n}\n";
    text += "extern \"C\" void @K@_combine(void* const* buffers, const i64* n, void* scratch) {\n" + sizes() + combine(emit) + "}\n";
    return indent(text);
  }

 private:
  std::string sizes() const {
    std::string text;
    for (std::size_t i = 0; i < symbols_.size(); ++i) text += fmt::format("[[maybe_unused]] const i64 n{0} = n[{0}];\n", i);
    return text + "(void)n;\n";
  }

  std::string pointers() const {
    std::string text;
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      text += fmt::format("[[maybe_unused]] const {0}* const x{1} = (const {0}*)buffers[{1}];\n", storage_type(inputs_[i].dtype), i);
    }
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      text += fmt::format("[[maybe_unused]] {0}* const __restrict y{1} = ({0}*)buffers[{2}];\n", storage_type(outputs_[i].dtype), i,
                          inputs_.size() + i);
    }
    return text;
  }

  // The axis whose range is cut into chunks: the outermost loop, or the vector loop where there is no other.
  const Axis* chunk_axis() const {
    if (!nest_.loops.empty()) return nest_.loops.front().ragged == nullptr ? &nest_.loops.front() : nullptr;
    return nest_.vector ? &*nest_.vector : nullptr;
  }

  void plan_targets() {
    const Axis* chunked = chunk_axis();
    for (const Stage& stage : map_.stages) {
      if (stage.target < 0 || stage.accumulate == Accumulate::none) continue;
      Target target;
      target.stage = stage;
      target.type = outputs_[static_cast<std::size_t>(stage.target)];
      target.dtype = target.type.dtype;
      target.count = storage_count(target.type);
      bool plain = true;
      std::set<int> direct;
      for (const Expr& index : stage.index) {
        const Affine a = affine(index);
        plain &= a.affine;
        if (a.affine && a.coefficients.size() == 1 && a.coefficients.begin()->second == Dim(1) && a.rest == Dim(0))
          direct.insert(a.coefficients.begin()->first);
      }
      const bool narrow = target.dtype == DType::bf16 || target.dtype == DType::f16;
      bool own = chunked != nullptr && plain && !narrow;
      if (own) {
        for (const int axis : nest_.covers.at(chunked->id)) own &= direct.count(axis) != 0;
        // Every element must be met by its own chunk, which sets it to the identity first.
        for (const Expr& index : stage.index) {
          const Affine a = affine(index);
          own &= a.coefficients.size() <= 1 && (a.coefficients.empty() || direct.count(a.coefficients.begin()->first) != 0);
        }
        for (std::size_t i = 0; i < stage.index.size(); ++i) {
          const Affine a = affine(stage.index[i]);
          const Dim extent = a.coefficients.empty() ? Dim(1) : extent_of(a.coefficients.begin()->first, stage);
          own &= extent == target.type.shape[i];
        }
      }
      target.sharing = own ? Sharing::own : Sharing::partial;
      if (!own && target.count.is_constant() && target.count.constant() * size_of(partial_type(target)) > most_partial_bytes)
        target.sharing = Sharing::serial;
      if (!own && !target.count.is_constant()) target.sharing = Sharing::serial;
      if (narrow && target.sharing == Sharing::serial) target.sharing = Sharing::partial;
      target.name = target.sharing == Sharing::partial ? fmt::format("p{}", stage.target) : fmt::format("y{}", stage.target);
      targets_.push_back(std::move(target));
    }
    for (const Stage& stage : map_.stages) {
      // Writes to places that the data chooses may meet: one thread makes them, in order.
      if (stage.target < 0 || stage.accumulate != Accumulate::none) continue;
      for (const Expr& index : stage.index) serial_ |= !affine(index).affine;
    }
    for (const Target& target : targets_) {
      serial_ |= target.sharing == Sharing::serial;
      partial_ |= target.sharing == Sharing::partial;
    }
    if (chunk_axis() == nullptr) serial_ = true;
  }

  Dim extent_of(int axis, const Stage& stage) const {
    for (const std::vector<Axis>* axes : {&map_.axes, &stage.axes}) {
      for (const Axis& a : *axes) {
        if (a.id == axis) return a.ragged == nullptr ? a.extent : Dim(-1);
      }
    }
    return Dim(-1);
  }

  static DType partial_type(const Target& target) {
    return target.dtype == DType::bf16 || target.dtype == DType::f16 ? DType::f32 : target.dtype;
  }

  std::string chunk_count(const Emitter& emit) const {
    if (serial_) return "return 1;\n";
    Dim points = 1;
    for (const Axis& axis : nest_.loops) points *= axis.extent;
    if (nest_.vector) points *= nest_.vector->extent;
    for (const Axis& axis : map_.axes) {
      if (!map_.locals.empty() && axis.ragged != nullptr) points *= axis.extent;
    }
    std::int64_t work = 1;
    for (const Stage& stage : map_.stages) {
      Dim inner = flops(stage.value);
      for (const Axis& axis : stage.axes) inner *= axis.extent;
      work += inner.is_constant() ? inner.constant() / 4 : 64;
    }
    const std::int64_t most = partial_ ? most_partial_chunks : most_chunks;
    const bool only_vector = nest_.loops.empty();
    const std::string extent = emit.dim(chunk_axis()->extent);
    const std::string room = only_vector ? fmt::format("({} + 1023) / 1024", extent) : extent;
    return fmt::format("const i64 wanted = {} * {}l / {}l + 1, room = {};\nreturn larger(1l, smaller(smaller(wanted, room), {}l));\n",
                       emit.dim(points), work, elements_a_chunk, room, most);
  }

  std::string scratch_bytes(const Emitter& emit) const {
    std::string text = "0l";
    for (const Target& target : targets_) {
      if (target.sharing == Sharing::partial)
        text += fmt::format(" + @K@_chunks(n) * ({} * {}l + 64l)", emit.dim(target.count), size_of(partial_type(target)));
    }
    return text;
  }

  // Where the partial results of a target begin in the scratch; those of chunk c follow at c times its size.
  std::string partial_pointer(const Emitter& emit, const Target& wanted, const std::string& chunk) const {
    std::string offset = "0l";
    for (const Target& target : targets_) {
      if (target.sharing != Sharing::partial) continue;
      const std::string bytes = fmt::format("({} * {}l + 64l)", emit.dim(target.count), size_of(partial_type(target)));
      if (&target == &wanted) {
        return fmt::format("({}*)((char*)scratch + {} + {} * {})", storage_type(partial_type(target)), offset, chunk, bytes);
      }
      offset += fmt::format(" + chunks * {}", bytes);
    }
    return "nullptr";
  }

  std::string combine(const Emitter& emit) const {
    std::string text = "const i64 chunks = @K@_chunks(n);\n(void)chunks; (void)buffers; (void)scratch;\n";
    for (const Target& target : targets_) {
      if (target.sharing != Sharing::partial) continue;
      const Reduction reduction = reduction_of(target.stage.accumulate);
      const DType type = partial_type(target);
      const auto output = static_cast<std::size_t>(target.stage.target);
      text += fmt::format("{{\n{0}* const y = ({0}*)buffers[{1}];\nconst {2}* const p = {3};\n", storage_type(target.dtype),
                          inputs_.size() + output, storage_type(type), partial_pointer(emit, target, "0l"));
      text += fmt::format("const i64 step = ({} * {}l + 64l) / {}l;\n", emit.dim(target.count), size_of(type), size_of(type));
      text += fmt::format(
          "for (i64 i = 0; i < {}; ++i) {{\n{} sum = p[i];\nfor (i64 c = 1; c < chunks; ++c) sum = {};\ny[i] = "
          "Narrow<{}>::of(sum);\n}}\n}}\n",
          emit.dim(target.count), compute_type(type), fold_text(reduction, type, "sum", "p[c * step + i]"), storage_type(target.dtype));
    }
    return text;
  }

  const Target* target_of(const Stage& stage) const {
    for (const Target& target : targets_) {
      if (target.stage.target == stage.target) return &target;
    }
    return nullptr;
  }

  // Sets what this chunk accumulates into to the identity.
  std::string start_targets(Emitter& emit) {
    std::string text;
    std::set<int> done;
    for (const Target& target : targets_) {
      if (!done.insert(target.stage.target).second) continue;
      const std::string start = identity_literal(reduction_of(target.stage.accumulate), partial_type(target));
      if (target.sharing == Sharing::partial) {
        text += fmt::format("{0}* const __restrict {1} = {2};\nfor (i64 i = 0; i < {3}; ++i) {1}[i] = {4};\n",
                            storage_type(partial_type(target)), target.name, partial_pointer(emit, target, "chunk"), emit.dim(target.count),
                            start);
      } else if (target.sharing == Sharing::serial) {
        text += fmt::format("for (i64 i = 0; i < {}; ++i) {}[i] = {};\n", emit.dim(target.count), target.name, start);
      } else {
        text += start_own_slice(emit, target, start);
      }
    }
    return text;
  }

  std::string start_own_slice(Emitter& emit, const Target& target, const std::string& start) {
    std::set<int> axes;
    for (const Expr& index : target.stage.index) axes.merge(free_axes(index));
    std::string open, close;
    const Axis& chunked = *chunk_axis();
    std::set<int> seen;
    const auto loop = [&](const Axis& axis) {
      const bool cut = axis.id == chunked.id;
      open += fmt::format("for (i64 a{0} = {1}; a{0} < {2}; ++a{0}) ", axis.id, cut ? "from" : "0l", cut ? "to" : emit.dim(axis.extent));
      seen.insert(axis.id);
    };
    for (const Axis& axis : nest_.loops) {
      if (axes.count(axis.id) != 0) loop(axis);
    }
    if (nest_.vector && axes.count(nest_.vector->id) != 0) loop(*nest_.vector);
    for (const Axis& axis : target.stage.axes) {
      if (axes.count(axis.id) != 0) loop(axis);
    }
    Context context;
    const std::string place = emit.element(context, target.name, target.type, target.stage.index, false);
    return context.before.empty() ? open + fmt::format("{} = {};\n", place, start)
                                  : open + "{\n" + context.before + fmt::format("{} = {};\n}}\n", place, start);
  }

  std::string write_body(Emitter& emit) {
    std::string text, close;
    const Axis* chunked = chunk_axis();
    if (chunked != nullptr) {
      const std::string extent = emit.dim(chunked->extent);
      const bool only_vector = nest_.loops.empty();
      if (only_vector) {
        // Chunks of the vector loop begin at multiples of 16 elements.
        text += fmt::format(
            "const i64 from = {0} * chunk / chunks / 16 * 16, to = chunk + 1 == chunks ? {0} : {0} * (chunk + 1) / chunks / 16 * 16;\n",
            extent);
      } else {
        text += fmt::format("const i64 from = {0} * chunk / chunks, to = {0} * (chunk + 1) / chunks;\n", extent);
      }
    }
    for (const Axis& axis : nest_.single) text += fmt::format("[[maybe_unused]] constexpr i64 a{} = 0;\n", axis.id);
    text += start_targets(emit);
    Context root;
    for (std::size_t i = 0; i < nest_.loops.size(); ++i) {
      const Axis& axis = nest_.loops[i];
      std::string begin = "0l", end;
      if (axis.ragged != nullptr) {
        Context bounds;
        begin = emit.value(bounds, axis.ragged->first);
        end = emit.value(bounds, axis.ragged->second);
        text += bounds.before;
      } else {
        end = emit.dim(axis.extent);
      }
      if (i == 0 && chunked != nullptr && chunked->id == axis.id) {
        begin = "from";
        end = "to";
      }
      text += fmt::format("for (i64 a{0} = {1}; a{0} < {2}; ++a{0}) {{\n", axis.id, begin, end);
      close += "}\n";
    }
    const bool scope =
        !map_.locals.empty() || std::any_of(map_.stages.begin(), map_.stages.end(), [](const Stage& stage) { return !stage.axes.empty(); });
    text += scope ? write_scope(emit, root) : write_flat(emit, root, chunked);
    return text + close;
  }

  // All stages share one vector loop.
  std::string write_flat(Emitter& emit, Context& root, const Axis* chunked) {
    std::string after;
    if (nest_.vector) {
      root.vector_axis = nest_.vector->id;
      root.axes.insert(nest_.vector->id);
    }
    bool scattered = false;
    for (const Stage& stage : map_.stages) write_stage(emit, root, stage, after, scattered);
    if (!nest_.vector) return root.before + root.lane + after;
    const Axis& axis = *nest_.vector;
    const bool cut = nest_.loops.empty() && chunked != nullptr;
    return root.before + vector_loop(emit, root, axis, cut ? "from" : "0l", cut ? "to" : emit.dim(axis.extent), after, scattered);
  }

  static std::string vector_loop(const Emitter&, const Context& context, const Axis& axis, const std::string& from, const std::string& to,
                                 const std::string& after, bool scattered) {
    const std::string pragma = scattered ? "" : "#pragma GCC ivdep\n";
    if (!context.blocked && after.empty()) {
      return pragma + fmt::format("for (i64 a{0} = {1}; a{0} < {2}; ++a{0}) {{\n{3}}}\n", axis.id, from, to, context.lane);
    }
    return fmt::format(
               "for (i64 a{0}_from = {1}; a{0}_from < {2}; a{0}_from += {3}) {{\nconst i64 a{0}_to = smaller({2}, a{0}_from + {3}l);\n",
               axis.id, from, to, block_lanes) +
           context.block + pragma + fmt::format("for (i64 a{0} = a{0}_from; a{0} < a{0}_to; ++a{0}) {{\n", axis.id) + context.lane + "}\n" +
           after + "}\n";
  }

  // One assignment. `after` receives what follows the vector loop: lanes summed into one element.
  void write_stage(Emitter& emit, Context& context, const Stage& stage, std::string& after, bool& scattered) {
    const bool local = stage.target < 0;
    const auto at = static_cast<std::size_t>(local ? -1 - stage.target : stage.target);
    Type type = local ? Type{map_.locals[at].dtype, map_.locals[at].shape, {}} : outputs_[at];
    const Target* target = local ? nullptr : target_of(stage);
    const std::string base = local ? fmt::format("l{}", at) : target != nullptr ? target->name : fmt::format("y{}", at);
    if (target != nullptr && target->sharing == Sharing::partial) type.dtype = partial_type(*target);
    const std::string value = emit.value(context, stage.value);
    const bool lane_value = emit.lane_dependent(context, stage.value);
    bool lane_place = false, from_data = false;
    for (const Expr& index : stage.index) {
      lane_place |= emit.lane_dependent(context, index);
      visit(index, [&](const Expr& e) { from_data |= e->op == Scalar::read; });
      scattered |= !affine(index).affine;
    }
    const std::string place = emit.element(context, base, type, stage.index, from_data);
    const std::string stored = storage_type(type.dtype);
    if (stage.accumulate == Accumulate::none) {
      (context.vector_axis >= 0 ? context.lane : context.before) += fmt::format("{} = Narrow<{}>::of({});\n", place, stored, value);
      return;
    }
    const Reduction reduction = reduction_of(stage.accumulate);
    const DType dtype = stage.value.dtype();
    const auto fold_into = [&](const std::string& element) {
      return fmt::format("{0} = Narrow<{1}>::of({2});\n", place, stored, fold_text(reduction, dtype, "widen(" + place + ")", element));
    };
    if (context.vector_axis < 0) {
      context.before += fold_into(value);
    } else if (lane_place) {
      context.lane += fold_into(value);
    } else {
      // All lanes go to one element: they are kept for a block and folded in a fixed tree.
      const std::string kept = emit.fresh("s"), lane = fmt::format("a{}", context.vector_axis);
      context.blocked = true;
      context.block += fmt::format("{} {}[{}];\n", compute_type(dtype), kept, block_lanes);
      context.lane += fmt::format("{0}[{1} - {1}_from] = {2};\n", kept, lane, value);
      after += fold_into(fmt::format("fold_range({0}, {1}_to - {1}_from, {2}, {3})", kept, lane, identity_literal(reduction, dtype),
                                     fold_function(reduction, dtype)));
    }
    (void)lane_value;
  }

  // Each stage has loops of its own inside the map's.
  std::string write_scope(Emitter& emit, Context& root) {
    std::string text;
    for (std::size_t k = 0; k < map_.locals.size(); ++k) {
      const Local& local = map_.locals[k];
      const Dim count = element_count(local.shape);
      if (!count.is_constant() || count.constant() * size_of(local.dtype) > (1 << 18)) {
        throw Error(fmt::format("a scope's buffer of {} elements is too large for a kernel's stack, or of unknown size", count.to_string()),
                    "", "do not fuse this scope");
      }
      text += fmt::format("{} l{}[{}];\n", storage_type(local.dtype), k, std::max<std::int64_t>(count.constant(), 1));
      for (const Stage& stage : map_.stages) {
        if (stage.target != -1 - static_cast<int>(k) || stage.accumulate == Accumulate::none) continue;
        text += fmt::format("for (i64 i = 0; i < {}; ++i) l{}[i] = {};\n", count.constant(), k,
                            identity_literal(reduction_of(stage.accumulate), local.dtype));
        break;
      }
    }
    for (const Stage& stage : map_.stages) {
      Context own;  // values of locals change from stage to stage: nothing is carried over
      std::string open, close, after;
      bool scattered = false;
      std::vector<Axis> axes = stage.axes;
      std::optional<Axis> vector;
      if (!axes.empty() && axes.back().ragged == nullptr) {
        vector = axes.back();
        axes.pop_back();
        own.vector_axis = vector->id;
        own.axes.insert(vector->id);
      }
      for (const Axis& axis : axes) {
        std::string begin = "0l", end;
        if (axis.ragged != nullptr) {
          Context bounds;
          begin = emit.value(bounds, axis.ragged->first);
          end = emit.value(bounds, axis.ragged->second);
          open += bounds.before;
        } else {
          end = emit.dim(axis.extent);
        }
        open += fmt::format("for (i64 a{0} = {1}; a{0} < {2}; ++a{0}) {{\n", axis.id, begin, end);
        close += "}\n";
      }
      write_stage(emit, own, stage, after, scattered);
      text += "{\n" + open + own.before;
      text += vector ? vector_loop(emit, own, *vector, "0l", emit.dim(vector->extent), after, scattered) : own.lane + after;
      text += close + "}\n";
    }
    (void)root;
    return text;
  }

  static std::string indent(const std::string& text) {
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

  const Node& node_;
  const Map& map_;
  const std::vector<std::string>& symbols_;
  std::vector<Type> inputs_, outputs_;
  Nest nest_;
  std::vector<Target> targets_;
  bool serial_ = false, partial_ = false;
};

}  // namespace

KernelSource generate_kernel(const Graph& graph, const Node& node, const std::vector<std::string>& symbols, Isa isa) {
  NEAP_ASSERT(node.is_map(), " only maps are generated");
  std::string text = KernelWriter(graph, node, symbols).write();
  KernelSource source;
  source.name = "k_" + Hasher().add(text).add(name(isa)).finish().hex();
  for (std::size_t at = text.find("@K@"); at != std::string::npos; at = text.find("@K@", at)) text.replace(at, 3, source.name);
  source.cost = static_cast<double>(text.size());
  source.text = std::move(text);
  return source;
}

}  // namespace neap
