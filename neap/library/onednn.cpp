#include "neap/library/onednn.h"

#include <omp.h>

#include <algorithm>
#include <exception>

#include "neap/base/error.h"
#include "neap/base/machine.h"
#include "neap/ops/builder.h"
#include "neap/ops/interpreter.h"
#include "neap/runtime/relayout.h"

namespace neap::onednn {
namespace {

using dnnl::memory;

// oneDNN takes OpenMP's number of threads when a primitive is made and when it runs; the two must agree.
class ThreadsGuard {
 public:
  explicit ThreadsGuard(int threads) : before_(omp_get_max_threads()), changed_(before_ != threads) {
    if (changed_) omp_set_num_threads(threads);
  }
  ~ThreadsGuard() {
    if (changed_) omp_set_num_threads(before_);
  }
  ThreadsGuard(const ThreadsGuard&) = delete;
  ThreadsGuard& operator=(const ThreadsGuard&) = delete;

 private:
  int before_;
  bool changed_;
};

// One scratchpad a thread, as large as its hungriest primitive needs.
void* scratch(std::size_t bytes) {
  thread_local Array memory;
  if (memory.empty() || static_cast<std::size_t>(memory.bytes()) < bytes) memory = Array(DType::u8, {static_cast<std::int64_t>(bytes)});
  return memory.raw();
}

[[noreturn]] void rethrow(const dnnl::error& error) {
  throw Error(fmt::format("oneDNN: {}", error.what()), "", "bind the call to another implementation, or lower it to a map");
}

class OnednnCall final : public LibraryCall {
 public:
  explicit OnednnCall(std::function<Steps()> build) : build_(std::move(build)), stream_(engine()) { rebuild(); }

  void run(std::span<const void* const> inputs, std::span<void* const> outputs) override {
    if (threads_ != thread_count() || deterministic_ != deterministic()) rebuild();
    const ThreadsGuard guard(threads_);
    for (const Operand& operand : operands_) {
      const auto at = static_cast<std::size_t>(operand.place.index);
      const void* const start = operand.place.kind == Place::input ? inputs[at] : outputs[at];
      set(operand.memory, static_cast<std::byte*>(const_cast<void*>(start)) + operand.offset);
    }
    for (const Prepared& step : steps_) step.sliced ? execute_slices(step) : execute(step, 0);
  }

 private:
  struct Operand {
    Place place;
    std::int64_t offset;
    dnnl::memory memory;
  };
  struct Slice {
    std::vector<dnnl_exec_arg_t> arguments;
    dnnl::memory scratchpad;  // the last argument, where there is one
  };
  struct Prepared {
    dnnl::primitive primitive;
    std::size_t scratchpad_bytes = 0;
    bool sliced = false;
    std::vector<Slice> slices;
  };

  static void set(const dnnl::memory& memory, void* handle) {
    if (dnnl_memory_set_data_handle(memory.get(), handle) != dnnl_success) throw Error("oneDNN takes no memory");
  }

  void execute(const Prepared& step, std::size_t slice) const {
    const Slice& mine = step.slices[slice];
    if (step.scratchpad_bytes > 0) set(mine.scratchpad, scratch(step.scratchpad_bytes));
    const dnnl_status_t status =
        dnnl_primitive_execute(step.primitive.get(), stream_.get(), static_cast<int>(mine.arguments.size()), mine.arguments.data());
    if (status != dnnl_success) throw Error(fmt::format("oneDNN failed with status {}", static_cast<int>(status)));
  }

  void execute_slices(const Prepared& step) const {
    if (step.slices.size() == 1) {
      const ThreadsGuard guard(1);
      execute(step, 0);
      return;
    }
    std::exception_ptr failure;
#pragma omp parallel for schedule(dynamic) num_threads(threads_)
    for (std::size_t slice = 0; slice < step.slices.size(); ++slice) {
      try {
        execute(step, slice);
      } catch (...) {
#pragma omp critical(neap_onednn_failure)
        failure = std::current_exception();
      }
    }
    if (failure) std::rethrow_exception(failure);
  }

  void rebuild() {
    threads_ = thread_count();
    deterministic_ = deterministic();
    const ThreadsGuard guard(threads_);
    operands_.clear();
    inner_memories_.clear();
    steps_.clear();
    inner_.clear();
    try {
      prepare(build_());
    } catch (const dnnl::error& error) {
      rethrow(error);
    }
  }

  void prepare(const Steps& steps) {
    for (const std::int64_t bytes : steps.inner_bytes()) inner_.emplace_back(DType::u8, Sizes{bytes});
    for (const Steps::Step& step : steps.steps()) {
      Prepared& prepared = steps_.emplace_back(Prepared{step.primitive, step.scratchpad.get_size(), step.slices > 0, {}});
      for (int slice = 0; slice < std::max(step.slices, 1); ++slice) prepared.slices.push_back(prepare_slice(step, slice));
    }
  }

  Slice prepare_slice(const Steps::Step& step, int slice) {
    Slice made;
    for (const Steps::Argument& argument : step.arguments) {
      const std::int64_t offset = argument.offset + slice * argument.slice_bytes;
      if (argument.place.kind == Place::inner) {
        std::byte* const start = inner_[static_cast<std::size_t>(argument.place.index)].raw();
        inner_memories_.emplace_back(argument.desc, engine(), start + offset);
        made.arguments.push_back({argument.name, inner_memories_.back().get()});
      } else {
        operands_.push_back({argument.place, offset, dnnl::memory(argument.desc, engine(), DNNL_MEMORY_NONE)});
        made.arguments.push_back({argument.name, operands_.back().memory.get()});
      }
    }
    if (step.scratchpad.get_size() > 0) {
      made.scratchpad = dnnl::memory(step.scratchpad, engine(), DNNL_MEMORY_NONE);
      made.arguments.push_back({DNNL_ARG_SCRATCHPAD, made.scratchpad.get()});
    }
    return made;
  }

  std::function<Steps()> build_;
  dnnl::stream stream_;
  int threads_ = 0;
  bool deterministic_ = true;
  std::vector<Operand> operands_;
  std::vector<dnnl::memory> inner_memories_;
  std::vector<Prepared> steps_;
  std::vector<Array> inner_;
};

class DefinitionCall final : public LibraryCall {
 public:
  DefinitionCall(const Call& call, std::vector<Type> inputs, std::vector<Type> outputs, Symbols symbols, const Map* epilogue)
      : inputs_(std::move(inputs)), outputs_(std::move(outputs)), symbols_(std::move(symbols)) {
    Builder build(graph_);
    std::vector<Var> arguments;
    const auto at_these_sizes = [&](const Type& type) {
      Type known{type.dtype, {}, {}};
      for (const Dim& size : type.shape) known.shape.emplace_back(size.evaluate(symbols_));
      return known;
    };
    const auto own = static_cast<std::size_t>(call.input_count());
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      present_.push_back(i >= own || call.has(static_cast<int>(i)));
      arguments.push_back(present_.back() ? build.input(fmt::format("x{}", i), at_these_sizes(inputs_[i])) : Var());
    }
    std::vector<Var> further(arguments.begin() + static_cast<std::ptrdiff_t>(own), arguments.end());
    arguments.resize(own);
    Attributes attributes = call.attributes();
    for (auto& [name, value] : attributes) {
      if (auto* sizes = std::get_if<std::vector<Dim>>(&value)) {
        for (Dim& size : *sizes) size = size.evaluate(symbols_);
      }
    }
    std::vector<Var> results = build.calls(call.op().name, arguments, attributes);
    if (epilogue != nullptr) {
      further.insert(further.begin(), results[0]);
      results[0] = build.map(at_sizes(*epilogue), at_these_sizes(outputs_[0]), further);
    }
    int k = 0;
    for (const Var& output : results) graph_.add_output(output.id(), fmt::format("y{}", k++));
  }

  void run(std::span<const void* const> inputs, std::span<void* const> outputs) override {
    std::vector<Array> given;
    for (std::size_t i = 0; i < present_.size(); ++i) {
      if (present_[i]) given.push_back(to_row_major(inputs[i], inputs_[i], symbols_));
    }
    const std::vector<Array> results = interpret(graph_, given);
    for (std::size_t i = 0; i < results.size(); ++i) from_row_major(results[i], outputs[i], outputs_[i], symbols_);
  }

 private:
  Map at_sizes(Map map) const {
    for (Axis& axis : map.axes) axis.extent = axis.extent.evaluate(symbols_);
    return map;
  }

  Graph graph_;
  std::vector<bool> present_;
  std::vector<Type> inputs_, outputs_;
  Symbols symbols_;
};

}  // namespace

const dnnl::engine& engine() {
  static const dnnl::engine cpu(dnnl::engine::kind::cpu, 0);
  return cpu;
}

memory::data_type data_type(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return memory::data_type::f32;
    case DType::bf16:
      return memory::data_type::bf16;
    default:
      return memory::data_type::undef;
  }
}

memory::dims dims(const Shape& shape, const Symbols& symbols) { return evaluate(shape, symbols); }

std::string refuses_type(const Type& type) {
  if (data_type(type.dtype) == memory::data_type::undef) return fmt::format("takes f32 and bf16, not {}", name(type.dtype));
  // Without AVX-512 there is no arithmetic on bf16 in oneDNN.
  if (type.dtype == DType::bf16 && best_isa() != Isa::avx512) return "takes bf16 only where the CPU has AVX-512";
  if (type.rank() > 6) return fmt::format("takes values of at most 6 axes, not {}", type.rank());
  bool inner = false;
  for (const Layout::Level& level : type.layout.levels) {
    if (inner && level.block == 0) return fmt::format("takes blocks innermost only, not layout {}", type.layout.tag(type.rank()));
    inner = level.block > 0;
  }
  return "";
}

std::string refuses_types(const std::vector<Type>& types) {
  for (const Type& type : types) {
    std::string reason = refuses_type(type);
    if (!reason.empty()) return reason;
  }
  return "";
}

memory::desc describe(const Type& type, const Symbols& symbols) {
  const Storage place = storage(type, symbols);
  const memory::dims sizes = dims(type.shape, symbols);
  dnnl_memory_desc_t desc{};
  desc.ndims = std::max(type.rank(), 1);  // a number is a vector of one
  desc.data_type = static_cast<dnnl_data_type_t>(data_type(type.dtype));
  desc.format_kind = dnnl_blocked;
  desc.dims[0] = desc.padded_dims[0] = 1;
  dnnl_blocking_desc_t& blocking = desc.format_desc.blocking;
  blocking.strides[0] = 1;
  for (std::size_t axis = 0; axis < sizes.size(); ++axis) desc.dims[axis] = sizes[axis];
  for (std::size_t i = 0; i < place.levels.size(); ++i) {
    const int axis = place.levels[i].axis;
    if (place.levels[i].block == 0) {
      blocking.strides[axis] = place.stride[i];
      desc.padded_dims[axis] = place.extent[i];
    } else {
      blocking.inner_blks[blocking.inner_nblks] = place.levels[i].block;
      blocking.inner_idxs[blocking.inner_nblks++] = axis;
      desc.padded_dims[axis] *= place.levels[i].block;
    }
  }
  return memory::desc(desc);
}

memory::desc describe_filters(const Type& type, const Symbols& symbols, std::int64_t groups) {
  memory::desc whole = describe(type, symbols);
  if (groups == 1) return whole;
  dnnl_memory_desc_t desc = whole.data;
  const std::int64_t per_group = desc.dims[0] / groups;
  for (int axis = desc.ndims; axis > 0; --axis) {
    desc.dims[axis] = desc.dims[axis - 1];
    desc.padded_dims[axis] = desc.padded_dims[axis - 1];
    desc.format_desc.blocking.strides[axis] = desc.format_desc.blocking.strides[axis - 1];
  }
  dnnl_blocking_desc_t& blocking = desc.format_desc.blocking;
  // With one filter a group, blocks of filters are blocks of groups.
  for (int i = 0; i < blocking.inner_nblks; ++i) blocking.inner_idxs[i] += blocking.inner_idxs[i] > 0 ? 1 : 0;
  ++desc.ndims;
  desc.dims[0] = groups;
  desc.dims[1] = desc.padded_dims[1] = per_group;
  if (per_group != 1) desc.padded_dims[0] = groups;
  blocking.strides[0] = blocking.strides[1] * per_group;
  return memory::desc(desc);
}

std::optional<Layout> layout_of(const memory::desc& desc, int rank, std::int64_t groups) {
  const dnnl_memory_desc_t& data = desc.data;
  if (data.format_kind != dnnl_blocked || data.extra.flags != dnnl_memory_extra_flag_none) return std::nullopt;
  const bool grouped = data.ndims > rank;
  if (grouped && (data.dims[1] != 1 || data.dims[0] != groups)) return std::nullopt;  // groups of several filters share no axis of ours
  const auto axis_of = [&](std::int64_t theirs) { return static_cast<int>(grouped ? std::max<std::int64_t>(theirs - 1, 0) : theirs); };
  const dnnl_blocking_desc_t& blocking = data.format_desc.blocking;
  std::vector<int> order;
  for (int axis = 0; axis < data.ndims; ++axis) {
    if (!grouped || axis != 1) order.push_back(axis);
  }
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return blocking.strides[a] > blocking.strides[b]; });
  Layout layout;
  for (const int axis : order) layout.levels.push_back({axis_of(axis), 0});
  std::vector<int> cuts(static_cast<std::size_t>(rank), 0);
  for (int i = 0; i < blocking.inner_nblks; ++i) {
    const int axis = axis_of(blocking.inner_idxs[i]);
    if ((grouped && blocking.inner_idxs[i] == 1) || ++cuts[static_cast<std::size_t>(axis)] > 1) return std::nullopt;
    layout.levels.push_back({axis, blocking.inner_blks[i]});
  }
  return Layout::parse(layout.tag(rank), rank);
}

void Steps::add(const dnnl::primitive& primitive, const memory::desc& scratchpad, std::vector<Argument> arguments, int slices) {
  steps_.push_back({primitive, scratchpad, std::move(arguments), slices});
}

void Steps::add_reorder(const memory::desc& from, const Place& at, const memory::desc& to, const Place& there) {
  const dnnl::reorder::primitive_desc reorder(engine(), from, engine(), to, attributes());
  add(dnnl::reorder(reorder), reorder.scratchpad_desc(), {{DNNL_ARG_FROM, at, from}, {DNNL_ARG_TO, there, to}});
}

void Steps::add_sum(const memory::desc& desc, const Place& parts, int count, const Place& total) {
  const auto n = static_cast<std::size_t>(count);
  const dnnl::sum::primitive_desc sum(desc, std::vector<float>(n, 1.0F), std::vector<memory::desc>(n, desc), engine(), attributes());
  std::vector<Argument> arguments{{DNNL_ARG_DST, total, desc}};
  for (int i = 0; i < count; ++i)
    arguments.push_back({DNNL_ARG_MULTIPLE_SRC + i, parts, desc, 0, i * static_cast<std::int64_t>(desc.get_size())});
  add(dnnl::sum(sum), sum.scratchpad_desc(), std::move(arguments));
}

Place Steps::inner(const memory::desc& desc, int count) {
  inner_bytes_.push_back(static_cast<std::int64_t>(desc.get_size()) * count);
  return {Place::inner, static_cast<int>(inner_bytes_.size()) - 1};
}

dnnl::primitive_attr attributes() {
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attr;
}

void on_one_thread(const std::function<void()>& make) {
  const ThreadsGuard guard(1);
  make();
}

std::unique_ptr<LibraryCall> make_call(std::function<Steps()> build) { return std::make_unique<OnednnCall>(std::move(build)); }

bool is_empty(const std::vector<Type>& inputs, const std::vector<Type>& outputs, const Symbols& symbols) {
  bool empty = false;
  const auto look = [&](const Type& type) {
    for (const Dim& size : type.shape) empty |= size.evaluate(symbols) == 0;
  };
  for (const Type& type : inputs) look(type);
  for (const Type& type : outputs) look(type);
  return empty;
}

std::unique_ptr<LibraryCall> definition_where_empty(const Call& call, const std::vector<Type>& inputs, const std::vector<Type>& outputs,
                                                    const Symbols& symbols, const Map* epilogue) {
  return is_empty(inputs, outputs, symbols) ? std::make_unique<DefinitionCall>(call, inputs, outputs, symbols, epilogue) : nullptr;
}

}  // namespace neap::onednn
