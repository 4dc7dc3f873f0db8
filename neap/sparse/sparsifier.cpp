#include "neap/sparse/sparsifier.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "neap/base/error.h"
#include "neap/base/parallel.h"
#include "neap/base/suggestion.h"

namespace neap::sparse {
namespace {

std::map<std::string, Sparsifier, std::less<>>& sparsifiers() {
  static std::map<std::string, Sparsifier, std::less<>> all;
  return all;
}

void check(const Sparsified& given) {
  const Array& weights = given.weights;
  if (weights.rank() != 2)
    throw Error(fmt::format("a matrix is wanted, not {}", to_string(weights.sizes())), given.place, "reshape it to rows and columns");
  if (!is_float(weights.dtype()))
    throw Error(fmt::format("elements are {}", name(weights.dtype())), given.place, "sparsify floating-point values");
  if (!given.scores.empty() && given.scores.sizes() != weights.sizes())
    throw Error(fmt::format("scores are {}, weights {}", to_string(given.scores.sizes()), to_string(weights.sizes())), given.place);
  if (!given.before.empty() && (given.before.sizes() != weights.sizes() || given.before.dtype() != DType::boolean))
    throw Error(fmt::format("the mask is {}{}, weights are {}", name(given.before.dtype()), to_string(given.before.sizes()),
                            to_string(weights.sizes())),
                given.place, "the mask is bool, of the weights' sizes");
}

constexpr std::int64_t piece = 1 << 16;  // elements that a thread takes at a time

}  // namespace

RegisterSparsifier::RegisterSparsifier(Sparsifier sparsifier) {
  const std::string name = sparsifier.name;
  const bool fresh = sparsifiers().emplace(name, std::move(sparsifier)).second;
  NEAP_ASSERT(fresh, " sparsifier {} is registered twice", name);
}

const Sparsifier& find_sparsifier(std::string_view name) {
  const auto found = sparsifiers().find(name);
  if (found != sparsifiers().end()) return found->second;
  throw Error(fmt::format("there is no sparsifier '{}'", name.substr(0, 80)), "", suggestion_among(name, sparsifiers()));
}

std::vector<const Sparsifier*> all_sparsifiers() {
  std::vector<const Sparsifier*> all;
  for (const auto& [name, sparsifier] : sparsifiers()) all.push_back(&sparsifier);
  return all;
}

SparsifierChoice SparsifierChoice::parse(std::string_view text) {
  const ChoiceText given = parse_choice(text, "sparsifier");
  const Sparsifier& sparsifier = find_sparsifier(given.name);
  return {&sparsifier, complete(given, sparsifier.numbers, "sparsifier")};
}

std::string SparsifierChoice::to_string() const {
  std::string text = sparsifier->name;
  for (const ChoiceNumber& number : sparsifier->numbers) text += fmt::format(" {}={}", number.name, numbers.at(number.name));
  return text;
}

Array SparsifierChoice::keep(const Sparsified& given) const {
  check(given);
  try {
    return sparsifier->keep(given, numbers);
  } catch (const Error& error) {
    throw Error(error.problem(), given.place, error.remedy());
  }
}

std::vector<Array> SparsifierChoice::keep_together(const std::vector<Sparsified>& given) const {
  for (const Sparsified& one : given) check(one);
  if (sparsifier->keep_together != nullptr) return sparsifier->keep_together(given, numbers);
  std::vector<Array> masks;
  for (const Sparsified& one : given) masks.push_back(keep(one));
  return masks;
}

std::vector<float> scores_of(const Sparsified& given) {
  const Array& from = given.scores.empty() ? given.weights : given.scores;
  const bool magnitudes = given.scores.empty();
  std::vector<float> scores(static_cast<std::size_t>(from.count()));
  for_each_index(static_cast<std::size_t>((from.count() + piece - 1) / piece), [&](std::size_t part) {
    const std::int64_t begin = static_cast<std::int64_t>(part) * piece, end = std::min(begin + piece, from.count());
    for (std::int64_t i = begin; i < end; ++i) {
      const double value = from.get(i);
      if (std::isnan(value)) throw Error(fmt::format("element {} is NaN", i), given.place, "look for what made it before sparsifying");
      scores[static_cast<std::size_t>(i)] = static_cast<float>(magnitudes ? std::abs(value) : value);
    }
  });
  return scores;
}

Array largest(const std::vector<float>& scores, std::int64_t count, const Sizes& sizes, const std::vector<char>& among) {
  std::vector<std::uint32_t> order;
  order.reserve(scores.size());
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (among.empty() || among[i] != 0) order.push_back(static_cast<std::uint32_t>(i));
  }
  const auto better = [&](std::uint32_t a, std::uint32_t b) { return scores[a] != scores[b] ? scores[a] > scores[b] : a < b; };
  const auto last = order.begin() + std::min(count, static_cast<std::int64_t>(order.size()));
  if (last != order.end()) std::nth_element(order.begin(), last, order.end(), better);
  Array mask = Array::zeros(DType::boolean, sizes);
  const auto kept = mask.values<bool>();
  for (auto i = order.begin(); i != last; ++i) kept[*i] = true;
  return mask;
}

std::int64_t kept_count(std::int64_t elements, double sparsity) {
  return static_cast<std::int64_t>(std::llround((1 - sparsity) * static_cast<double>(elements)));
}

double sparsity_of(const Array& mask) {
  const auto kept = mask.values<bool>();
  const auto zeros = std::count(kept.begin(), kept.end(), false);
  return kept.empty() ? 0 : static_cast<double>(zeros) / static_cast<double>(kept.size());
}

Array with_zeros(const Array& values, const Array& mask) {
  Array made = values.clone();
  const auto kept = mask.values<bool>();
  for (std::int64_t i = 0; i < made.count(); ++i) {
    if (!kept[static_cast<std::size_t>(i)]) made.set(i, 0);
  }
  return made;
}

double energy_kept(const Array& weights, const Array& mask) {
  struct Sums {
    double all = 0, some = 0;
  };
  const auto kept = mask.values<bool>();
  std::vector<Sums> parts(static_cast<std::size_t>((weights.count() + piece - 1) / piece));
  for_each_index(parts.size(), [&](std::size_t part) {
    const std::int64_t begin = static_cast<std::int64_t>(part) * piece, end = std::min(begin + piece, weights.count());
    for (std::int64_t i = begin; i < end; ++i) {
      const double magnitude = std::abs(weights.get(i));
      parts[part].all += magnitude;
      parts[part].some += kept[static_cast<std::size_t>(i)] ? magnitude : 0;
    }
  });
  Sums total;
  for (const Sums& part : parts) {
    total.all += part.all;
    total.some += part.some;
  }
  return total.all == 0 ? 1 : total.some / total.all;
}

}  // namespace neap::sparse
