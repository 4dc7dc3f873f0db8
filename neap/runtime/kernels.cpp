#include "neap/runtime/kernels.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>

#include "neap/base/error.h"
#include "neap/codegen/compiler.h"
#include "neap/codegen/prelude.h"

namespace neap {
namespace {

struct Collected {
  std::vector<KernelSource> kernels;
  std::vector<int> of_node;  // -1: not a map
};

Collected collect(const Graph& graph, Isa isa) {
  Collected found;
  std::map<std::string, int> known;
  const std::vector<std::string> symbols = graph.symbols();
  for (const NodePtr& node : graph.nodes()) {
    found.of_node.push_back(-1);
    if (!node->is_map()) continue;
    KernelSource source = generate_kernel(graph, *node, symbols, isa);
    const auto [at, fresh] = known.emplace(source.name, static_cast<int>(found.kernels.size()));
    if (fresh) found.kernels.push_back(std::move(source));
    found.of_node.back() = at->second;
  }
  return found;
}

// Most expensive first, each to the file that has least so far.
std::vector<std::string> spread(const std::vector<KernelSource>& kernels, int files) {
  std::vector<std::string> texts(static_cast<std::size_t>(std::max(1, std::min<int>(files, static_cast<int>(kernels.size())))),
                                 std::string(kernel_prelude) + "namespace neap::kernel {\n");
  std::vector<double> load(texts.size(), 0);
  std::vector<const KernelSource*> order;
  for (const KernelSource& kernel : kernels) order.push_back(&kernel);
  std::stable_sort(order.begin(), order.end(), [](const KernelSource* a, const KernelSource* b) { return a->cost > b->cost; });
  for (const KernelSource* kernel : order) {
    const auto least = static_cast<std::size_t>(std::min_element(load.begin(), load.end()) - load.begin());
    texts[least] += "\n" + kernel->text;
    load[least] += kernel->cost;
  }
  for (std::string& text : texts) text += "}  // namespace neap::kernel\n";
  return texts;
}

template <class F>
void resolve(const SharedObject& module, const std::string& name, F*& function) {
  function = reinterpret_cast<F*>(module.symbol(name));
}

void say_interpreted(const std::string& why) {
  static bool said = false;
  if (!said) std::fprintf(stderr, "neap: maps run in the slow interpreter: %s\n", why.c_str());
  said = true;
}

}  // namespace

std::vector<std::string> kernel_sources(const Graph& graph, Isa isa, int files) { return spread(collect(graph, isa).kernels, files); }

KernelSet::KernelSet(const Graph& graph, Isa isa, bool compile) {
  entry_of_.assign(graph.nodes().size(), -1);
  if (!compile || std::none_of(graph.nodes().begin(), graph.nodes().end(), [](const NodePtr& node) { return node->is_map(); })) return;
  const auto start = std::chrono::steady_clock::now();
  const Collected found = collect(graph, isa);
  SharedObject module;
  try {
    module = compile_kernels(spread(found.kernels, machine().cores), isa);
  } catch (const Error& error) {
    say_interpreted(error.what());
    return;
  }
  for (const KernelSource& kernel : found.kernels) {
    KernelEntry& entry = entries_.emplace_back();
    resolve(module, kernel.name + "_chunks", entry.chunks);
    resolve(module, kernel.name + "_scratch", entry.scratch);
    resolve(module, kernel.name, entry.run);
    resolve(module, kernel.name + "_combine", entry.combine);
  }
  entry_of_ = found.of_node;
  module_ = module.handle();
  seconds_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace neap
