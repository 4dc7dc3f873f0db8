// Each element by a draw of its own: as with dropout, the share of zeros is met on average.
#include "neap/data/random.h"
#include "neap/sparse/sparsifier.h"

namespace neap::sparse {
namespace {

Array keep(const Sparsified& given, const Numbers& numbers) {
  const double share = 1 - numbers.at("sparsity");
  Array mask(DType::boolean, given.weights.sizes());
  const auto kept = mask.values<bool>();
  CounterRandom random(given.seed, Draw::sparsify, given.draw);
  for (auto& one : kept) one = random.next() * 0x1p-32 < share;
  return mask;
}

const RegisterSparsifier random_fraction{{.name = "random",
                                          .about = "a random share of the elements",
                                          .reach = Reach::element,
                                          .numbers = {{"sparsity", "share of zeros", 0.5, 0, 1}},
                                          .keep = keep}};

}  // namespace
}  // namespace neap::sparse
