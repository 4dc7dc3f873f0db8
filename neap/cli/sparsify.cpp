// neap sparsify
#include <memory>
#include <nlohmann/json.hpp>

#include "neap/base/error.h"
#include "neap/base/file.h"
#include "neap/base/progress.h"
#include "neap/cli/model.h"
#include "neap/files/json.h"
#include "neap/onnx/onnx.h"
#include "neap/sparse/export.h"
#include "neap/transform/sparse_dispatch.h"

namespace neap::sparsify_command {
namespace {

struct Given {
  ModelArguments model;
  std::filesystem::path plan, out;
  std::vector<std::string> weights, outputs;  // "names=sparsifier", "names=format"
  bool json = false, strict = false;
};

sparse::SparsityPlan plan_of(const Given& given) {
  sparse::SparsityPlan plan;
  if (!given.plan.empty()) {
    constexpr std::int64_t most = 1 << 24;
    plan = sparse::SparsityPlan::parse_json(read_file(given.plan, most), given.plan.string());
  }
  for (const std::string& text : given.weights) {
    const auto [names, format] = name_and_value(text, "--weights");
    const std::size_t bar = std::min(format.find('|'), format.size());
    plan.add(names, format.substr(0, bar), format.substr(std::min(bar + 1, format.size())));
  }
  for (const std::string& text : given.outputs) {
    const auto [names, format] = name_and_value(text, "--outputs");
    plan.output(names, format);
  }
  if (plan.empty())
    throw Error("nothing is to be made sparse", "the command line",
                "give --plan FILE, --weights 'NAMES=SPARSIFIER' or --outputs 'NAMES=FORMAT'");
  return plan;
}

// A model's graph with its parameters as inputs; sizes given by hand are numbers in it.
struct Dense {
  std::map<std::string, Array> parameters;
  std::map<std::string, std::string> notes;
  Graph graph;
};
Dense read(const ModelArguments& model) {
  Dense made;
  OnnxReadOptions how{.parameters = &made.parameters, .metadata = &made.notes};
  made.graph = read_onnx(model.file, how);
  const Symbols sizes = sizes_of(model, made.graph);
  if (sizes.empty()) return made;
  how.sizes.insert(sizes.begin(), sizes.end());
  made.parameters.clear();
  made.graph = read_onnx(model.file, how);
  return made;
}

// What each layout that fits would cost: "csr 12.1 us, dense 40.2 us".
std::string prices_text(const sparse::SparsifiedWeight& one) {
  std::string text;
  for (const auto& [layout, seconds] : one.prices) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", layout, human_seconds(seconds));
  return text;
}

// Operators of the graph may be others in the file that is written.
void check_names(const std::string& bytes, const sparse::SparsityPlan& plan) {
  sparse::SparsityPlan formats = plan;
  formats.weights.clear();
  std::map<std::string, Array> parameters;
  try {
    Graph graph = read_onnx_bytes(bytes, ".", {.parameters = &parameters});
    sparse::sparsify(graph, parameters, formats);
  } catch (const Error& error) {
    throw Error(error.problem(), error.place() + ", in the file to be written", "name the node without its operator");
  }
}

int run(const Given& given) {
  sparse::SparsityPlan plan = plan_of(given);
  Dense dense = read(given.model);
  if (const auto before = sparse::plan_of_notes(dense.notes, given.model.file)) plan.go_on(*before);
  Graph graph = dense.graph;
  std::map<std::string, Array> components = dense.parameters;
  const std::vector<sparse::SparsifiedWeight> reports = sparse::sparsify(graph, components, plan);
  if (given.strict) {
    const Graph whole = sparse::with_constants(graph, components);
    Optimizer optimizer(whole);
    optimizer.optimize();
    handle(sparse_uses(whole, optimizer), DenseFallback::refused);
  }
  if (!given.out.empty()) {
    dense.notes[sparse::plan_note] = plan.settled(reports).to_json();
    const std::string bytes =
        onnx_bytes(dense.graph, {.parameters = sparse::with_zeros(dense.parameters, reports), .metadata = dense.notes});
    if (!plan.outputs.empty() || !plan.gradients.empty()) check_names(bytes, plan);
    write_file(given.out, bytes);
  }
  std::int64_t before = 0, after = 0;
  nlohmann::json rows = nlohmann::json::array();
  for (const sparse::SparsifiedWeight& one : reports) {
    before += one.dense_bytes;
    after += one.stored_bytes;
    nlohmann::json prices = nlohmann::json::object();
    for (const auto& [layout, seconds] : one.prices) prices[layout] = seconds;
    rows.push_back({{"name", one.name},
                    {"sizes", one.sizes},
                    {"layout", one.layout},
                    {"sparsity", one.sparsity},
                    {"energy", one.energy},
                    {"prices", prices},
                    {"as_before", one.keep == sparse::Keep::nonzero},
                    {"dense_bytes", one.dense_bytes},
                    {"stored_bytes", one.stored_bytes}});
    if (given.json) continue;
    const std::string stays =
        one.keep == sparse::Keep::nonzero ? "as before" : fmt::format("{:5.1f} % of the magnitudes stay", 100 * one.energy);
    fmt::print("{:<40} {:<16} {:<20} {:5.1f} % zeros, {}; {} for {}\n", one.name, to_string(one.sizes), one.layout, 100 * one.sparsity,
               stays, human_bytes(static_cast<double>(one.stored_bytes)), human_bytes(static_cast<double>(one.dense_bytes)));
    if (!one.prices.empty()) fmt::print("  chosen by cost: {}\n", prices_text(one));
  }
  if (given.json) {
    const nlohmann::json rules = nlohmann::json::parse(plan.to_json());
    fmt::print("{}\n", json_page({{"weights", rows},
                                  {"outputs", rules.value("outputs", nlohmann::json::array())},
                                  {"gradients", rules.value("gradients", nlohmann::json::array())},
                                  {"dense_bytes", before},
                                  {"stored_bytes", after}}));
    return exit_ok;
  }
  if (!reports.empty())
    fmt::print("{} matrices: {} for {}\n", reports.size(), human_bytes(static_cast<double>(after)),
               human_bytes(static_cast<double>(before)));
  for (const sparse::FormatRule& rule : plan.outputs) fmt::print("what {} makes: {}\n", rule.names, rule.format.to_string());
  for (const sparse::FormatRule& rule : plan.gradients) fmt::print("gradients of {}: {}\n", rule.names, rule.format.to_string());
  return exit_ok;
}

std::function<int()> declare(const Options& options) {
  const auto given = std::make_shared<Given>();
  options.add("model", &given->model.file, "an .onnx file").required();
  options.add("--set", &given->model.sizes, "a size that the model leaves open, fixed in what is written: NAME=NUMBER").one_at_a_time();
  options.add(
      "--plan", &given->plan,
      R"(JSON: {"weights": [{"names": "*.weight", "sparsifier": "nmg n=2 m=4 g=16", "layout": "csr"}], "outputs": [{"names": "relu1", )"
      R"("inline": "threshold least=0.1", "external": "keep_all", "layout": "dense"}], "gradients": [as outputs]})");
  options.add("--weights", &given->weights,
              "NAMES=SPARSIFIER or NAMES=SPARSIFIER | LAYOUT, behind the plan's: '*.weight=magnitude sparsity=0.9 | csr'; keep_all: it "
              "stays dense; layout auto: the cheapest one");
  options.add("--outputs", &given->outputs, "NAMES=FORMAT of what nodes make: 'block1*=threshold least=0.1 | dense | keep_all | dense'");
  options.add("-o,--out", &given->out, "write the model with zeros, as ONNX that everybody reads; Neap stores it in its layouts");
  add_strict_option(options, given->strict);
  options.add("--json", &given->json, "print JSON");
  return [given] { return run(*given); };
}

const RegisterCommand command{{.name = "sparsify",
                               .about = "make a model's weights sparse by a plan",
                               .declare = declare,
                               .examples = {"neap sparsify model.onnx --weights '*.weight=nmg n=2 m=4 g=16' -o sparse.onnx"}}};

}  // namespace
}  // namespace neap::sparsify_command
