// Generated kernels touch nothing beyond their operands: each array ends, and then begins, at a page that nobody may read or write. Random
// maps whose reads stand under conditions (padding, windows, joined parts), where a compiler may be tempted to read ahead.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <csetjmp>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "neap/base/environment.h"
#include "neap/base/machine.h"
#include "neap/runtime/kernels.h"
#include "neap/runtime/relayout.h"
#include "neap/transform/optimizer.h"
#include "tests/support/random_graph.h"
#include "tests/support/results.h"

namespace neap::guard_pages_test {
namespace {

enum class Side : std::uint8_t { end, begin };

// Bytes between two pages without access, at the end or at the beginning of what lies between.
class GuardedBytes {
 public:
  GuardedBytes(std::int64_t bytes, Side side) {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)), wanted = static_cast<std::size_t>(bytes);
    const std::size_t room = (wanted + page - 1) / page * page;
    mapped_ = room + 2 * page;
    base_ = static_cast<char*>(::mmap(nullptr, mapped_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (base_ == MAP_FAILED) throw Error("no memory", "guard_pages_test");
    if (room > 0 && ::mprotect(base_ + page, room, PROT_READ | PROT_WRITE) != 0) throw Error("no memory", "guard_pages_test");
    data_ = base_ + page + (side == Side::end ? room - wanted : 0);
  }
  ~GuardedBytes() { ::munmap(base_, mapped_); }
  GuardedBytes(const GuardedBytes&) = delete;
  GuardedBytes& operator=(const GuardedBytes&) = delete;
  void* data() const { return data_; }

 private:
  char *base_ = nullptr, *data_ = nullptr;
  std::size_t mapped_ = 0;
};

sigjmp_buf before_fault;
void go_back(int) { siglongjmp(before_fault, 1); }

// Whether the kernel leaves its buffers.
bool leaves(const KernelEntry& kernel, void* const* buffers, const std::int64_t* sizes, void* scratch) {
  struct sigaction ours {
  }, segv{}, bus{};
  ours.sa_handler = go_back;
  ::sigaction(SIGSEGV, &ours, &segv);
  ::sigaction(SIGBUS, &ours, &bus);
  volatile bool left = true;
  if (sigsetjmp(before_fault, 1) == 0) {
    kernel.run(buffers, sizes, scratch, 0, kernel.chunks(sizes));
    if (kernel.scratch(sizes) > 0) kernel.combine(buffers, sizes, scratch);
    left = false;
  }
  ::sigaction(SIGSEGV, &segv, nullptr);
  ::sigaction(SIGBUS, &bus, nullptr);
  return left;
}

// Runs the maps of a graph one after the other; gives the text of the first that leaves its arrays.
std::string leaving_map(const Graph& graph, const KernelSet& kernels, const std::vector<Array>& inputs, const Symbols& symbols, Side side) {
  std::vector<std::unique_ptr<GuardedBytes>> values(static_cast<std::size_t>(graph.value_count()));
  const auto place = [&](ValueId id) {
    auto& made = values[static_cast<std::size_t>(id)];
    if (made == nullptr) made = std::make_unique<GuardedBytes>(storage_bytes(graph.type(id)).evaluate(symbols), side);
    return made->data();
  };
  const auto fill = [&](ValueId id, const Array& elements) {
    if (elements.bytes() > 0) std::memcpy(place(id), elements.raw(), static_cast<std::size_t>(elements.bytes()));
  };
  for (std::size_t i = 0; i < inputs.size(); ++i) fill(graph.inputs[i].value, inputs[i]);
  for (ValueId id = 0; id < graph.value_count(); ++id) {
    if (graph.has_value(id) && graph.value(id).constant) fill(id, laid_out(*graph.value(id).constant, graph.type(id)));
  }
  std::vector<std::int64_t> sizes;
  for (const std::string& symbol : graph.symbols()) sizes.push_back(symbols.at(symbol));
  for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
    const Node& node = *graph.nodes()[i];
    const KernelEntry* kernel = kernels.entry(i);
    if (kernel == nullptr) return "not generated";
    std::vector<void*> buffers;
    for (const std::vector<ValueId>* ids : {&node.inputs, &node.outputs}) {
      for (const ValueId id : *ids) buffers.push_back(id == no_value ? nullptr : place(id));
    }
    const auto scratch = static_cast<std::size_t>(kernel->scratch(sizes.data()));
    const std::unique_ptr<void, decltype(&std::free)> memory(scratch > 0 ? std::aligned_alloc(64, (scratch + 63) / 64 * 64) : nullptr,
                                                             &std::free);
    if (leaves(*kernel, buffers.data(), sizes.data(), memory.get())) return place_of(graph, node) + "\n" + to_string(graph);
  }
  return "";
}

// At a level, for each instruction set.
void check_level(const Graph& graph, int level, const std::vector<Array>& inputs, const Symbols& symbols) {
  Optimizer optimizer(graph);
  optimizer.optimize(level, false);
  for (const Isa isa : {Isa::portable, Isa::avx2, Isa::avx512}) {
    if (!supports(isa)) continue;
    const KernelSet kernels(optimizer.graph(), isa, true);
    for (const Side side : {Side::end, Side::begin}) {
      EXPECT_EQ(leaving_map(optimizer.graph(), kernels, inputs, symbols, side), "")
          << "level " << level << ", " << name(isa) << ", " << (side == Side::end ? "behind its end" : "ahead of its beginning");
    }
  }
}

// Graphs of these options as one, which costs the fewest starts of a compiler, for each instruction set.
void check_together(int count, int first_seed, const testing::RandomOptions& options) {
  Graph all;
  Builder build(all);
  std::vector<Array> inputs;
  Symbols symbols;
  for (int i = 0; i < count; ++i) {
    testing::RandomOptions mine = options;
    mine.symbol = fmt::format("N{}", i);
    const testing::RandomGraph one = testing::random_graph(static_cast<std::uint64_t>(first_seed + i), mine);
    std::vector<Var> arguments;
    for (std::size_t k = 0; k < one.inputs.size(); ++k) {
      const Type& type = one.graph.type(one.graph.inputs[k].value);
      neap::bind(type.shape, one.inputs[k].sizes(), symbols, "an input");
      arguments.push_back(build.input(fmt::format("x{}", all.inputs.size()), type));
      inputs.push_back(one.inputs[k]);
    }
    for (const Var& output : build.inline_graph(one.graph, arguments)) all.add_output(output.id(), fmt::format("y{}", all.outputs.size()));
  }
  for (const int level : {0, 4}) check_level(all, level, inputs, symbols);
}

void check(int usually, int first_seed, const testing::RandomOptions& options) {
  constexpr int together = 20;
  first_seed += std::atoi(environment_value("NEAP_RANDOM_SEED").c_str());
  const int count = testing::graphs_wanted(usually, 170);
  for (int done = 0; done < count; done += together) check_together(std::min(together, count - done), first_seed + done, options);
}

const std::set<std::string> guarded = {"pad",
                                       "concat",
                                       "conv",
                                       "max_pool",
                                       "average_pool",
                                       "conv_transpose",
                                       "resize",
                                       "where",
                                       "roll",
                                       "slice",
                                       "stack",
                                       "flip",
                                       "pad_transposed",
                                       "average_pool_gradient",
                                       "causal_mask",
                                       "one_hot",
                                       "max_pool_gradient"};
const std::vector<std::int64_t> awkward = {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33};

testing::RandomOptions of(DType dtype) {
  return {.least_nodes = 2,
          .most_nodes = 8,
          .dtype = dtype,
          .most_elements = 20000,
          .without = {"invert_permutation", "sort", "argsort", "top_k"},
          .often = guarded,
          .sizes = awkward,
          .symbol_values = {1, 3, 17}};
}

// Conditions that are known for each position: GCC 12 made one load of both parts.
TEST(GuardPages, PartsOfFewIntegers) {
  const Graph graph = parse_graph(R"(graph parts {
  input x : i32[3,2]
  %0 = map(x) i:3 j:4 { %0[i,j] = select(j < 2, x[i,j], x[i,j - 2]) } : i32[3,4]
  output y = %0
})");
  check_level(graph, 4, {Array::of<std::int32_t>({1, 2, 3, 4, 5, 6}, {3, 2})}, {});
}

// A condition reads what another one ahead of it allows.
TEST(GuardPages, ConditionsFromTheData) {
  const Graph graph = parse_graph(R"(graph conditions {
  input x : f32[N]
  input y : f32[N]
  input z : f32[2000]
  %0 = map(x, y, z) i:N + 2000 { %0[i] = select(i < {N}, select(x[i] > 0.0, x[i] * 2.0, select(y[i] > 0.0, y[i], x[i])), z[i - {N}]) } : f32[N + 2000]
  output w = %0
})");
  const std::vector<Array> inputs = {waves({3}), waves({3}), waves({2000})};
  for (const int level : {0, 4}) check_level(graph, level, inputs, {{"N", 3}});
}

TEST(GuardPages, F64) { check(4, 0, of(DType::f64)); }
TEST(GuardPages, F32) { check(4, 100000, of(DType::f32)); }
TEST(GuardPages, Bf16) { check(3, 200000, of(DType::bf16)); }
TEST(GuardPages, I32) { check(3, 300000, of(DType::i32)); }
TEST(GuardPages, I64) { check(3, 400000, of(DType::i64)); }

}  // namespace
}  // namespace neap::guard_pages_test
