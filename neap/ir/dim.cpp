#include "neap/ir/dim.h"

#include <algorithm>
#include <cctype>
#include <limits>
#include <mutex>
#include <set>

#include "neap/base/error.h"

namespace neap {

// Terms by monomial; a monomial is its atoms, sorted, with repetition; an atom is a symbol's name, or "floor((P)/c)" of a canonical P.
// The atom's text is its identity: it parses back, so no table of definitions is needed.
struct Dim::Polynomial {
  using Monomial = std::vector<std::string>;
  std::map<Monomial, std::int64_t> terms;
};

namespace {

using Terms = std::map<std::vector<std::string>, std::int64_t>;

constexpr std::size_t longest_size = 10000;                    // of a size inside other text
constexpr std::size_t most_terms = 1024, highest_degree = 24;  // no network has such sizes; hostile text has

constexpr std::int64_t lowest = std::numeric_limits<std::int64_t>::min();  // has no opposite, so it is not a size

std::int64_t checked_add(std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  if (__builtin_add_overflow(a, b, &result) || result == lowest) throw Error("a size does not fit 63 bits");
  return result;
}
std::int64_t checked_mul(std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  if (__builtin_mul_overflow(a, b, &result) || result == lowest) throw Error("a size does not fit 63 bits");
  return result;
}
std::int64_t whole_floor(std::int64_t a, std::int64_t b) { return a / b - (a % b != 0 && (a % b < 0) != (b < 0) ? 1 : 0); }

}  // namespace

struct DimAccess {
  static Terms terms(const Dim& dim) {
    if (dim.polynomial_ != nullptr) return dim.polynomial_->terms;
    return dim.constant_ == 0 ? Terms{} : Terms{{{}, dim.constant_}};
  }
  static Dim make(Terms terms) {
    std::erase_if(terms, [](const auto& term) { return term.second == 0; });
    if (terms.empty()) return {0};
    if (terms.size() == 1 && terms.begin()->first.empty()) return {terms.begin()->second};
    Dim dim;
    auto polynomial = std::make_shared<Dim::Polynomial>();
    polynomial->terms = std::move(terms);
    dim.polynomial_ = std::move(polynomial);
    return dim;
  }
  template <class ValueOf>
  static std::int64_t evaluate(const Dim& dim, const ValueOf& value_of);
  static Dim atom(std::string text) { return make({{{std::move(text)}, 1}}); }
};

namespace {

bool is_floor(const std::string& atom) { return atom.rfind("floor(", 0) == 0; }

// "floor((P)/c)" -> P and c.
std::pair<Dim, std::int64_t> floor_parts(const std::string& atom) {
  const std::size_t slash = atom.rfind(")/");
  return {Dim::parse(std::string_view(atom).substr(7, slash - 7)), std::stoll(atom.substr(slash + 2))};
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}
  Dim whole() {
    Dim value = sum();
    skip();
    if (at_ != text_.size()) fail("an operator");
    return value;
  }

  std::size_t position() const { return text_.substr(0, at_).find_last_not_of(' ') + 1; }
  Dim sum() {
    if (++depth_ > 100) fail("a shallower expression");
    Dim value = take('-') ? Dim(0) - product() : product();
    for (;;) {
      if (take('+')) {
        value += product();
      } else if (take('-')) {
        value = value - product();
      } else {
        --depth_;
        return value;
      }
    }
  }

 private:
  [[noreturn]] void fail(const char* expected) {
    throw Error(fmt::format("size '{}': expected {} at position {}", text_.substr(0, 80), expected, at_ + 1));
  }
  void skip() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  bool take(char c) {
    skip();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c, const char* what) {
    if (!take(c)) fail(what);
  }
  Dim product() {
    Dim value = factor();
    while (take('*')) value *= factor();
    return value;
  }
  std::int64_t number() {
    skip();
    std::int64_t value = 0;
    if (at_ >= text_.size() || std::isdigit(static_cast<unsigned char>(text_[at_])) == 0) fail("a number");
    for (; at_ < text_.size() && std::isdigit(static_cast<unsigned char>(text_[at_])) != 0; ++at_) {
      value = checked_add(checked_mul(value, 10), text_[at_] - '0');
    }
    return value;
  }
  Dim factor() {
    skip();
    if (take('(')) {
      Dim value = sum();
      expect(')', "')'");
      return value;
    }
    if (at_ < text_.size() && std::isalpha(static_cast<unsigned char>(text_[at_])) != 0) {
      std::size_t end = at_;
      while (end < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[end])) != 0 || text_[end] == '_')) ++end;
      const std::string_view word = text_.substr(at_, end - at_);
      at_ = end;
      if (word != "floor") return Dim::symbol(word);
      expect('(', "'('");
      Dim value = sum();
      expect('/', "'/'");
      const std::int64_t divisor = number();
      if (divisor <= 0) fail("a positive divisor");
      expect(')', "')'");
      return floor_div(value, divisor);
    }
    return number();
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

Dim Dim::symbol(std::string_view name) {
  const bool good =
      !name.empty() && std::isalpha(static_cast<unsigned char>(name[0])) != 0 && name != "floor" &&
      std::all_of(name.begin(), name.end(), [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; });
  if (!good) throw Error(fmt::format("'{}' is not a name for a size", name), "", "use letters, digits and '_', a letter first");
  return DimAccess::atom(std::string(name));
}

std::int64_t Dim::constant() const {
  if (polynomial_ != nullptr) throw Error(fmt::format("the size {} is not known yet", to_string()), "", "give its symbols values");
  return constant_;
}

template <class ValueOf>
std::int64_t DimAccess::evaluate(const Dim& dim, const ValueOf& value_of) {
  if (dim.polynomial_ == nullptr) return dim.constant_;
  std::int64_t total = 0;
  for (const auto& [monomial, coefficient] : dim.polynomial_->terms) {
    std::int64_t term = coefficient;
    for (const std::string& atom : monomial) {
      if (is_floor(atom)) {
        const auto [inner, divisor] = floor_parts(atom);
        term = checked_mul(term, whole_floor(evaluate(inner, value_of), divisor));
      } else {
        term = checked_mul(term, value_of(atom));
      }
    }
    total = checked_add(total, term);
  }
  return total;
}

std::int64_t Dim::evaluate(const Symbols& symbols) const {
  return DimAccess::evaluate(*this, [&](const std::string& symbol) {
    const auto found = symbols.find(symbol);
    if (found == symbols.end())
      throw Error(fmt::format("the size {} has no value", symbol), "", fmt::format("give it one: --set {}=...", symbol));
    return found->second;
  });
}

std::int64_t Dim::evaluate(const Symbols& symbols, std::int64_t otherwise) const {
  return DimAccess::evaluate(*this, [&](const std::string& symbol) {
    const auto found = symbols.find(symbol);
    return found == symbols.end() ? otherwise : found->second;
  });
}

Dim Dim::substitute(const std::map<std::string, Dim, std::less<>>& values) const {
  if (polynomial_ == nullptr) return *this;
  Dim total = 0;
  for (const auto& [monomial, coefficient] : polynomial_->terms) {
    Dim term = coefficient;
    for (const std::string& atom : monomial) {
      if (is_floor(atom)) {
        const auto [inner, divisor] = floor_parts(atom);
        term *= floor_div(inner.substitute(values), divisor);
      } else {
        const auto found = values.find(atom);
        term *= found == values.end() ? symbol(atom) : found->second;
      }
    }
    total += term;
  }
  return total;
}

std::vector<std::string> Dim::symbols() const {
  std::set<std::string> found;
  if (polynomial_ != nullptr) {
    for (const auto& [monomial, coefficient] : polynomial_->terms) {
      for (const std::string& atom : monomial) {
        if (!is_floor(atom)) {
          found.insert(atom);
          continue;
        }
        for (std::string& inner : floor_parts(atom).first.symbols()) found.insert(std::move(inner));
      }
    }
  }
  return {found.begin(), found.end()};
}

std::string Dim::to_string() const {
  if (polynomial_ == nullptr) return std::to_string(constant_);
  std::string text;
  // Longest monomials first, the constant last, as people write polynomials.
  std::vector<std::pair<std::vector<std::string>, std::int64_t>> terms(polynomial_->terms.begin(), polynomial_->terms.end());
  std::stable_sort(terms.begin(), terms.end(), [](const auto& a, const auto& b) { return a.first.size() > b.first.size(); });
  for (const auto& [monomial, coefficient] : terms) {
    const std::int64_t size = coefficient < 0 ? -coefficient : coefficient;
    text += text.empty() ? (coefficient < 0 ? "-" : "") : (coefficient < 0 ? " - " : " + ");
    std::string product;
    if (size != 1 || monomial.empty()) product = std::to_string(size);
    for (const std::string& atom : monomial) product += (product.empty() ? "" : "*") + atom;
    text += product;
  }
  return text;
}

Dim Dim::parse(std::string_view text) { return Parser(text).whole(); }

Dim Dim::parse_prefix(std::string_view text, std::size_t& at) {
  Parser parser(text.substr(at, longest_size));
  Dim value = parser.sum();
  at += parser.position();
  return value;
}

void Dim::feed(Hasher& hasher) const {
  if (polynomial_ == nullptr) {
    hasher.add(static_cast<std::uint64_t>(constant_));
    return;
  }
  for (const auto& [monomial, coefficient] : polynomial_->terms) {
    hasher.add(monomial.size()).add(static_cast<std::uint64_t>(coefficient));
    for (const std::string& atom : monomial) hasher.add(atom);
  }
}

Dim operator+(const Dim& a, const Dim& b) {
  if (a.is_constant() && b.is_constant()) return {checked_add(a.constant_, b.constant_)};
  Terms terms = DimAccess::terms(a);
  for (const auto& [monomial, coefficient] : DimAccess::terms(b)) {
    std::int64_t& mine = terms[monomial];
    mine = checked_add(mine, coefficient);
  }
  return DimAccess::make(std::move(terms));
}

Dim operator-(const Dim& a, const Dim& b) { return a + Dim(-1) * b; }

Dim operator*(const Dim& a, const Dim& b) {
  if (a.is_constant() && b.is_constant()) return {checked_mul(a.constant_, b.constant_)};
  Terms terms;
  const Terms left = DimAccess::terms(a), right = DimAccess::terms(b);
  if (left.size() * right.size() > most_terms) throw Error(fmt::format("a size has more than {} terms", most_terms));
  for (const auto& [x, p] : left) {
    for (const auto& [y, q] : right) {
      if (x.size() + y.size() > highest_degree) throw Error(fmt::format("a size is a product of more than {} factors", highest_degree));
      std::vector<std::string> monomial = x;
      monomial.insert(monomial.end(), y.begin(), y.end());
      std::sort(monomial.begin(), monomial.end());
      std::int64_t& mine = terms[std::move(monomial)];
      mine = checked_add(mine, checked_mul(p, q));
    }
  }
  return DimAccess::make(std::move(terms));
}

bool operator==(const Dim& a, const Dim& b) {
  if (a.is_constant() != b.is_constant()) return false;
  if (a.is_constant()) return a.constant_ == b.constant_;
  return a.polynomial_ == b.polynomial_ || a.polynomial_->terms == b.polynomial_->terms;
}

Dim floor_div(const Dim& a, std::int64_t divisor) {
  NEAP_ASSERT(divisor > 0, " floor_div by {}", divisor);
  if (divisor == 1) return a;
  if (a.is_constant()) return {whole_floor(a.constant(), divisor)};
  Terms exact, rest;
  for (const auto& [monomial, coefficient] : DimAccess::terms(a)) {
    const std::int64_t quotient = whole_floor(coefficient, divisor), remainder = coefficient - quotient * divisor;
    // A whole multiple of the divisor may leave the floor, so that equal sizes are written equally.
    if (quotient != 0) exact[monomial] = quotient;
    if (remainder != 0) rest[monomial] = remainder;
  }
  const Dim inside = DimAccess::make(std::move(rest)), outside = DimAccess::make(std::move(exact));
  if (inside.is_constant()) return outside + Dim(whole_floor(inside.constant(), divisor));
  return outside + DimAccess::atom("floor((" + inside.to_string() + ")/" + std::to_string(divisor) + ")");
}

Dim ceil_div(const Dim& a, std::int64_t divisor) { return floor_div(a + Dim(divisor - 1), divisor); }

bool Dim::divide_exactly(const Dim& a, const Dim& b, Dim& quotient) {
  const Terms divisor = DimAccess::terms(b);
  if (divisor.size() != 1) {
    if (a == b && !divisor.empty()) {
      quotient = 1;
      return true;
    }
    return false;
  }
  const auto& [atoms, factor] = *divisor.begin();
  Terms result;
  for (const auto& [monomial, coefficient] : DimAccess::terms(a)) {
    if (coefficient % factor != 0 || !std::includes(monomial.begin(), monomial.end(), atoms.begin(), atoms.end())) return false;
    std::vector<std::string> rest;
    std::set_difference(monomial.begin(), monomial.end(), atoms.begin(), atoms.end(), std::back_inserter(rest));
    result[rest] = coefficient / factor;
  }
  quotient = DimAccess::make(std::move(result));
  return true;
}

std::string to_string(const Shape& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i == 0 ? "" : ",") + shape[i].to_string();
  return text + "]";
}

Dim element_count(const Shape& shape) {
  Dim count = 1;
  for (const Dim& size : shape) count *= size;
  return count;
}

std::vector<std::int64_t> evaluate(const Shape& shape, const Symbols& symbols) {
  std::vector<std::int64_t> sizes;
  sizes.reserve(shape.size());
  for (const Dim& size : shape) sizes.push_back(size.evaluate(symbols));
  return sizes;
}

namespace {
std::string sizes_text(const std::vector<std::int64_t>& sizes) { return to_string(Shape(sizes.begin(), sizes.end())); }
}  // namespace

void bind(const Shape& shape, const std::vector<std::int64_t>& sizes, Symbols& symbols, const std::string& what) {
  if (shape.size() != sizes.size())
    throw Error(fmt::format("{} has {} axes, {} are expected: {}", what, sizes.size(), shape.size(), to_string(shape)));
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const std::vector<std::string> names = shape[i].symbols();
    if (names.size() != 1) continue;
    const std::int64_t offset = shape[i].evaluate({{names[0], 0}}), step = shape[i].evaluate({{names[0], 1}}) - offset;
    if (step == 0 || !(shape[i] == Dim(step) * Dim::symbol(names[0]) + Dim(offset))) continue;
    if ((sizes[i] - offset) % step != 0) {
      throw Error(fmt::format("{} is {}, which does not fit {}: no {} makes axis {} have {} elements", what, sizes_text(sizes),
                              to_string(shape), names[0], i, sizes[i]));
    }
    const auto [at, fresh] = symbols.emplace(names[0], (sizes[i] - offset) / step);
    if (!fresh && at->second != (sizes[i] - offset) / step) {
      throw Error(
          fmt::format("{} is {}, which does not fit {} where {} is {}", what, sizes_text(sizes), to_string(shape), names[0], at->second));
    }
  }
}

void check(const Shape& shape, const std::vector<std::int64_t>& sizes, const Symbols& symbols, const std::string& what) {
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i].evaluate(symbols) != sizes[i]) throw Error(fmt::format("{} is {}, not {}", what, sizes_text(sizes), to_string(shape)));
  }
}

}  // namespace neap
