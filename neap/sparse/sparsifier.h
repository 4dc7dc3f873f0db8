// sparse/: which elements of a matrix are worth storing, and plans that give parameters of a network layouts. A sparsifier is one file:
// from a matrix and scores it makes a mask, which any layout that can store it packs (layouts/sparse_layout.h).
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "neap/base/array.h"
#include "neap/layouts/choice_text.h"
#include "neap/ops/builder.h"

namespace neap::sparse {

// What a sparsifier must see to decide about one element: itself (so that it can run in the loop that makes the elements), its block, or
// the whole tensor.
enum class Reach : std::uint8_t { element, block, tensor };

// What it takes in a graph besides the elements.
enum class Takes : std::uint8_t { nothing, seed, mask };

struct Sparsified {
  Array weights;           // [rows, columns], of a floating dtype
  Array scores;            // of the same sizes: how much each element is worth; none: its magnitude
  Array before;            // bool: what was kept until now; none: everything
  std::uint64_t seed = 0;  // of random choices
  std::int64_t draw = 0;   // which of several with one seed: a step
  std::string place;       // of errors: "parameter 'block1.weight'"
};

// A value whose elements are known only when a graph runs.
struct Running {
  Var x;                    // a matrix; of any shape for a sparsifier that looks at each element alone
  Var seed;                 // one integer, for random choices
  Var before;               // bool, of x's shape: what is kept by a mask given once
  std::int64_t stream = 0;  // tells several random choices with one seed apart
};

using Numbers = std::map<std::string, double, std::less<>>;
inline std::int64_t whole(const Numbers& numbers, std::string_view name) { return static_cast<std::int64_t>(numbers.find(name)->second); }

struct Sparsifier {
  std::string name, about;
  Reach reach = Reach::tensor;
  std::vector<ChoiceNumber> numbers;
  // The mask: bool, of the weights' sizes. The same for the same arguments, on any number of threads: of equal scores the first in
  // row-major order is kept. Error for NaN among the scores.
  std::function<Array(const Sparsified& given, const Numbers& numbers)> keep;
  // The masks of several matrices that are judged together; null: each is judged alone.
  std::function<std::vector<Array>(const std::vector<Sparsified>& given, const Numbers& numbers)> keep_together = nullptr;
  // The same mask in a graph, of x's shape; NaN counts as the largest. Null: it needs scores or a search, and is for weights only.
  std::function<Var(Builder& build, const Running& given, const Numbers& numbers)> keep_running = nullptr;
  // How many of a matrix it keeps, where that does not depend on the elements; null: it does.
  std::function<std::int64_t(std::int64_t rows, std::int64_t columns, const Numbers& numbers)> count = nullptr;
  std::function<bool(const Numbers& numbers)> even_rows = nullptr;  // whether of each row it keeps as many; null: no
  Takes takes = Takes::nothing;
  // The layout that stores exactly what it makes, with the numbers of the same names, or "dense"; empty: one of any places.
  std::string layout = {};
};

// `static const RegisterSparsifier magnitude{{.name = "magnitude", ...}};`
struct RegisterSparsifier {
  explicit RegisterSparsifier(Sparsifier sparsifier);
};
const Sparsifier& find_sparsifier(std::string_view name);  // Error with the names there are
std::vector<const Sparsifier*> all_sparsifiers();          // sorted by name

// A sparsifier with its numbers: "magnitude sparsity=0.9".
struct SparsifierChoice {
  const Sparsifier* sparsifier = nullptr;
  Numbers numbers;

  static SparsifierChoice parse(std::string_view text);  // Error for one that there is not, or a number out of its range
  std::string to_string() const;
  // Error, naming the place, where weights, scores and mask do not fit each other.
  Array keep(const Sparsified& given) const;
  std::vector<Array> keep_together(const std::vector<Sparsified>& given) const;  // masks of all that one rule covers
};

// For sparsifiers: |w|, or the scores given; Error for NaN.
std::vector<float> scores_of(const Sparsified& given);
// The mask of the `count` largest scores among those that `among` (empty: all) allows; of equal ones the first.
Array largest(const std::vector<float>& scores, std::int64_t count, const Sizes& sizes, const std::vector<char>& among = {});
std::int64_t kept_count(std::int64_t elements, double sparsity);  // of a share of zeros, rounded to the nearest
double sparsity_of(const Array& mask);                            // the share of zeros
Array with_zeros(const Array& values, const Array& mask);         // a copy, 0 where the mask (bool, as many elements) is false
// Sum of the kept magnitudes over that of all (1 where all are 0).
double energy_kept(const Array& weights, const Array& mask);

}  // namespace neap::sparse
