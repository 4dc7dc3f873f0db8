// Each element by a draw of its own: as with dropout, the share of zeros is met on average.
#include "neap/data/random.h"
#include "neap/sparse/sparsifier.h"

namespace neap::sparse::random_fraction_sparsifier {
namespace {

Array keep(const Sparsified& given, const Numbers& numbers) {
  const double share = 1 - numbers.at("sparsity");
  Array mask(DType::boolean, given.weights.sizes());
  const auto kept = mask.values<bool>();
  CounterRandom random(given.seed, Draw::sparsify, given.draw);
  for (auto& one : kept) one = random.next() * 0x1p-32 < share;
  return mask;
}

Var keep_running(Builder& build, const Running& given, const Numbers& numbers) {
  if (!given.seed) throw Error("there is no seed to draw from", "sparsifier 'random'", "give the operator a seed");
  const Var draws = build.call("random_uniform", {given.seed}, {{"shape", given.x.shape()}, {"stream", given.stream}});
  return build.call("less", {draws, build.constant(draws.dtype(), 1 - numbers.at("sparsity"))});
}

const RegisterSparsifier random_fraction{{.name = "random",
                                          .about = "a random share of the elements",
                                          .reach = Reach::element,
                                          .numbers = {{"sparsity", "share of zeros", 0.5, 0, 1}},
                                          .keep = keep,
                                          .keep_running = keep_running,
                                          .takes = Takes::seed}};

}  // namespace
}  // namespace neap::sparse::random_fraction_sparsifier
