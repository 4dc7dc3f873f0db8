// Drops the smallest of what is kept and grows as many elsewhere: by scores, such as the magnitudes of a dense gradient (RigL: Evci et al.
// 2020, arXiv:1911.11134), or at random (SET: Mocanu et al. 2018, arXiv:1707.04780).
#include <algorithm>
#include <cmath>

#include "neap/base/error.h"
#include "neap/data/random.h"
#include "neap/sparse/sparsifier.h"

namespace neap::sparse::regrow_sparsifier {
namespace {

Array keep(const Sparsified& given, const Numbers& numbers, bool by_scores) {
  if (given.before.empty()) throw Error("there is no mask from before", given.place, "sparsify it by another sparsifier first");
  if (by_scores && given.scores.empty())
    throw Error("there are no scores to grow by", given.place, "give the magnitudes of the dense gradient");
  const auto before = given.before.values<bool>();
  const Sparsified magnitudes{given.weights, {}, {}, 0, 0, given.place};
  const std::vector<float> sizes = scores_of(magnitudes);
  std::vector<float> wanted;
  if (by_scores) {
    wanted = scores_of(given);
    for (float& one : wanted) one = std::abs(one);
  } else {
    CounterRandom random(given.seed, Draw::sparsify, given.draw);
    wanted.resize(sizes.size());
    for (float& one : wanted) one = static_cast<float>(random.next() >> 8);
  }
  const std::vector<char> kept(before.begin(), before.end());
  const auto count = static_cast<std::int64_t>(std::count(before.begin(), before.end(), true));
  const auto moved =
      std::min(static_cast<std::int64_t>(std::llround(numbers.at("moved") * static_cast<double>(count))), given.weights.count() - count);
  Array mask = largest(sizes, count - moved, given.weights.sizes(), kept);
  std::vector<char> free;
  for (const bool stays : mask.values<bool>()) free.push_back(stays ? 0 : 1);
  for (std::size_t i = 0; i < free.size(); ++i) free[i] &= by_scores || kept[i] == 0 ? 1 : 0;  // chance must not take back what was dropped
  const Array grown = largest(wanted, moved, given.weights.sizes(), free);
  for (std::size_t i = 0; i < free.size(); ++i) mask.values<bool>()[i] |= grown.values<bool>()[i];
  return mask;
}

const std::vector<ChoiceNumber> numbers = {{"moved", "share of what is kept that is dropped and grown elsewhere", 0.3, 0, 1}};

const RegisterSparsifier rigl{
    {.name = "rigl",
     .about = "drops the smallest, grows where scores are largest",
     .numbers = numbers,
     .keep = [](const Sparsified& given, const Numbers& given_numbers) { return keep(given, given_numbers, true); }}};
const RegisterSparsifier set{
    {.name = "set",
     .about = "drops the smallest, grows at random",
     .numbers = numbers,
     .keep = [](const Sparsified& given, const Numbers& given_numbers) { return keep(given, given_numbers, false); }}};

}  // namespace
}  // namespace neap::sparse::regrow_sparsifier
