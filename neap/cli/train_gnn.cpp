// neap train gnn
#include <memory>
#include <nlohmann/json.hpp>

#include "neap/base/error.h"
#include "neap/base/file.h"
#include "neap/base/machine.h"
#include "neap/base/progress.h"
#include "neap/cli/graph_source.h"
#include "neap/cli/model.h"
#include "neap/demo/export.h"
#include "neap/demo/report_parts.h"
#include "neap/demo/vertex_report.h"
#include "neap/files/checkpoint.h"
#include "neap/files/safetensors.h"
#include "neap/gnn/reorder.h"
#include "neap/viewer/report.h"

namespace neap {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

struct Given {
  GraphArguments graph;
  gnn::VertexTrainingOptions training;
  std::string jumping = "none", order = "automatic";
  fs::path out = "out/gnn";
  int threads = 0, compare = 0;
  bool one_way = false, restart = false, json = false;
};

Jumping jumping_of(const std::string& name) { return name == "concat" ? Jumping::concat : name == "max" ? Jumping::max : Jumping::none; }

void print_epoch(std::FILE* text, const EpochRecord& record, std::int64_t epochs) {
  const bool shown = record.epoch == 0 || (record.epoch + 1) % 10 == 0 || record.epoch + 1 == epochs;
  if (!shown) return;
  fmt::print(text, "epoch {:>3}/{}  loss {:.4f}  training {:.2f} %  validation {:.2f} %  {}\n", record.epoch + 1, epochs,
             record.training.loss, 100 * record.training.metrics.at("correct"), 100 * record.test->metrics.at("correct"),
             human_seconds(record.seconds));
  std::fflush(text);
}

// Vertices in an order in which neighbours stand near each other, where that pays; the class of each stays with it.
gnn::GraphData ordered(gnn::GraphData data, const Given& given, std::FILE* text) {
  const gnn::Order wanted = gnn::parse_order(given.order);
  if (wanted == gnn::Order::none || given.training.network.model == "mlp") return data;
  const std::int64_t row_bytes = given.training.network.hidden * size_of(DType::f32);
  const gnn::OrderChoice choice = gnn::choose_order(data.graph, wanted, {.row_bytes = row_bytes});
  fmt::print(text, "order of vertices: {} ({})\n", gnn::name(choice.order), choice.reason);
  return choice.order == gnn::Order::none ? data : gnn::reordered(data, choice.vertices);
}

int run(const Given& given) {
  if (given.threads > 0) set_thread_count(given.threads);
  std::FILE* text = given.json ? stderr : stdout;
  const fs::path checkpoint = given.out / "checkpoint";
  if (given.restart) fs::remove_all(checkpoint);
  const gnn::GraphData source = open_graph(given.graph, given.training.seed), data = ordered(source, given, text);
  gnn::VertexTrainingOptions options = given.training;
  options.network.jumping = jumping_of(given.jumping);
  options.both_ways = !given.one_way;
  options.folder = checkpoint;
  options.after_epoch = [&](const EpochRecord& record) { print_epoch(text, record, options.epochs); };
  gnn::VertexTraining training(data, options);
  fmt::print(text, "{} of {} parameters; {} vertices, {} edges, {} {}features, {} training, {} validation and {} test vertices from {}\n",
             options.network.model, training.network().parameter_count(), data.vertices(), data.graph.edges(), data.feature_count(),
             data.is_sparse() ? "sparse " : "", data.training.count(), data.validation.count(), data.test.count(), data.place);
  if (training.trainer().resumed()) fmt::print(text, "goes on from the checkpoint, after {} epochs\n", training.trainer().steps_done());
  std::fflush(text);
  make_folder(given.out);
  if (training.run() == Outcome::stopped) {
    fmt::print(text, "stopped and saved: the same command goes on\n");
    return exit_stopped;
  }
  const VertexResult result = result_of(training, data);
  fmt::print(text, "test accuracy {:.2f} % (validation {:.2f} % in epoch {}; naming the commonest class: {:.2f} %)\n", 100 * result.test,
             100 * result.validation, result.best_epoch, 100 * result.majority);
  Json report =
      vertex_report(fmt::format("Neap: {} trained on {}", options.network.model, data.place), command_text(), training, data, result);
  Json figures = to_json(result);
  figures["command"] = command_text();
  figures["data"] = {{"version", source.version().hex()}, {"about", data.about}};
  if (given.compare > 0) {
    const VertexSteps steps = compare_vertex_steps(training, given.compare);
    add_steps(report, steps.comparison, steps.optimizer);
    const double before = steps.comparison.as_written.median_ms, after = steps.comparison.optimised.median_ms;
    figures["step_ms"] = {{"as_written", before}, {"optimised", after}};
    fmt::print(text, "a step as written {:.1f} ms, transformed {:.1f} ms: {:.2f} times as fast (medians of {} in turn)\n", before, after,
               before / after, given.compare);
  }
  write_safetensors(given.out / "model.safetensors", arrays_of(training.network()), {{"network", options.network.model}});
  write_file(given.out / "report.html", render_report(report));
  write_file(given.out / "training.json", figures.dump(2) + "\n");
  if (given.json) fmt::print("{}\n", figures.dump(2));
  fmt::print(text, "in {}: report.html, training.json, model.safetensors, checkpoint/\n", given.out.string());
  return exit_ok;
}

std::function<int()> declare(CLI::App& app) {
  const auto given = std::make_shared<Given>();
  GraphNetworkOptions& network = given->training.network;
  add_graph_options(app, given->graph);
  app.add_option("--model", network.model, "gcn, sage, gat, gatv2, gin, or mlp, which sees no edges")
      ->capture_default_str()
      ->check(CLI::IsMember(graph_models()));
  app.add_option("--layers", network.layers, "of the network")->capture_default_str()->check(CLI::Range(1, 100));
  app.add_option("--hidden", network.hidden, "width between layers")->capture_default_str()->check(CLI::Range(1, 1 << 16));
  app.add_option("--heads", network.heads, "of gat and gatv2; they share the width")->capture_default_str()->check(CLI::Range(1, 256));
  app.add_option("--dropout", network.dropout, "of each layer's features")->capture_default_str()->check(CLI::Range(0.0, 0.99));
  app.add_option("--jumping", given->jumping, "what the last product sees: none (the last layer), concat or max of all")
      ->capture_default_str()
      ->check(CLI::IsMember({"none", "concat", "max"}));
  app.add_flag("--one-way", given->one_way, "features flow along edges only, not against them");
  app.add_option("--order", given->order, "of vertices in memory: none, degree, rcm, community, metis; automatic: where it pays")
      ->capture_default_str()
      ->check(CLI::IsMember({"none", "degree", "rcm", "community", "metis", "automatic"}));
  app.add_option("--epochs", given->training.epochs, "steps; each sees all training vertices")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000000));
  app.add_option("--patience", given->training.patience, "epochs without a better validation after which it ends; 0: never")
      ->capture_default_str()
      ->check(CLI::Range(0, 1000000));
  app.add_option("--lr", given->training.rate, "learning rate of Adam")->capture_default_str()->check(CLI::PositiveNumber);
  app.add_option("--decay", given->training.decay, "weight decay")->capture_default_str()->check(CLI::NonNegativeNumber);
  app.add_option("--seed", given->training.seed, "of parameters, dropout and split")->capture_default_str();
  app.add_option("--level", given->training.level, "of the optimiser")->capture_default_str()->check(CLI::Range(0, 4));
  app.add_option("--compare", given->compare, "runs of a step as written and transformed, in turn, for the report")
      ->capture_default_str()
      ->check(CLI::Range(0, 1000));
  app.add_option("--out", given->out, "folder for checkpoint, model and report")->capture_default_str();
  app.add_option("--threads", given->threads, "default: all cores")->check(CLI::Range(1, 1024));
  app.add_flag("--restart", given->restart, "start anew where --out has a run");
  app.add_flag("--json", given->json, "print training.json on standard output, the rest on standard error");
  return [given] { return run(*given); };
}

const RegisterCommand command{{.name = "train gnn", .about = "train a graph network on which class each vertex is of", .declare = declare}};

}  // namespace
}  // namespace neap
