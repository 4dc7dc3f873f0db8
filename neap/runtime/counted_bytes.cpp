#include "neap/runtime/counted_bytes.h"

#include <map>
#include <set>

#include "neap/base/error.h"
#include "neap/base/file.h"
#include "neap/codegen/compiler.h"
#include "neap/codegen/loader.h"
#include "neap/ops/interpreter.h"
#include "neap/runtime/cache_simulation.h"
#include "neap/runtime/relayout.h"

namespace neap {
namespace {

using Hook = void(const void* address, std::int64_t bytes, bool stores);

// What -fsanitize=thread calls, each access given on to the hook. No library of the checker is linked.
std::string reporters() {
  const std::string quiet = "__attribute__((no_sanitize(\"thread\"), visibility(\"default\")))";
  std::string text = "extern \"C\" {\n" + quiet + " void (*neap_access)(const void*, long, bool);\n";
  const auto function = [&](const std::string& name, const std::string& arguments, const std::string& body) {
    text += fmt::format("{} void __tsan_{}({}) {{ {} }}\n", quiet, name, arguments, body);
  };
  for (const bool stores : {false, true}) {
    const char* what = stores ? "write" : "read";
    for (const int bytes : {1, 2, 4, 8, 16}) {
      const std::string body = fmt::format("neap_access(at, {}, {});", bytes, stores);
      function(fmt::format("{}{}", what, bytes), "void* at", body);
      if (bytes > 1) function(fmt::format("unaligned_{}{}", what, bytes), "void* at", body);
    }
    function(fmt::format("{}_range", what), "void* at, unsigned long bytes", fmt::format("neap_access(at, (long)bytes, {});", stores));
  }
  function("func_entry", "void*", "");
  function("func_exit", "", "");
  function("init", "", "");
  return text + "}\n";
}

SharedObject compile_reporting(const std::string& source, const std::filesystem::path& folder) {
  const std::filesystem::path text = folder / "counted.cpp", object = folder / "counted.o", library = folder / "counted.so";
  write_file(text, source);
  std::vector<std::string> command{system_compiler().path};
  for (const std::string& flag : kernel_flags(best_isa())) command.push_back(flag);
  command.insert(command.end(), {"-O3", "-fsanitize=thread", "-c", text.string(), "-o", object.string()});
  std::string output;
  if (run_program(command, output, 600) != 0) {
    throw Error("the compiler cannot report accesses: " + output.substr(0, 300), system_compiler().path, "set NEAP_CXX to g++");
  }
  // Without -fsanitize: what it calls stands in the source.
  if (run_program({system_compiler().path, "-shared", object.string(), "-o", library.string(), "-lm"}, output, 120) != 0) {
    throw Error("linking counted kernels failed: " + output.substr(0, 300), system_compiler().path);
  }
  return SharedObject(library.string());
}

CacheSimulation* counting = nullptr;  // of the kernel that runs

void note_access(const void* address, std::int64_t bytes, bool stores) {
  stores ? counting->store(address, bytes) : counting->load(address, bytes);
}

class Counter {
 public:
  Counter(const Graph& graph, const std::vector<Array>& inputs, std::int64_t cache_bytes)
      : graph_(graph), symbols_(bind_inputs(graph, inputs)), cache_bytes_(cache_bytes) {
    for (const std::string& symbol : graph.symbols()) sizes_.push_back(symbols_.at(symbol));
    for (std::size_t i = 0; i < inputs.size(); ++i) values_[graph.inputs[i].value] = inputs[i];
  }

  std::vector<CountedBytes> run() {
    std::vector<KernelSource> kernels;  // each once
    std::vector<std::string> names;     // by node
    std::set<std::string> known;
    for (const NodePtr& node : graph_.nodes()) {
      if (!node->is_map())
        throw Error("only generated kernels are counted", place_of(graph_, *node), "optimise the graph without libraries");
      KernelSource kernel = generate_kernel(graph_, *node, graph_.symbols(), best_isa());
      names.push_back(kernel.name);
      if (known.insert(kernel.name).second) kernels.push_back(std::move(kernel));
    }
    const TemporaryFolder folder;
    const SharedObject module = compile_reporting(kernel_files(kernels, 1)[0] + reporters(), folder.path());
    *static_cast<Hook**>(module.symbol("neap_access")) = &note_access;
    std::vector<CountedBytes> counted;
    for (std::size_t i = 0; i < names.size(); ++i) counted.push_back(count(*graph_.nodes()[i], kernel_entry(module, names[i])));
    return counted;
  }

 private:
  CountedBytes count(const Node& node, const KernelEntry& kernel) {
    std::vector<void*> buffers;
    for (const ValueId id : node.inputs) buffers.push_back(id == no_value ? nullptr : value(id).raw());
    for (const ValueId id : node.outputs) {
      values_[id] = Array(DType::u8, {storage_bytes(graph_.type(id)).evaluate(symbols_)});
      buffers.push_back(values_[id].raw());
    }
    CacheSimulation cache(cache_bytes_);
    counting = &cache;
    const std::int64_t* sizes = sizes_.data();
    const std::int64_t chunks = kernel.chunks(sizes), scratch_bytes = kernel.scratch(sizes);
    Array scratch(DType::u8, {scratch_bytes});
    const std::int64_t failed = kernel.run(buffers.data(), sizes, scratch.raw(), 0, chunks);
    if (failed != 0) throw Error("an index in the data is out of bounds", place_of(graph_, node));
    if (scratch_bytes > 0) kernel.combine(buffers.data(), sizes, scratch.raw());
    cache.flush();
    counting = nullptr;
    return {static_cast<double>(cache.bytes_read()), static_cast<double>(cache.bytes_written())};
  }

  Array& value(ValueId id) {
    const auto found = values_.find(id);
    if (found != values_.end()) return found->second;
    return values_[id] = laid_out(*graph_.value(id).constant, graph_.type(id));
  }

  const Graph& graph_;
  Symbols symbols_;
  std::int64_t cache_bytes_;
  std::vector<std::int64_t> sizes_;
  std::map<ValueId, Array> values_;
};

}  // namespace

std::vector<CountedBytes> count_bytes(const Graph& graph, const std::vector<Array>& inputs, std::int64_t cache_bytes) {
  return Counter(graph, inputs, cache_bytes).run();
}

}  // namespace neap
