// ir/: what a program is: sizes, types, scalar expressions, maps, graphs; their text, hash and the rules that they keep.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "neap/base/hash.h"

namespace neap {

// Values of symbols when a graph runs: {"N": 128}.
using Symbols = std::map<std::string, std::int64_t, std::less<>>;

// A size or offset: an integer polynomial over symbols, in which floor(P / c) of another polynomial may stand as a symbol.
// Canonical (equal polynomials compare equal); constants cost no allocation. Overflow of 63 bits, and products of very many terms, are
// Errors.
class Dim {
 public:
  Dim(std::int64_t constant = 0) : constant_(constant) {}  // NOLINT: sizes are written as plain integers
  Dim(int constant) : constant_(constant) {}               // NOLINT
  static Dim symbol(std::string_view name);                // letters, digits and '_', starting with a letter; else Error

  bool is_constant() const { return polynomial_ == nullptr; }
  std::int64_t constant() const;                                                // Error naming the symbols if it is not constant
  std::int64_t evaluate(const Symbols& symbols) const;                          // Error naming the symbol that has no value
  std::int64_t evaluate(const Symbols& symbols, std::int64_t otherwise) const;  // symbols that have no value there count as `otherwise`
  Dim substitute(const std::map<std::string, Dim, std::less<>>& values) const;
  std::vector<std::string> symbols() const;                         // sorted, without repetition
  std::string to_string() const;                                    // "2*N*C + 3", "floor((H + 1)/2)"; parse() reads it back
  static Dim parse(std::string_view text);                          // Error with the position of what is wrong
  static Dim parse_prefix(std::string_view text, std::size_t& at);  // the longest size from `at` on; moves `at` behind it
  void feed(Hasher& hasher) const;

  friend Dim operator+(const Dim& a, const Dim& b);
  friend Dim operator-(const Dim& a, const Dim& b);
  friend Dim operator*(const Dim& a, const Dim& b);
  friend bool operator==(const Dim& a, const Dim& b);
  Dim& operator+=(const Dim& other) { return *this = *this + other; }
  Dim& operator*=(const Dim& other) { return *this = *this * other; }

  // floor(a / divisor), divisor > 0; exact terms are divided out.
  friend Dim floor_div(const Dim& a, std::int64_t divisor);
  // a / b where the division is exact as polynomials (a reshape's unknown size); nullopt-like: returns false if it is not.
  static bool divide_exactly(const Dim& a, const Dim& b, Dim& quotient);

 private:
  struct Polynomial;
  std::int64_t constant_ = 0;
  std::shared_ptr<const Polynomial> polynomial_;  // null: constant_
  friend struct DimAccess;
};

Dim floor_div(const Dim& a, std::int64_t divisor);
Dim ceil_div(const Dim& a, std::int64_t divisor);

using Shape = std::vector<Dim>;
std::string to_string(const Shape& shape);  // "[N,3,28,28]"
Dim element_count(const Shape& shape);
std::vector<std::int64_t> evaluate(const Shape& shape, const Symbols& symbols);

// Finds the values of symbols so that `shape` has these sizes, adding to `symbols`; Error (naming `what`) where they do not fit.
// Sizes that are linear in one symbol bind (N, 32*H); others are checked after all inputs have bound (`check` below).
void bind(const Shape& shape, const std::vector<std::int64_t>& sizes, Symbols& symbols, const std::string& what);
void check(const Shape& shape, const std::vector<std::int64_t>& sizes, const Symbols& symbols, const std::string& what);

}  // namespace neap
