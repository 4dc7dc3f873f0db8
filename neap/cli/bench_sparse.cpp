// neap bench sparse
#include <memory>
#include <nlohmann/json.hpp>

#include "neap/base/file.h"
#include "neap/base/machine.h"
#include "neap/base/progress.h"
#include "neap/cli/command.h"
#include "neap/files/json.h"
#include "neap/sparse/crossover.h"
#include "neap/viewer/graph_json.h"

namespace neap::bench_sparse_command {
namespace {

struct Given {
  sparse::CrossoverLayer layer;
  std::filesystem::path out;
  int rounds = 15, threads = 0;
  bool json = false;
};

nlohmann::json curves_json(const sparse::Crossover& crossover) {
  nlohmann::json curves = nlohmann::json::array();
  for (const sparse::CrossoverCurve& curve : crossover.curves) {
    nlohmann::json points = nlohmann::json::array();
    for (const sparse::CrossoverPoint& point : curve.points) {
      points.push_back(
          {{"zeros", point.zeros}, {"layout", point.layout}, {"seconds", point.seconds}, {"ratio", point.ratio}, {"pays", point.pays}});
    }
    curves.push_back({{"name", curve.name}, {"points", points}});
  }
  return curves;
}

void print_table(const Given& given, const sparse::Crossover& crossover) {
  fmt::print("a linear layer of {} on {}, {} threads, {}: dense {}; {} rounds in turn\n", given.layer.text(), machine().cpu, thread_count(),
             name(best_isa()), human_seconds(crossover.dense_seconds), given.rounds);
  fmt::print("{:<14} {:>8} {:>10} {:>14}   {}\n", "", "zeros", "a run", "against dense", "the plan");
  for (const sparse::CrossoverCurve& curve : crossover.curves) {
    for (const sparse::CrossoverPoint& point : curve.points)
      fmt::print("{:<14} {:>6.1f} % {:>10} {:>13.2f}x   {}\n", curve.name, 100 * point.zeros, human_seconds(point.seconds), point.ratio,
                 point.pays ? point.layout : "leaves it dense");
  }
}

int run(const Given& given) {
  use_threads(given.threads);
  const sparse::Crossover crossover = sparse::measure_crossover(given.layer, given.rounds);
  if (!given.out.empty()) write_file(given.out, sparse::crossover_picture(given.layer.text(), crossover.curves));
  if (given.json) {
    const nlohmann::json result{{"command", command_text()},       {"machine", machine_json()},
                                {"rows", given.layer.rows},        {"columns", given.layer.columns},
                                {"tokens", given.layer.tokens},    {"dense_seconds", crossover.dense_seconds},
                                {"curves", curves_json(crossover)}};
    fmt::print("{}\n", json_page(result));
  } else {
    print_table(given, crossover);
  }
  return exit_ok;
}

std::function<int()> declare(const Options& options) {
  const auto given = std::make_shared<Given>();
  constexpr int most = 1 << 16;
  options.add("--rows", &given->layer.rows, "results of the layer").shows_default().between(1, most);
  options.add("--columns", &given->layer.columns, "inputs of the layer").shows_default().between(1, most);
  options.add("--tokens", &given->layer.tokens, "rows that it is run on").shows_default().between(1, most);
  add_threads(options, given->threads);
  options.add("--rounds", &given->rounds, "timed rounds").shows_default().between(1, 100000);
  options.add("--out", &given->out, "draw the curves, as SVG");
  options.add("--json", &given->json, "print JSON");
  return [given] { return run(*given); };
}

const RegisterCommand command{{.name = "bench sparse",
                               .about = "from how many zeros on sparse layouts are quicker than a dense layer",
                               .declare = declare,
                               .examples = {"neap bench sparse --rows 3072 --columns 768 --tokens 128 --out crossover.svg"}}};

}  // namespace
}  // namespace neap::bench_sparse_command
