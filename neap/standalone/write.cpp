#include <fmt/ranges.h>

#include <algorithm>

#include "neap/base/error.h"
#include "neap/base/file.h"
#include "neap/codegen/compiler.h"
#include "neap/codegen/prelude.h"
#include "neap/standalone/plan.h"
#include "neap/standalone/templates.h"
#include "neap/transform/optimizer.h"

namespace neap {
namespace {

using Words = std::vector<std::pair<std::string, std::string>>;

std::string filled(std::string_view text, const Words& words) {
  std::string made;
  for (std::size_t open = text.find('@'); open != text.npos; open = text.find('@')) {
    const std::size_t close = text.find('@', open + 1);
    NEAP_ASSERT(close != text.npos, " a template has an open place");
    const std::string_view place = text.substr(open + 1, close - open - 1);
    const auto word = std::find_if(words.begin(), words.end(), [&](const auto& w) { return w.first == place; });
    NEAP_ASSERT(word != words.end(), " a template has the unknown place {}", place);
    made += text.substr(0, open);
    made += word->second;
    text.remove_prefix(close + 1);
  }
  return made.append(text);
}

void check_name(const std::string& name) {
  constexpr std::size_t most = 50;
  const auto small = [](char c) { return c >= 'a' && c <= 'z'; };
  const bool good = !name.empty() && name.size() <= most && small(name[0]) &&
                    std::all_of(name.begin(), name.end(), [&](char c) { return small(c) || (c >= '0' && c <= '9') || c == '_'; });
  const bool taken = name == "kernels" || name == "main";
  if (!good || taken) {
    throw Error(fmt::format("'{}' cannot be the name of a library", plain_text(name)), "",
                "use small letters, digits and '_', a letter first; not 'kernels' or 'main'");
  }
}

void check_sizes(const Graph& graph, const Symbols& sizes) {
  for (const std::string& symbol : graph.symbols()) {
    if (sizes.count(symbol) == 0) {
      throw Error(fmt::format("the size {} is open", symbol), "graph " + plain_text(graph.name),
                  fmt::format("give it: --set {}=1", symbol));
    }
  }
}

// The library keeps nothing from run to run: fixed inputs are given anew in each, and what depends on them is computed anew.
Graph keeping_nothing(Graph graph) {
  for (Input& input : graph.inputs) {
    if (input.role == Role::fixed) input.role = Role::input;
  }
  for (std::size_t at = 0; at < graph.nodes().size(); ++at) {
    if (!graph.nodes()[at]->kept) continue;
    Node node = *graph.nodes()[at];
    node.kept = false;
    graph.replace_node(at, std::move(node));
  }
  return graph;
}

std::string upper(std::string text) {
  for (char& c : text) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return text;
}

std::uint64_t checksum(std::string_view bytes) {  // FNV-1a, as the generated reader computes it
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

std::string numbers(const std::vector<std::int64_t>& values) {
  std::string text;
  for (const std::int64_t value : values) text += (text.empty() ? "" : ", ") + std::to_string(value);
  return text;
}

std::string tensors_text(const std::vector<StandalonePlan::Tensor>& tensors) {
  std::string text;
  for (const StandalonePlan::Tensor& tensor : tensors) {
    text += fmt::format("{}{{\"{}\", \"{}\", {{{}}}, {}}}", text.empty() ? "" : ", ", tensor.name, name(tensor.dtype),
                        numbers(tensor.sizes), tensor.bytes);
  }
  return text;
}

std::string place_text(const StandalonePlan::Place& place) { return fmt::format("{{'{}', {}}}", place.where, place.at); }

Words words_of(const StandalonePlan& plan, const std::string& name) {
  std::string places, calls, copies;
  int first = 0;
  for (const StandalonePlan::Call& call : plan.calls) {
    places += "\n    ";
    for (const StandalonePlan::Place& place : call.places) places += place_text(place) + ", ";
    calls += fmt::format("    {{{}, {}}},  // {}\n", first, call.places.size(), call.about);
    first += static_cast<int>(call.places.size());
  }
  for (const StandalonePlan::Copy& copy : plan.copies) copies += fmt::format("{{{}, {}}}, ", copy.output, place_text(copy.from));
  return {{"NAME", name},
          {"GUARD", "NEAP_" + upper(name)},
          {"PLACES", places},
          {"CALLS", calls},
          {"COPIES", copies},
          {"SIZES", numbers(plan.sizes)},
          {"WEIGHT_BYTES", std::to_string(plan.weights.size())},
          {"ARENA_BYTES", std::to_string(plan.arena_bytes)},
          {"CHECKSUM", std::to_string(checksum(plan.weights))},
          {"INPUTS", tensors_text(plan.inputs)},
          {"OUTPUTS", tensors_text(plan.outputs)}};
}

// The kernels of one instruction set: files that compile side by side, and one that says which kernel a call takes. Of the three sets
// all but one are empty for the compiler.
class KernelFiles {
 public:
  KernelFiles(const StandalonePlan& plan, std::size_t set, const std::string& name, const std::string& prefix)
      : plan_(plan), kernels_(plan.kernels[set]), set_(set), name_(name), prefix_(prefix) {}

  // By file name; texts.
  std::vector<std::pair<std::string, std::string>> write() const {
    const std::string stem = fmt::format("kernels_{}", neap::name(standalone_isas[set_]));
    std::vector<std::pair<std::string, std::string>> files{{stem + ".cpp", guarded(table())}};
    const std::vector<std::string> parts = cut();
    for (std::size_t i = 0; i < parts.size(); ++i) files.emplace_back(fmt::format("{}_{}.cpp", stem, i + 1), guarded(parts[i]));
    return files;
  }

 private:
  std::string guarded(const std::string& text) const {
    return fmt::format("#include \"kernels.h\"\n#ifdef NEAP_{}_{}\n{}#endif\n", upper(name_),
                       upper(std::string(neap::name(standalone_isas[set_]))), text);
  }

  // The longest first, each to the file that has least so far.
  std::vector<std::string> cut() const {
    constexpr std::size_t worth_a_file = 40'000, most_files = 8;  // characters: below, a compiler's start takes longer than it saves
    constexpr int vector_bytes[] = {16, 32, 64};
    std::size_t length = 0;
    std::vector<const std::string*> order;
    for (const std::string& kernel : kernels_) {
      length += kernel.size();
      order.push_back(&kernel);
    }
    std::stable_sort(order.begin(), order.end(), [](const std::string* a, const std::string* b) { return a->size() > b->size(); });
    std::vector<std::string> parts(
        std::min({most_files, length / worth_a_file + 1, std::max<std::size_t>(kernels_.size(), 1)}),
        fmt::format("#define NEAP_VECTOR_BYTES {}\n{}namespace neap::kernel {{\n", vector_bytes[set_], kernel_prelude));
    for (const std::string* kernel : order) {
      const auto least = std::min_element(parts.begin(), parts.end(), [](const auto& a, const auto& b) { return a.size() < b.size(); });
      *least += "\n" + *kernel;
    }
    for (std::string& part : parts) part += "}  // namespace neap::kernel\n";
    return parts;
  }

  std::string table() const {
    std::string text = "extern \"C\" {\n";
    for (std::size_t i = 0; i < kernels_.size(); ++i) {
      text += fmt::format(
          "__INT64_TYPE__ {0}_chunks(const __INT64_TYPE__*), {0}_scratch(const __INT64_TYPE__*);\n"
          "__INT64_TYPE__ {0}(void* const*, const __INT64_TYPE__*, void*, __INT64_TYPE__, __INT64_TYPE__);\n"
          "void {0}_combine(void* const*, const __INT64_TYPE__*, void*);\n",
          prefix_ + std::to_string(i));
    }
    text += fmt::format("}}\n\nnamespace neap_{} {{\nextern const Kernel kernel_of_call[] = {{\n", name_);
    for (const StandalonePlan::Call& call : plan_.calls) {
      text += fmt::format("    {{{0}_chunks, {0}_scratch, {0}, {0}_combine}},\n", prefix_ + std::to_string(call.kernel[set_]));
    }
    if (plan_.calls.empty()) text += "    {}\n";
    return text + fmt::format("}};\n}}  // namespace neap_{}\n", name_);
  }

  const StandalonePlan& plan_;
  const std::vector<std::string>& kernels_;
  std::size_t set_;
  const std::string& name_;
  const std::string& prefix_;
};

}  // namespace

StandaloneSummary write_standalone(const Graph& graph, const std::filesystem::path& folder, const StandaloneOptions& options) {
  const std::string& name = options.name;
  check_name(name);
  check_sizes(graph, options.sizes);
  const Graph written = keeping_nothing(graph);
  Optimizer optimizer(written, CostModel(options.sizes));
  optimizer.optimize(options.level, false);
  handle(written, optimizer, options.level, options.fallback);
  const std::string prefix = "neap_" + name + "_kernel_";
  const StandalonePlan plan = plan_standalone(optimizer.graph(), options.sizes, prefix);

  make_folder(folder);
  StandaloneSummary summary{.kernels = static_cast<int>(plan.calls.size()),
                            .weight_bytes = static_cast<std::int64_t>(plan.weights.size()),
                            .arena_bytes = plan.arena_bytes,
                            .bytes_moved = optimizer.cost().bytes,
                            .sources = {name + ".cpp", "main.cpp"}};
  for (std::size_t set = 0; set < standalone_isas.size(); ++set) {
    for (const auto& [file, text] : KernelFiles(plan, set, name, prefix).write()) {
      write_file(folder / file, text);
      summary.kernel_sources.push_back(file);
    }
  }
  Words words = words_of(plan, name);
  words.emplace_back("KERNELS", fmt::format("{}", fmt::join(summary.kernel_sources, "\n  ")));
  words.emplace_back("LEVELS", fmt::format("{}", fmt::join(gcc_levels(), ";")));
  write_file(folder / (name + ".h"), filled(standalone::header, words));
  write_file(folder / (name + ".cpp"), filled(standalone::source, words));
  write_file(folder / "kernels.h", filled(standalone::kernels, words));
  write_file(folder / "main.cpp", filled(standalone::program, words));
  write_file(folder / "CMakeLists.txt", filled(standalone::makefile, words));
  write_file(folder / "weights.bin", plan.weights);
  return summary;
}

}  // namespace neap
