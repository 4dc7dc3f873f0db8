// Sums of products by index letters: "ij,jk->ik", "...ij->...ji", "ii->i". Two operands that meet as matrices do become a matmul, which
// libraries claim; the rest is one sum of products from its definition.
#include <algorithm>
#include <cctype>

#include "neap/ops/composition.h"

namespace neap::einsum_operator {
namespace {

constexpr std::size_t longest_equation = 1024;

// Indices are letters; those that an ellipsis stands for are -1 (the last), -2, ...
using Indices = std::vector<int>;

struct Equation {
  std::vector<Indices> operands;
  Indices result;
  std::map<int, Dim> sizes;
};

Indices parse_term(const Call& call, const std::string& term, int rank) {
  const std::size_t dots = term.find("...");
  std::string letters = term;
  if (dots != std::string::npos) letters.erase(dots, 3);
  for (const char c : letters) {
    if (std::isalpha(static_cast<unsigned char>(c)) == 0)
      call.fail(fmt::format("'{}' in the equation", c), "letters, commas, '...' and '->'");
  }
  const int hidden = rank - static_cast<int>(letters.size());
  if (hidden < 0 || (dots == std::string::npos && hidden > 0)) {
    call.fail(fmt::format("'{}' for an operand of rank {}", term, rank), "one letter an axis");
  }
  Indices indices(letters.begin(), letters.end());
  Indices ellipsis;
  for (int i = hidden; i > 0; --i) ellipsis.push_back(-i);
  if (dots != std::string::npos) indices.insert(indices.begin() + static_cast<std::ptrdiff_t>(dots), ellipsis.begin(), ellipsis.end());
  return indices;
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> terms(1);
  for (const char c : text) {
    if (c == ',') {
      terms.emplace_back();
    } else {
      terms.back() += c;
    }
  }
  return terms;
}

int hidden_rank(const Equation& equation) {
  int rank = 0;
  for (const auto& [index, size] : equation.sizes) rank = std::max(rank, -index);
  return rank;
}

// Without an arrow: the ellipsis, then the letters that occur once, in alphabetical order.
Indices implicit_result(const Equation& equation) {
  Indices result;
  for (int i = hidden_rank(equation); i > 0; --i) result.push_back(-i);
  std::map<int, int> times;
  for (const Indices& operand : equation.operands) {
    for (const int index : operand) ++times[index];
  }
  for (const auto& [index, count] : times) {
    if (index > 0 && count == 1) result.push_back(index);
  }
  return result;
}

void note_sizes(const Call& call, Equation& equation, int operand) {
  const Indices& indices = equation.operands[static_cast<std::size_t>(operand)];
  for (std::size_t i = 0; i < indices.size(); ++i) {
    const Dim& size = call.size(operand, static_cast<int>(i));
    const auto [at, fresh] = equation.sizes.emplace(indices[i], size);
    if (fresh || at->second == size) continue;
    if (indices[i] < 0 && (at->second == Dim(1) || size == Dim(1))) {
      if (at->second == Dim(1)) at->second = size;
      continue;
    }
    const std::string name = indices[i] < 0 ? "..." : std::string(1, static_cast<char>(indices[i]));
    call.fail(fmt::format("'{}' stands for {} and {} elements", name, at->second.to_string(), size.to_string()));
  }
}

Equation parse(const Call& call) {
  std::string text = call.text("equation");
  if (text.size() > longest_equation) call.fail("an equation of more than 1024 characters");
  std::erase(text, ' ');
  const std::size_t arrow = text.find("->");
  const std::vector<std::string> terms = split(text.substr(0, arrow));
  if (static_cast<int>(terms.size()) != call.input_count()) {
    call.fail(fmt::format("the equation names {} operands, {} are given", terms.size(), call.input_count()));
  }
  Equation equation;
  for (int i = 0; i < call.input_count(); ++i) {
    if (call.input(i).dtype != call.input(0).dtype) call.fail("the operands differ in dtype", "cast them");
    equation.operands.push_back(parse_term(call, terms[static_cast<std::size_t>(i)], call.input(i).rank()));
    note_sizes(call, equation, i);
  }
  if (arrow == std::string::npos) {
    equation.result = implicit_result(equation);
    return equation;
  }
  const std::string result = text.substr(arrow + 2);
  const std::size_t dots = result.find("...");
  const auto letters = static_cast<int>(result.size()) - (dots == std::string::npos ? 0 : 3);
  equation.result = parse_term(call, result, letters + (dots == std::string::npos ? 0 : hidden_rank(equation)));
  for (const int index : equation.result) {
    if (equation.sizes.count(index) == 0) call.fail(fmt::format("'{}' is in the result only", static_cast<char>(index)));
    if (std::count(equation.result.begin(), equation.result.end(), index) > 1) {
      call.fail(fmt::format("'{}' is in the result twice", static_cast<char>(index)));
    }
  }
  return equation;
}

bool holds(const Indices& indices, int index) { return std::find(indices.begin(), indices.end(), index) != indices.end(); }

void define_sum_of_products(Definition& d) {
  const Equation equation = parse(d.call());
  std::map<int, Axis> axes;
  std::vector<Axis> result, over;
  for (const int index : equation.result) {
    result.push_back(d.axis(fmt::format("i{}", result.size()), equation.sizes.at(index)));
    axes[index] = result.back();
  }
  for (const auto& [index, size] : equation.sizes) {
    if (holds(equation.result, index)) continue;
    over.push_back(d.over(fmt::format("j{}", over.size()), size));
    axes[index] = over.back();
  }
  Expr product;
  for (int k = 0; k < d.call().input_count(); ++k) {
    std::vector<Expr> at;
    for (const int index : equation.operands[static_cast<std::size_t>(k)]) {
      const bool repeated = index < 0 && !(d.size(k, static_cast<int>(at.size())) == equation.sizes.at(index));
      at.push_back(repeated ? Expr(0) : d.at(axes[index]));
    }
    const Expr factor = d.read(k, at);
    product = product ? product * factor : factor;
  }
  d.output(d.dtype(0), result, d.sum(over, product));
}

// The indices of two operands by where they occur, if that is how a batch of matrix products has them.
struct Product {
  Indices batch, rows, columns, summed;
};

bool is_product(const Equation& equation, const Call& call, Product& product) {
  if (equation.operands.size() != 2) return false;
  const Indices &a = equation.operands[0], &b = equation.operands[1];
  for (int k = 0; k < 2; ++k) {
    const Indices& mine = equation.operands[static_cast<std::size_t>(k)];
    for (std::size_t i = 0; i < mine.size(); ++i) {
      if (std::count(mine.begin(), mine.end(), mine[i]) > 1) return false;
      if (!(call.size(k, static_cast<int>(i)) == equation.sizes.at(mine[i]))) return false;
    }
  }
  for (const auto& [index, size] : equation.sizes) {
    const bool in_a = holds(a, index), in_b = holds(b, index), in_result = holds(equation.result, index);
    if (!in_result && !(in_a && in_b)) return false;
    (in_a && in_b ? in_result ? product.batch : product.summed : in_a ? product.rows : product.columns).push_back(index);
  }
  return !product.summed.empty();
}

// x with its axes in the order of three groups of indices, each group as one axis.
Var arranged(const Var& x, const Equation& equation, const Indices& mine, const std::vector<Indices>& groups) {
  std::vector<std::int64_t> permutation;
  Shape shape;
  for (const Indices& group : groups) {
    Dim size = 1;
    for (const int index : group) {
      permutation.push_back(std::find(mine.begin(), mine.end(), index) - mine.begin());
      size *= equation.sizes.at(index);
    }
    shape.push_back(size);
  }
  return reshape(std::is_sorted(permutation.begin(), permutation.end()) ? x : transpose(x, permutation), shape);
}

std::vector<Var> compose(Builder& build, const std::vector<Var>& inputs, const Call& call) {
  const Equation equation = parse(call);
  Product p;
  if (!is_product(equation, call, p)) return {build.call("sum_of_products", inputs, call.attributes())};
  const Var a = arranged(inputs[0], equation, equation.operands[0], {p.batch, p.rows, p.summed});
  const Var y = matmul(a, arranged(inputs[1], equation, equation.operands[1], {p.batch, p.summed, p.columns}));
  Indices order = p.batch;
  order.insert(order.end(), p.rows.begin(), p.rows.end());
  order.insert(order.end(), p.columns.begin(), p.columns.end());
  Shape shape;
  std::vector<std::int64_t> permutation;
  for (const int index : order) shape.push_back(equation.sizes.at(index));
  for (const int index : equation.result) permutation.push_back(std::find(order.begin(), order.end(), index) - order.begin());
  const Var split_again = reshape(y, shape);
  return {std::is_sorted(permutation.begin(), permutation.end()) ? split_again : transpose(split_again, permutation)};
}

std::vector<AttributeSpec> attributes() { return {{"equation", std::string(), "index letters, as numpy's einsum has them", true}}; }

const Register einsum{{.name = "einsum",
                       .about = "sum of products over the indices that the result does not have",
                       .inputs = {{"x", InputSpec::variadic}},
                       .attributes = attributes(),
                       .compose = compose,
                       .onnx = {{"Einsum", 12, {{"equation", "equation"}}}}}};

const Register sum_of_products{{.name = "sum_of_products",
                                .about = "einsum as one sum of products",
                                .inputs = {{"x", InputSpec::variadic}},
                                .attributes = attributes(),
                                .define = define_sum_of_products}};

}  // namespace
}  // namespace neap::einsum_operator
