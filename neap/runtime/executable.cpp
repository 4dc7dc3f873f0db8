#include "neap/runtime/executable.h"

#include <omp.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <unordered_map>

#include "neap/base/clock.h"
#include "neap/base/error.h"
#include "neap/codegen/gathered_rows.h"
#include "neap/ir/ranges.h"
#include "neap/ops/interpreter.h"
#include "neap/runtime/blocked_map.h"
#include "neap/runtime/chunk_queue.h"
#include "neap/runtime/kernels.h"
#include "neap/runtime/relayout.h"

namespace neap {
namespace {

std::string describe(const Node& node) {
  return fmt::format("%{} {}", node.outputs.empty() ? no_value : node.outputs[0], node.is_map() ? "map" : node.op);
}

void* allocate(std::shared_ptr<void>& owner, std::int64_t bytes) {
  Array memory(DType::u8, {bytes + 64});
  void* start = memory.raw();
  owner = std::make_shared<Array>(std::move(memory));
  return start;
}

}  // namespace

// What depends on the sizes: places of values, library calls made ready.
struct Binding {
  Symbols symbols;
  std::vector<std::int64_t> sizes;  // of the graph's symbols, in order: what kernels take
  std::vector<Sizes> input_sizes;   // of the run that it was last used for
  MemoryPlan plan;
  std::shared_ptr<void> arena_owner, kept_owner, scratch_owner;
  std::byte *arena = nullptr, *kept = nullptr;
  std::optional<std::vector<Array>> fixed;  // the fixed inputs of which `kept` holds what depends on them; nothing while it does not
  void* scratch = nullptr;
  std::vector<std::unique_ptr<LibraryCall>> calls;  // by node; null for maps
  std::vector<std::int64_t> chunks;                 // by node; maps only
  std::vector<bool> combines, in_order;

  // Where a value lies: always there (arena, constants), or where the run's inputs or results are.
  struct Place {
    enum Kind { fixed, input, result } kind = fixed;
    int index = 0;
    void* address = nullptr;
  };
  std::vector<void*> operands;       // of all nodes: each one's inputs, then its outputs
  std::vector<std::size_t> first;    // by node: where its operands start
  std::vector<std::size_t> varying;  // operands that each run sets, and where from
  std::vector<Place> varying_places;
  struct Result {
    Place place;
    bool in_place = false;  // written into the input that it updates
    Array kept;             // of other results that update an input: where they wait until all are made
  };
  std::vector<Result> results;  // by output

  std::span<void*> operands_of(std::size_t node, std::size_t count) { return std::span(operands).subspan(first[node], count); }
};

struct Executable::State {
  Graph graph;
  ExecutableOptions options;
  std::vector<std::string> symbols;
  std::unordered_map<ValueId, Array> constants;  // as they lie, of the values that nodes read and outputs give
  KernelSet kernels;
  std::map<std::vector<std::int64_t>, std::unique_ptr<Binding>> bindings;
  Binding* bound = nullptr;
  bool profiling = false;
  std::vector<NodeProfile> profile;

  // Whether these are inputs of the same types as those of the last run, which were checked.
  bool bound_to(const std::vector<Array>& inputs) const {
    if (bound == nullptr || inputs.size() != graph.inputs.size()) return false;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (inputs[i].dtype() != graph.type(graph.inputs[i].value).dtype || inputs[i].sizes() != bound->input_sizes[i]) return false;
    }
    return true;
  }

  Binding& bind(const std::vector<Array>& inputs) {
    if (bound_to(inputs)) return *bound;
    const Symbols values = bind_inputs(graph, inputs);
    std::vector<std::int64_t> key;
    for (const std::string& symbol : symbols) key.push_back(values.at(symbol));
    auto& slot = bindings[key];
    if (slot == nullptr) {
      constexpr std::size_t most_bindings = 64;  // sampled graphs and episodes come in many sizes: forget rather than fill memory
      if (bindings.size() > most_bindings) {
        bound = nullptr;
        std::erase_if(bindings, [&](const auto& entry) { return entry.first != key; });
      }
      slot = make_binding(values, key);
    }
    bound = slot.get();
    bound->input_sizes.clear();
    for (const Array& input : inputs) bound->input_sizes.push_back(input.sizes());
    return *bound;
  }

  std::unique_ptr<Binding> make_binding(const Symbols& values, std::vector<std::int64_t> sizes) {
    auto made = std::make_unique<Binding>();
    made->symbols = values;
    made->sizes = std::move(sizes);
    made->plan = plan_memory(graph, values, options.reuse_memory);
    made->arena = static_cast<std::byte*>(allocate(made->arena_owner, made->plan.arena_bytes));
    made->kept = static_cast<std::byte*>(allocate(made->kept_owner, made->plan.kept_bytes));
    std::int64_t scratch = 0;
    for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
      const Node& node = *graph.nodes()[i];
      made->calls.emplace_back();
      made->chunks.push_back(0);
      made->combines.push_back(false);
      made->in_order.push_back(node.is_map() && slice_axis(*node.map) >= 0);
      if (node.is_map() && !values.empty()) check_ranges(graph, node, values);
      if (!node.is_map()) {
        made->calls.back() = prepare(node, values);
      } else if (const KernelEntry* kernel = kernels.entry(i)) {
        made->chunks.back() = kernel->chunks(made->sizes.data());
        const std::int64_t bytes = kernel->scratch(made->sizes.data());
        made->combines.back() = bytes > 0;
        scratch = std::max(scratch, bytes);
      }
    }
    made->scratch = allocate(made->scratch_owner, scratch);
    place_operands(*made);
    return made;
  }

  void place_operands(Binding& b) const {
    std::unordered_map<ValueId, Binding::Place> places;
    for (std::size_t i = 0; i < graph.inputs.size(); ++i) places[graph.inputs[i].value] = {Binding::Place::input, static_cast<int>(i)};
    for (const Buffer& buffer : b.plan.buffers) places[buffer.value] = {Binding::Place::fixed, 0, b.arena + buffer.offset};
    for (const Buffer& buffer : b.plan.kept) places[buffer.value] = {Binding::Place::fixed, 0, b.kept + buffer.offset};
    for (const Output& output : graph.outputs) {
      const auto updated = b.plan.in_place_of.find(output.value);
      if (updated != b.plan.in_place_of.end()) places[output.value] = places.at(updated->second);
    }
    const auto place_of = [&](ValueId id) -> Binding::Place {
      if (id == no_value) return {};
      const auto found = places.find(id);
      return found != places.end() ? found->second : Binding::Place{Binding::Place::fixed, 0, constant_place(id)};
    };
    for (std::size_t i = 0; i < graph.outputs.size(); ++i) {
      const Output& output = graph.outputs[i];
      Binding::Result result;
      // An output that is an input or constant, or asked for twice, is copied at the end.
      if (!graph.value(output.value).constant)
        places.try_emplace(output.value, Binding::Place{Binding::Place::result, static_cast<int>(i)});
      result.place = place_of(output.value);
      const auto updated = b.plan.in_place_of.find(output.value);
      if (output.updates >= 0) {
        result.in_place =
            updated != b.plan.in_place_of.end() && graph.inputs[static_cast<std::size_t>(output.updates)].value == updated->second;
        if (!result.in_place) result.kept = new_result(output, b);
      }
      b.results.push_back(std::move(result));
    }
    for (const NodePtr& node : graph.nodes()) {
      b.first.push_back(b.operands.size());
      for (const std::vector<ValueId>* ids : {&node->inputs, &node->outputs}) {
        for (const ValueId id : *ids) {
          const Binding::Place place = place_of(id);
          if (place.kind != Binding::Place::fixed) {
            b.varying.push_back(b.operands.size());
            b.varying_places.push_back(place);
          }
          b.operands.push_back(place.address);
        }
      }
    }
  }

  Array new_result(const Output& output, const Binding& b) const {
    const Type& type = graph.type(output.value);
    return {type.dtype, evaluate(type.shape, b.symbols)};
  }

  std::unique_ptr<LibraryCall> prepare(const Node& node, const Symbols& values) const {
    if (node.implementation.empty()) {
      throw Error(fmt::format("{} is bound to no implementation", describe(node)), "graph " + graph.name,
                  "bind it to a library, or lower it to a map");
    }
    const std::vector<Type> inputs = types_of(graph, node.inputs), outputs = types_of(graph, node.outputs);
    const Implementation& library = find_implementation(node.op, node.implementation);
    if (node.epilogue == nullptr) return library.prepare(make_call(graph, node), inputs, outputs, values);
    if (library.prepare_fused == nullptr) {
      throw Error(fmt::format("{} takes no epilogue", library.name), describe(node) + ", in graph " + graph.name,
                  "keep the map behind the call a node of its own");
    }
    return library.prepare_fused(make_call(graph, node), *node.epilogue, inputs, outputs, values);
  }

  std::vector<Array> run(const std::vector<Array>& inputs) {
    Binding& b = bind(inputs);
    std::vector<Array> results;
    results.reserve(b.results.size());
    for (std::size_t i = 0; i < b.results.size(); ++i) {
      const Output& output = graph.outputs[i];
      results.push_back(b.results[i].in_place ? inputs[static_cast<std::size_t>(output.updates)]
                        : output.updates >= 0 ? b.results[i].kept
                                              : new_result(output, b));
    }
    const auto address = [&](const Binding::Place& place) -> void* {
      if (place.kind == Binding::Place::fixed) return place.address;
      const Array& array = (place.kind == Binding::Place::input ? inputs : results)[static_cast<std::size_t>(place.index)];
      return const_cast<std::byte*>(array.raw());
    };
    for (std::size_t k = 0; k < b.varying.size(); ++k) b.operands[b.varying[k]] = address(b.varying_places[k]);
    const auto start = Clock::now();
    if (!b.fixed || !holds(*b.fixed, inputs)) {
      b.fixed.reset();  // a node that fails leaves `kept` half made
      run_nodes(b, start, true);
      b.fixed = fixed_of(inputs);
    }
    run_nodes(b, start, false);
    for (std::size_t i = 0; i < results.size(); ++i) copy(address(b.results[i].place), results[i]);
    // Only when all results are there may inputs be overwritten: another output may be the old value.
    for (std::size_t i = 0; i < results.size(); ++i) {
      const int updates = graph.outputs[i].updates;
      if (updates < 0 || b.results[i].in_place) continue;
      Array target = inputs[static_cast<std::size_t>(updates)];
      copy(results[i].raw(), target);
      results[i] = std::move(target);
    }
    return results;
  }

  void run_nodes(Binding& b, Clock::time_point start, bool kept) {
    for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
      if (graph.nodes()[i]->kept == kept) run_node(i, b, start);
    }
  }

  std::vector<Array> fixed_of(const std::vector<Array>& inputs) const {
    std::vector<Array> fixed;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (graph.inputs[i].role == Role::fixed) fixed.push_back(inputs[i]);
    }
    return fixed;
  }

  // Whether these are the arrays of an earlier run: holding them keeps their memory from being given to others.
  bool holds(const std::vector<Array>& fixed, const std::vector<Array>& inputs) const {
    const std::vector<Array> now = fixed_of(inputs);
    return std::equal(now.begin(), now.end(), fixed.begin(), fixed.end(),
                      [](const Array& a, const Array& b) { return a.raw() == b.raw() && a.sizes() == b.sizes(); });
  }

  static void copy(const void* from, Array& to) {
    if (from != to.raw() && to.bytes() > 0) std::memcpy(to.raw(), from, static_cast<std::size_t>(to.bytes()));
  }

  void* constant_place(ValueId id) const { return const_cast<std::byte*>(constants.at(id).raw()); }

  void lay_constants() {
    const auto lay = [&](ValueId id) {
      if (id == no_value || !graph.value(id).constant || constants.count(id) != 0) return;
      constants.emplace(id, laid_out(*graph.value(id).constant, graph.type(id)));
    };
    for (const NodePtr& node : graph.nodes()) std::for_each(node->inputs.begin(), node->inputs.end(), lay);
    for (const Output& output : graph.outputs) lay(output.value);
  }

  void run_node(std::size_t i, Binding& b, Clock::time_point start) {
    const Node& node = *graph.nodes()[i];
    const std::span<void*> buffers = b.operands_of(i, node.inputs.size() + node.outputs.size());
    const auto begin = profiling ? Clock::now() : Clock::time_point{};
    if (b.calls[i] != nullptr) {
      const std::span<void*> inputs = buffers.first(node.inputs.size());
      b.calls[i]->run({const_cast<const void* const*>(inputs.data()), inputs.size()}, buffers.subspan(inputs.size()));
    } else if (const KernelEntry* kernel = kernels.entry(i)) {
      run_kernel(node, *kernel, b, i, buffers);
    } else {
      run_interpreted(node, b, buffers);
    }
    if (!profiling) return;
    NodeProfile& mine = profile[i];
    mine.begin = std::chrono::duration<double>(begin - start).count();
    mine.last = seconds_since(begin);
    mine.seconds += mine.last;
    ++mine.runs;
  }

  void run_kernel(const Node& node, const KernelEntry& kernel, const Binding& b, std::size_t i, std::span<void* const> buffers) const {
    const std::int64_t chunks = b.chunks[i];
    const int threads = static_cast<int>(std::min<std::int64_t>({thread_count(), chunks, ChunkQueue::most_threads}));
    std::int64_t failed = 0;
    if (threads <= 1) {
      failed = kernel.run(buffers.data(), b.sizes.data(), b.scratch, 0, chunks);
    } else {
      ChunkQueue queue(chunks, threads, b.in_order[i]);
#pragma omp parallel num_threads(threads) reduction(max : failed)
      {
        const int me = omp_get_thread_num();
        for (ChunkQueue::Range at = queue.next(me); at.begin < at.end; at = queue.next(me))
          failed = std::max<std::int64_t>(failed, kernel.run(buffers.data(), b.sizes.data(), b.scratch, at.begin, at.end));
      }
    }
    if (failed != 0) {
      throw Error(failure_text(node, failed), describe(node) + (node.origin.empty() ? "" : ", from " + node.origin[0]),
                  "check the values of the tensor that holds the positions");
    }
    if (b.combines[i]) kernel.combine(buffers.data(), b.sizes.data(), b.scratch);
  }

  std::string failure_text(const Node& node, std::int64_t failed) const {
    if (failed >= short_offsets)
      return fmt::format("offsets in operand {} leave entries of the result without a row", failed - short_offsets);
    if (failed >= bad_offsets) return fmt::format("offsets in operand {} run past the entries that are there", failed - bad_offsets);
    const auto at = static_cast<std::size_t>(failed - 1), inputs = node.inputs.size();
    if (at >= inputs + node.outputs.size()) return "an index in the data is out of bounds of a buffer of the scope";
    const ValueId id = at < inputs ? node.inputs[at] : node.outputs[at - inputs];
    return fmt::format("an index in the data is out of bounds of {} {}, {}", at < inputs ? "operand" : "result",
                       at < inputs ? at : at - inputs, graph.type(id).to_string());
  }

  void run_interpreted(const Node& node, const Binding& b, std::span<void* const> buffers) const {
    std::vector<Array> operands;
    const std::vector<Type> types = types_of(graph, node.outputs);
    for (std::size_t k = 0; k < node.inputs.size(); ++k) {
      operands.push_back(node.inputs[k] == no_value ? Array() : to_row_major(buffers[k], graph.type(node.inputs[k]), b.symbols));
    }
    const std::vector<Array> results = run_map(*node.map, operands, types, b.symbols);
    for (std::size_t k = 0; k < results.size(); ++k) from_row_major(results[k], buffers[node.inputs.size() + k], types[k], b.symbols);
  }
};

Executable::Executable(Graph graph, ExecutableOptions options) : state_(std::make_unique<State>()) {
  state_->graph = std::move(graph);
  state_->options = options;
  state_->symbols = state_->graph.symbols();
  state_->lay_constants();
  state_->kernels = KernelSet(state_->graph, options.isa, options.compile);
  for (std::size_t i = 0; i < state_->graph.nodes().size(); ++i) {
    const Node& node = *state_->graph.nodes()[i];
    std::string origin;
    for (const std::string& name : node.origin) origin += (origin.empty() ? "" : ", ") + name;
    const std::string how = !node.is_map() ? node.implementation : state_->kernels.entry(i) != nullptr ? "generated" : "interpreter";
    state_->profile.push_back({describe(node), std::move(origin), how});
  }
}

Executable::~Executable() = default;
Executable::Executable(Executable&&) noexcept = default;
Executable& Executable::operator=(Executable&&) noexcept = default;

const Graph& Executable::graph() const { return state_->graph; }
std::vector<Array> Executable::run(const std::vector<Array>& inputs) { return state_->run(inputs); }
const MemoryPlan& Executable::plan() const {
  NEAP_ASSERT(state_->bound != nullptr, " no run yet");
  return state_->bound->plan;
}
void Executable::set_profiling(bool on) { state_->profiling = on; }
const std::vector<NodeProfile>& Executable::profile() const { return state_->profile; }
double Executable::compile_seconds() const { return state_->kernels.seconds(); }
int Executable::generated_kernels() const { return state_->kernels.distinct(); }

std::string Executable::trace() const {
  nlohmann::json events = nlohmann::json::array();
  for (const NodeProfile& node : state_->profile) {
    if (node.runs == 0) continue;
    events.push_back({{"name", node.name},
                      {"cat", node.how},
                      {"ph", "X"},
                      {"ts", node.begin * 1e6},
                      {"dur", node.last * 1e6},
                      {"pid", 1},
                      {"tid", 1},
                      {"args", {{"from", node.origin}}}});
  }
  return nlohmann::json{{"traceEvents", events}, {"displayTimeUnit", "ms"}}.dump(1);
}

}  // namespace neap
