// Whole training steps of sparse networks against the same dense: with masks, and with what is not kept left out of all three products.
#include "bench/core/graphs.h"
#include "bench/demo_step.h"
#include "bench/harness.h"
#include "neap/nn/conv.h"
#include "neap/nn/flatten.h"
#include "neap/nn/linear.h"
#include "neap/nn/sequential.h"
#include "neap/sparse/plan.h"

namespace neap::bench::step_topic {
namespace {

struct Form {
  const char *name, *sparsifier, *layout;
  double target;
};

std::unique_ptr<Sequential> perceptron() {
  auto net = std::make_unique<Sequential>();
  net->then<Flatten>("flatten").then<Linear>("hidden1", 784, 1024).then<Activation>("relu1", "relu");
  net->then<Linear>("hidden2", 1024, 1024).then<Activation>("relu2", "relu").then<Linear>("classify", 1024, 10);
  return net;
}

std::unique_ptr<Sequential> convolutional() {
  auto net = std::make_unique<Sequential>();
  net->then<Conv2d>("first", 1, 64, 3, ConvOptions{.stride = 2}).then<Activation>("relu1", "relu");
  net->then<Conv2d>("deep1", 64, 128, 3).then<Activation>("relu2", "relu");
  net->then<Conv2d>("deep2", 128, 128, 3, ConvOptions{.stride = 2}).then<Activation>("relu3", "relu");
  net->then<Flatten>("flatten").then<Linear>("classify", 128 * 7 * 7, 10);
  return net;
}

using Make = std::unique_ptr<Sequential> (*)();

// `names`: of the parameters that are made sparse.
void compare(Rows& rows, const std::string& what, Make make, std::string_view names, std::int64_t batch, const std::vector<Form>& forms) {
  std::vector<DemoStep> steps;
  std::vector<Executable> made;
  for (std::size_t i = 0; i <= forms.size(); ++i) {
    std::unique_ptr<Sequential> net = make();
    net->initialize(1);
    if (i > 0) sparse::sparsify(*net, sparse::SparsityPlan().add(std::string(names), forms[i - 1].sparsifier, forms[i - 1].layout));
    steps.push_back(step_of(std::move(net), batch));
    made.push_back(executable_of(steps.back().graph));
  }
  std::vector<Candidate> candidates;
  for (std::size_t i = 0; i < made.size(); ++i)
    candidates.push_back({i == 0 ? "dense" : "sparse", [&, i] { made[i].run(steps[i].inputs); }});
  const auto seconds = interleave(candidates, {.rounds = 11, .seconds = 0.05});
  for (std::size_t i = 0; i < forms.size(); ++i)
    rows.add(against(what + ", " + forms[i].name, "ms", 1e3, seconds[i + 1], seconds[0], "dense step", forms[i].target));
}

void run(Rows& rows) {
  constexpr double as_masks = 1 / 1.1;
  const Form masks{"masks, 90 % zeros", "magnitude sparsity=0.9", "masked", as_masks};
  compare(rows, "training step, perceptron, batch 256", perceptron, "hidden*.weight", 256,
          {masks,
           {"4 x 1 blocks, 90 % zeros", "blocks sparsity=0.9 r=4 c=1", "", 1},
           {"CSR, 90 % zeros", "magnitude sparsity=0.9", "csr", 1},
           {"1:10:16", "nmg n=1 m=10 g=16", "", 1},
           {"2:4:16", "nmg n=2 m=4 g=16", "", as_masks}});
  compare(
      rows, "training step, 3 x 3 convolutions, batch 32", convolutional, "deep*.weight", 32,
      {masks, {"4 x 1 blocks, 90 % zeros", "blocks sparsity=0.9 r=4 c=1", "", 1}, {"CSR, 90 % zeros", "magnitude sparsity=0.9", "csr", 1}});
  compare(rows, "training step, demo's network, batch 128", [] { return efficient_net_28(); }, "*.weight", 128, {masks});
}

const RegisterTopic topic{{"step", "training steps of sparse networks: forward, both gradients, update", run}};

}  // namespace
}  // namespace neap::bench::step_topic
