// What the plan makes of a linear layer whose weights are stored sparsely, against the same layer dense: never slower, whatever the
// density; and from how many zeros on a layout pays, as a picture: build/sparse_crossover.svg, where there is a folder build.
#include "neap/sparse/plan.h"

#include <fmt/format.h>

#include <filesystem>

#include "bench/core/graphs.h"
#include "bench/demo_step.h"
#include "bench/harness.h"
#include "neap/base/file.h"
#include "neap/base/rates.h"
#include "neap/nn/linear.h"
#include "neap/nn/sequential.h"
#include "neap/sparse/crossover.h"
#include "neap/train/step.h"

namespace neap::bench::plan_topic {
namespace {

// A layout by the share of zeros that it stores.
struct Form {
  const char *name, *sparsifier, *layout;
};
constexpr Form forms[] = {{"CSR", "magnitude sparsity={}", "csr"}, {"4 x 1 blocks", "blocks sparsity={} r=4 c=1", ""}};
constexpr Form grouped[] = {{"2:4:16", "nmg n=2 m=4 g=16", ""}, {"2:8:14", "nmg n=2 m=8 g=14", ""}, {"1:10:16", "nmg n=1 m=10 g=16", ""}};

struct Layer {
  Executable run;
  Hash steps;
};

// Of a program without what its constants hold: one that runs the same steps on arrays of the same sizes has the same.
Hash steps_of(Graph graph) {
  Edit edit;
  for (ValueId id = 0, end = graph.value_count(); id < end; ++id) {
    if (!graph.has_value(id) || !graph.value(id).constant) continue;
    const Type type = graph.type(id);
    edit.replace[id] = graph.add_constant(Array::zeros(type.dtype, graph.value(id).constant->sizes()), "", type.layout);
  }
  apply(graph, edit);
  return structural_hash(graph);
}

Layer layer(std::int64_t out, std::int64_t in, std::int64_t tokens, const std::string& sparsifier, const std::string& layout) {
  Sequential net;
  net.then<Linear>("fc", in, out);
  net.initialize(1);
  if (!sparsifier.empty()) sparse::sparsify(net, sparse::SparsityPlan().add("fc.weight", sparsifier, layout));
  Optimizer optimizer(inference_graph(net, {"x", {DType::f32, {tokens, in}, {}}}), CostModel({}, kept_or_measured_rates()));
  optimizer.optimize();
  return {generated(optimizer.graph()), steps_of(optimizer.graph())};
}

constexpr double turn_seconds = 0.002;

// Seconds of the two by round, beside each other in short turns of their own: a machine's pace changes. Where that makes the rounds'
// ratios differ much, there are more rounds, whatever the ratio is.
std::vector<std::vector<double>> measure(const Candidate& dense, const Candidate& plan) {
  constexpr int rounds = 31, most = 5 * rounds;
  constexpr double exact = 0.05;
  std::vector<std::vector<double>> all(2);
  do {
    const Clock clock = thread_count() == 1 ? Clock::thread : Clock::wall;
    const auto more = interleave({dense, plan}, {.rounds = rounds, .seconds = 0, .clock = clock});
    for (std::size_t i = 0; i < all.size(); ++i) all[i].insert(all[i].end(), more[i].begin(), more[i].end());
  } while (against("", "", 1, all[1], all[0], "", std::nullopt).spread > exact && all[0].size() < most);
  return all;
}

// How many times quicker the plan's choice is than dense, by form. Where the plan leaves a layer dense and its program is the same, it is
// as quick by construction: the row says so, has no target, and shows how exact the others are.
void compare(Rows& rows, std::int64_t out, std::int64_t in, std::int64_t tokens, const std::vector<std::pair<std::string, Form>>& all,
             const std::string& prefix = threads_text()) {
  const Array x = random_array({tokens, in}, 1);
  Layer dense = layer(out, in, tokens, "", "");
  dense.run.run({x});
  const int calls = 1 + static_cast<int>(turn_seconds / once_seconds([&] { dense.run.run({x}); }, Clock::wall));
  for (const auto& [name, form] : all) {
    Layer made = layer(out, in, tokens, form.sparsifier, form.layout);
    const auto turn = [&](const char* of, Layer& one) {  // of as many calls for both, since the first one finds other things in cache
      return Candidate{of, [&] {
                         for (int call = 0; call < calls; ++call) one.run.run({x});
                       }};
    };
    auto seconds = measure(turn("dense", dense), turn("plan", made));
    for (std::vector<double>& of_one : seconds) {
      for (double& one : of_one) one /= calls;
    }
    const bool same = made.steps == dense.steps;
    const std::string title =
        fmt::format("{}{}x{}, {} tokens, {}{}", prefix, out, in, tokens, name, same ? ", left dense: the same program" : "");
    rows.add(against(title, "us", 1e6, seconds[1], seconds[0], "dense layer", same ? std::nullopt : std::optional(0.97)));
  }
}

void run(Rows& rows) {
  std::vector<std::string> texts;  // that forms point into
  texts.reserve(64);
  const auto with = [&](const Form& form, double zeros) {
    texts.push_back(fmt::format(fmt::runtime(form.sparsifier), zeros));
    return std::pair(fmt::format("{} at {:g} % zeros", form.name, zeros * 100), Form{form.name, texts.back().c_str(), form.layout});
  };
  std::vector<std::pair<std::string, Form>> all, some;
  for (const Form& form : forms) {
    for (const double zeros : {0.0, 0.25, 0.5, 0.75, 0.9, 0.98}) all.push_back(with(form, zeros));
    for (const double zeros : {0.5, 0.75, 0.9}) some.push_back(with(form, zeros));
  }
  for (const Form& form : grouped) {
    all.emplace_back(form.name, form);
    some.emplace_back(form.name, form);
  }
  if (machine().cores > 1) {
    const Threads two(2);
    for (const std::int64_t tokens : {1, 7, 33, 384}) compare(rows, 768, 768, tokens, some);
    compare(rows, 3072, 768, 128, some);
    compare(rows, 768, 3072, 128, some);
    compare(rows, 256, 100, 8, some);
  }
  const Threads one(1);
  for (const std::int64_t tokens : {1, 7, 33, 128, 384}) compare(rows, 768, 768, tokens, all);
  for (const std::int64_t tokens : {8, 200}) compare(rows, 256, 100, tokens, all);
  for (const std::int64_t tokens : {1, 128}) {
    compare(rows, 3072, 768, tokens, some);
    compare(rows, 768, 3072, tokens, some);
  }

  // The picture of `neap bench sparse`, by what the plan makes of each point.
  const sparse::CrossoverLayer picture;
  std::vector<sparse::CrossoverCurve> curves = sparse::crossover_curves(picture);
  std::vector<std::pair<std::string, Form>> along;
  for (const sparse::CrossoverCurve& curve : curves) {
    for (const sparse::CrossoverPoint& point : curve.points)
      along.emplace_back(fmt::format("{} at {:.3g} % zeros", curve.name, point.zeros * 100),
                         Form{curve.name.c_str(), point.sparsifier.c_str(), point.layout.c_str()});
  }
  std::size_t next = rows.all().size();
  compare(rows, picture.rows, picture.columns, picture.tokens, along, "crossover, ");
  for (sparse::CrossoverCurve& curve : curves) {
    for (sparse::CrossoverPoint& point : curve.points) {
      const Row& row = rows.all()[next++];
      point.ratio = row.ratio.value_or(0);
      point.pays = row.target.has_value();  // else it was left dense
    }
  }
  if (std::filesystem::is_directory("build"))
    write_file("build/sparse_crossover.svg", sparse::crossover_picture(picture.text() + ", as planned", curves));
}

const RegisterTopic topic{{"plan", "linear layers as the plan has them, over shapes and densities; the crossover picture", run}};

}  // namespace
}  // namespace neap::bench::plan_topic
