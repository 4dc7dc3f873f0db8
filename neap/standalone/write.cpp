#include <algorithm>

#include "neap/base/error.h"
#include "neap/base/file.h"
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

// One instruction set's kernels; of the three files, all but one are empty for the compiler.
std::string kernels_text(const StandalonePlan& plan, std::size_t k, const std::string& name, const std::string& prefix) {
  constexpr int vector_bytes[] = {16, 32, 64};
  std::string text = fmt::format("#include \"kernels.h\"\n#ifdef NEAP_{}_{}\n#define NEAP_VECTOR_BYTES {}\n", upper(name),
                                 upper(std::string(neap::name(standalone_isas[k]))), vector_bytes[k]);
  text += std::string(kernel_prelude) + "namespace neap::kernel {\n";
  for (const std::string& kernel : plan.kernels[k]) text += "\n" + kernel;
  text += fmt::format("}}  // namespace neap::kernel\n\nnamespace neap_{} {{\nextern const Kernel kernel_of_call[] = {{\n", name);
  for (const StandalonePlan::Call& call : plan.calls) {
    const std::string symbol = fmt::format("neap::kernel::{}{}", prefix, call.kernel[k]);
    text += fmt::format("    {{{0}_chunks, {0}_scratch, {0}, {0}_combine}},\n", symbol);
  }
  if (plan.calls.empty()) text += "    {}\n";
  return text + fmt::format("}};\n}}  // namespace neap_{}\n#endif\n", name);
}

}  // namespace

StandaloneSummary write_standalone(const Graph& graph, const std::filesystem::path& folder, const StandaloneOptions& options) {
  const std::string& name = options.name;
  check_name(name);
  check_sizes(graph, options.sizes);
  Optimizer optimizer(graph, CostModel(options.sizes));
  optimizer.optimize(options.level, false);
  const std::string prefix = "neap_" + name + "_kernel_";
  const StandalonePlan plan = plan_standalone(optimizer.graph(), options.sizes, prefix);

  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed) throw Error("cannot make the folder: " + failed.message(), folder.string(), "give another folder");
  const Words words = words_of(plan, name);
  write_file(folder / (name + ".h"), filled(standalone::header, words));
  write_file(folder / (name + ".cpp"), filled(standalone::source, words));
  write_file(folder / "kernels.h", filled(standalone::kernels, words));
  write_file(folder / "main.cpp", filled(standalone::program, words));
  write_file(folder / "CMakeLists.txt", filled(standalone::makefile, words));
  for (std::size_t k = 0; k < standalone_isas.size(); ++k) {
    write_file(folder / fmt::format("kernels_{}.cpp", neap::name(standalone_isas[k])), kernels_text(plan, k, name, prefix));
  }
  write_file(folder / "weights.bin", plan.weights);
  return {static_cast<int>(plan.calls.size()), static_cast<std::int64_t>(plan.weights.size()), plan.arena_bytes, optimizer.cost().bytes};
}

}  // namespace neap
