// How long it takes to make many weights sparse: mask and packing, on all threads.
#include "bench/demo_step.h"
#include "bench/harness.h"
#include "neap/sparse/plan.h"

namespace neap::bench::sparsify_topic {
namespace {

constexpr std::int64_t matrices = 12, height = 3072, width = 2720;  // 100 million and a little

void run(Rows& rows) {
  struct Form {
    const char *name, *sparsifier;
    std::optional<double> most;  // seconds
  };
  const Form forms[] = {{"grouped 2:4:16", "nmg n=2 m=4 g=16", 10},
                        {"grouped 2:8:14", "nmg n=2 m=8 g=14", 10},
                        {"2:4", "nm n=2 m=4", {}},
                        {"4 x 1 blocks at 90 %", "blocks sparsity=0.9", {}},
                        {"CSR at 95 %", "magnitude sparsity=0.95", {}}};
  const Array weights = random_array({height, width}, 1);
  for (const Form& form : forms) {
    Graph graph;
    Builder build(graph);
    std::map<std::string, Array> parameters;
    for (std::int64_t i = 0; i < matrices; ++i) {
      const std::string name = fmt::format("w{}", i);
      graph.add_output(build.input(name, type_of(weights), Role::parameter).id(), "y" + name);
      parameters[name] = weights;
    }
    const double seconds =
        once_seconds([&] { sparse::sparsify(graph, parameters, sparse::SparsityPlan().add("*", form.sparsifier)); }, Clock::wall);
    const std::string name = fmt::format("{} million weights to {}", matrices * height * width / 1'000'000, form.name);
    rows.add(form.most ? below(name, "s", 1, {seconds}, *form.most) : alone(name, "s", 1, {seconds}));
  }
}

const RegisterTopic topic{{.name = "sparsify", .about = "the time to make 100 million weights sparse", .run = run}};

}  // namespace
}  // namespace neap::bench::sparsify_topic
