#include "neap/runtime/kernels.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "neap/base/clock.h"
#include "neap/base/error.h"
#include "neap/base/parallel.h"
#include "neap/codegen/loader.h"
#include "neap/ir/map_hash.h"

namespace neap {
namespace {

// The distinct maps of a graph and what kernels they become. A kernel's text is generated only where it is needed.
struct Maps {
  Maps(const Graph& graph, Isa isa) : graph(graph), isa(isa), symbols(graph.symbols()) {
    Hasher around;  // what a kernel's text depends on besides its map
    around.add(name(isa));
    for (const std::string& symbol : symbols) around.add(std::string_view(symbol));
    std::map<std::string, int> known;
    for (const NodePtr& node : graph.nodes()) {
      of_node.push_back(-1);
      if (!node->is_map()) continue;
      const Hash map = map_hash(graph, *node);
      const Hash hash = Hasher(around).add(map.low).add(map.high).finish();
      const auto [at, fresh] = known.emplace(hash.hex(), static_cast<int>(nodes.size()));
      if (fresh) {
        nodes.push_back(node.get());
        hashes.push_back(hash);
      }
      of_node.back() = at->second;
    }
    kernels.resize(nodes.size());
  }

  // Of these maps, side by side; then the distinct ones, in order.
  std::vector<KernelSource> generate(const std::vector<std::size_t>& wanted) {
    std::vector<KernelSource> made(wanted.size());
    const auto write = [&](std::size_t k) { made[k] = generate_kernel(graph, *nodes[wanted[k]], symbols, isa); };
    for_each_index(wanted.size(), write, machine().cores);
    std::unordered_map<std::string, int> seen;
    std::vector<KernelSource> distinct;
    for (std::size_t k = 0; k < made.size(); ++k) {
      kernels[wanted[k]] = made[k].name;
      if (seen[made[k].name]++ == 0) distinct.push_back(std::move(made[k]));
    }
    return distinct;
  }

  const Graph& graph;
  Isa isa;
  std::vector<std::string> symbols;
  std::vector<int> of_node;          // by node: its map; -1: not a map
  std::vector<const Node*> nodes;    // by map
  std::vector<Hash> hashes;          // by map
  std::vector<std::string> kernels;  // by map: the name of its kernel, where known. Maps that differ may become one
};

std::vector<std::size_t> not_loaded(const Maps& maps, const KernelLoader& loader) {
  std::vector<std::size_t> missing;
  for (std::size_t i = 0; i < maps.nodes.size(); ++i) {
    if (loader.find(maps.kernels[i]) == nullptr) missing.push_back(i);
  }
  return missing;
}

void say_interpreted(const std::string& why) {
  static std::once_flag said;
  std::call_once(said, [&] { std::fprintf(stderr, "neap: maps run in the slow interpreter: %s\n", why.c_str()); });
}

// What the cache knows needs no text.
void load_all(Maps& maps, KernelLoader& loader) {
  for (std::size_t i = 0; i < maps.nodes.size(); ++i) maps.kernels[i] = loader.cache().kernel_of(maps.hashes[i]);
  loader.load_kept(maps.kernels);
  const std::vector<std::size_t> missing = not_loaded(maps, loader);
  std::vector<KernelSource> sources = maps.generate(missing);
  std::vector<std::string> names;
  for (const KernelSource& source : sources) names.push_back(source.name);
  loader.load_kept(names);
  try {
    loader.compile(std::move(sources));
  } catch (const Error& error) {
    say_interpreted(error.what());
  }
  for (const std::size_t i : missing) loader.cache().note(maps.hashes[i], maps.kernels[i]);
}

}  // namespace

std::vector<std::string> kernel_sources(const Graph& graph, Isa isa, int files) {
  Maps maps(graph, isa);
  std::vector<std::size_t> all(maps.nodes.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
  return kernel_files(maps.generate(all), files);
}

KernelSet::KernelSet(const Graph& graph, Isa isa, bool compile) {
  entry_of_.assign(graph.nodes().size(), -1);
  if (!compile || std::none_of(graph.nodes().begin(), graph.nodes().end(), [](const NodePtr& node) { return node->is_map(); })) return;
  const auto start = Clock::now();
  Maps maps(graph, isa);
  std::optional<KernelLoader> loader;
  const std::filesystem::path sources = sources_folder();
  try {
    loader.emplace(isa, sources);
  } catch (const Error& error) {  // no compiler
    say_interpreted(error.what());
    return;
  }
  load_all(maps, *loader);
  std::unordered_map<std::string, int> places;
  for (std::size_t node = 0; node < maps.of_node.size(); ++node) {
    if (maps.of_node[node] < 0) continue;
    const std::string& kernel = maps.kernels[static_cast<std::size_t>(maps.of_node[node])];
    const KernelEntry* entry = loader->find(kernel);
    if (entry == nullptr) continue;
    const auto [at, fresh] = places.emplace(kernel, static_cast<int>(entries_.size()));
    if (fresh) entries_.push_back(*entry);
    entry_of_[node] = at->second;
  }
  modules_ = std::move(*loader).modules();
  seconds_ = seconds_since(start);
}

}  // namespace neap
