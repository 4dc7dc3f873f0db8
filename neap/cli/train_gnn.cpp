// neap train gnn
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "neap/base/error.h"
#include "neap/base/file.h"
#include "neap/base/progress.h"
#include "neap/cli/model.h"
#include "neap/cli/run_file.h"
#include "neap/cli/tuning.h"
#include "neap/cli/vertex_run.h"
#include "neap/demo/export.h"
#include "neap/demo/report_parts.h"
#include "neap/demo/vertex_report.h"
#include "neap/files/checkpoint.h"
#include "neap/files/json.h"
#include "neap/files/safetensors.h"
#include "neap/gnn/reorder.h"
#include "neap/viewer/report.h"

namespace neap::train_gnn_command {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

struct Given {
  VertexRun run;
  fs::path out = "out/gnn", resume;
  int threads = 0, compare = 0;
  double tune = 0;
  bool restart = false, json = false;
  bool epochs_given = false, others_given = false;
};

// The options of the run in `folder` that goes on, or of one that starts.
VertexRun run_of(const Given& given, const fs::path& folder) {
  const std::optional<VertexRun> before = find_vertex_run(folder);
  if (!given.resume.empty()) {
    if (!before) throw Error("there is no run to go on with", folder.string(), "give the folder that `neap train gnn --out` named");
    if (given.others_given) {
      throw Error("a run that goes on keeps its options", folder.string(),
                  "beside --resume give --epochs, --compare, --tune, --threads and --json only");
    }
    VertexRun run = *before;
    if (given.epochs_given) run.epochs = given.run.epochs;
    return run;
  }
  VertexRun run = given.run;
  settle(run);
  if (given.restart) fs::remove_all(folder / "checkpoint");
  if (before && has_checkpoint(folder / "checkpoint")) check_same_run(json_of(*before), json_of(run), folder, "neap train gnn");
  return run;
}

void print_epoch(std::FILE* text, const EpochRecord& record, std::int64_t epochs) {
  const bool shown = record.epoch == 0 || (record.epoch + 1) % 10 == 0 || record.epoch + 1 == epochs;
  if (!shown) return;
  fmt::print(text, "epoch {:>3}/{}  loss {:#.4g}  training {:.2f} %  validation {:.2f} %  {}\n", record.epoch + 1, epochs,
             record.training.loss, 100 * record.training.metrics.at("correct"), 100 * record.test->metrics.at("correct"),
             human_seconds(record.seconds));
  std::fflush(text);
}

// Vertices in an order in which neighbours stand near each other, where that pays; the class of each stays with it.
gnn::GraphData ordered(gnn::GraphData data, const VertexRun& run, std::FILE* text) {
  const gnn::Order wanted = gnn::parse_order(run.order);
  if (wanted == gnn::Order::none || run.model == "mlp") return data;
  const std::int64_t row_bytes = run.hidden * size_of(DType::f32);
  const gnn::OrderChoice choice = gnn::choose_order(data.graph, wanted, {.row_bytes = row_bytes});
  fmt::print(text, "order of vertices: {} ({})\n", gnn::name(choice.order), choice.reason);
  return choice.order == gnn::Order::none ? data : gnn::reordered(data, choice.vertices);
}

// The step that is trained with.
Optimizer tuned_step(gnn::VertexTraining& training, double seconds, std::FILE* text) {
  std::optional<TuneOptions> tune;
  std::optional<TuningProgress> progress;
  if (seconds > 0 && training.level() == 0)
    throw Error("level 0 runs nothing that could be tuned", "the command line", "give a higher --level, or leave out --tune");
  if (seconds > 0) tune = progress.emplace(seconds).options();
  Optimizer step = optimized_step(training, std::move(tune));
  progress.reset();
  if (seconds > 0) fmt::print(text, "{}", tuning_text(step.tuning()));
  return step;
}

int run(const Given& given) {
  use_threads(given.threads);
  std::FILE* text = given.json ? stderr : stdout;
  const fs::path out = given.resume.empty() ? given.out : given.resume;
  const VertexRun asked = run_of(given, out);
  const gnn::GraphData source = open_graph(asked.graph, asked.seed), data = ordered(source, asked, text);
  gnn::VertexTrainingOptions options = training_options(asked);
  options.folder = out / "checkpoint";
  options.after_epoch = [&](const EpochRecord& record) { print_epoch(text, record, options.epochs); };
  gnn::VertexTraining training(data, options);
  fmt::print(text, "{} of {} parameters; {} vertices, {} edges, {} {}features, {} training, {} validation and {} test vertices from {}\n",
             options.network.model, training.network().parameter_count(), data.vertices(), data.graph.edges(), data.feature_count(),
             data.is_sparse() ? "sparse " : "", data.training.count(), data.validation.count(), data.test.count(), data.place);
  if (training.trainer().resumed()) fmt::print(text, "goes on from the checkpoint, after {} epochs\n", training.trainer().history().size());
  std::fflush(text);
  make_folder(out);
  write_run(json_of(asked), out);
  write_model(out / "step.neap", training.trainer().step_graph());
  const Optimizer step = tuned_step(training, given.tune, text);
  training.trainer().use(Executable(step.graph(), {.compile = training.level() > 0}));
  if (training.run() == Outcome::stopped) {
    fmt::print(text, "stopped and saved: the same command, or neap train gnn --resume {}, goes on\n", out.string());
    return exit_stopped;
  }
  const VertexResult result = result_of(training, data);
  fmt::print(text, "test accuracy {:.2f} % (validation {:.2f} % in epoch {}; naming the commonest class: {:.2f} %)\n", 100 * result.test,
             100 * result.validation, result.best_epoch, 100 * result.majority);
  Json report =
      vertex_report(fmt::format("Neap: {} trained on {}", options.network.model, data.place), command_text(), training, data, result, step);
  Json figures = to_json(result);
  figures["command"] = command_text();
  figures["data"] = report["data"] = data_json(source);
  if (given.compare > 0) {
    const StepComparison both = compare_vertex_steps(training, step, given.compare);
    add_steps(report, both, step);
    const double before = both.as_written.median_ms, after = both.optimised.median_ms;
    figures["step_ms"] = {{"as_written", before}, {"optimised", after}};
    fmt::print(text, "a step as written {:.1f} ms, transformed {:.1f} ms: {:.2f} times as fast (medians of {} in turn)\n", before, after,
               before / after, given.compare);
  }
  write_safetensors(out / "model.safetensors", arrays_of(training.network()), {{"network", options.network.model}});
  write_file(out / "report.html", render_report(report));
  write_file(out / "training.json", json_page(figures) + "\n");
  if (given.json) fmt::print("{}\n", json_page(figures));
  fmt::print(text, "in {}: report.html, training.json, model.safetensors, run.json, checkpoint/, step.neap\n", out.string());
  fmt::print(text, "neap optimize {} --explain says what becomes of a training step, and why\n", (out / "step.neap").string());
  return exit_ok;
}

std::function<int()> declare(const Options& options) {
  const auto given = std::make_shared<Given>();
  add_run_options(options, given->run);
  const Option epochs = options.add("--epochs", &given->run.epochs, "each sees all training vertices").shows_default().between(1, 1000000);
  const Option compare = options.add("--compare", &given->compare, "runs of a step as written and transformed, in turn, for the report")
                             .shows_default()
                             .between(0, 1000);
  const Option out = options.add("--out", &given->out, "folder for checkpoint, model and report").shows_default();
  const Option resume = options.add("--resume", &given->resume, "folder of a run that goes on, with its own options").not_with(out);
  const Option tune = add_tune(options, given->tune, "measure orders of products and the costliest kernels on this graph first");
  const Option threads = add_threads(options, given->threads);
  options.add("--restart", &given->restart, "start anew where --out has a run");
  const Option json = options.add("--json", &given->json, "print training.json on standard output, the rest on standard error");
  const std::vector<Option> free{epochs, compare, resume, tune, threads, json};
  return [given, options, epochs, free] {
    given->epochs_given = epochs.given();
    given->others_given = options.given_beside(free);
    return run(*given);
  };
}

const RegisterCommand command{{.name = "train gnn",
                               .about = "train a graph network on which class each vertex is of",
                               .declare = declare,
                               .examples = {"neap train gnn --data graph/ --model sage --sample 10,5"}}};

}  // namespace
}  // namespace neap::train_gnn_command
