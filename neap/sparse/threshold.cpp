// What is at least so large (ReLU's kind of sparsity, and thresholds of activations).
#include "neap/sparse/sparsifier.h"

namespace neap::sparse::threshold_sparsifier {
namespace {

Array keep(const Sparsified& given, const Numbers& numbers) {
  const std::vector<float> scores = scores_of(given);
  Array mask(DType::boolean, given.weights.sizes());
  const auto kept = mask.values<bool>();
  for (std::size_t i = 0; i < scores.size(); ++i) kept[i] = scores[i] >= numbers.at("least");
  return mask;
}

const RegisterSparsifier threshold{{.name = "threshold",
                                    .about = "elements whose score is at least so large",
                                    .reach = Reach::element,
                                    .numbers = {{"least", "smallest score that is kept", 0.01, 0, 1e300}},
                                    .keep = keep,
                                    .keep_running = [](Builder& build, const Running& given, const Numbers& numbers) {
                                      const Var least = build.constant(given.x.dtype(), numbers.at("least"));
                                      // Not "less": NaN is kept, and seen.
                                      return build.call("logical_not", {build.call("less", {unary("abs", given.x), least})});
                                    }}};

}  // namespace
}  // namespace neap::sparse::threshold_sparsifier
