// Calls of operators to test with, read from tests/shapes/*.txt: one a line, each author a file of his own.
//
//   slice starts=[1] stops=[4] steps=[2] f32[N,5] @N=3
//   gather axis=1 f32[2,5] i64[3]:below(5)
//   matmul f32[3,4] f32[4,2] @tolerance=1e-5
//
// First the operator, then attributes as name=value ([..] for lists), operands as types ("_": absent) with how to fill them, and after
// '@' the value of a symbol, or: `no_gradient` (do not check the gradient: a kink is likely), `one_dtype` (results depend on the dtype by
// intent), `tolerance=` (relative, of f32 against f64).
// '#' starts a comment. Ways to fill an operand:
//   (none)        floats in [-2, 2], integers in [-5, 5] (u8: 0 to 10), bools
//   :positive     in [0.25, 2.25]            :unit         in [-0.95, 0.95]
//   :probability  in [0.02, 0.98]            :special      as (none), with NaN, infinities and zeros among them
//   :distinct     a shuffled 0, 1, 2, ... scaled to [-2, 2] for floats: no ties
//   :below(n)     integers in [0, n)         :offsets(n)   CSR offsets: from 0 to n, not decreasing, some rows empty
//   :sorted(n)    integers in [0, n), not decreasing
//   :values(a,b,...)   these, repeated as often as needed
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <numeric>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "neap/ops/builder.h"

namespace neap::testing {

struct CaseInput {
  Type type;
  bool present = true;
  std::string fill;               // name, without the ':'
  std::vector<double> arguments;  // what stands in parentheses after it
};

struct Case {
  std::string place;  // "shapes/moving.txt:12"
  std::string text;
  std::string op;
  Attributes attributes;
  std::vector<CaseInput> inputs;
  Symbols symbols;
  bool gradient = true;
  bool one_dtype = false;
  double tolerance = 1e-5;
};

namespace detail {

inline std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> items;
  std::string item;
  int depth = 0;
  for (const char c : text) {
    if (c == ',' && depth == 0) {
      items.push_back(std::exchange(item, ""));
      continue;
    }
    depth += c == '(' ? 1 : c == ')' ? -1 : 0;
    item += c;
  }
  if (!item.empty()) items.push_back(item);
  return items;
}

inline Attribute parse_attribute(const Attribute& kind, const std::string& text) {
  const auto list = [&] {
    if (text.size() < 2 || text.front() != '[' || text.back() != ']') throw Error("'" + text + "' is not a list in brackets");
    return split_list(std::string_view(text).substr(1, text.size() - 2));
  };
  if (std::holds_alternative<bool>(kind)) {
    if (text != "true" && text != "false") throw Error("'" + text + "' is neither true nor false");
    return text == "true";
  }
  if (std::holds_alternative<std::int64_t>(kind)) return static_cast<std::int64_t>(std::stoll(text));
  if (std::holds_alternative<double>(kind)) return std::stod(text);
  if (std::holds_alternative<DType>(kind)) return parse_dtype(text);
  if (std::holds_alternative<std::string>(kind)) return text;
  if (std::holds_alternative<std::vector<std::int64_t>>(kind)) {
    std::vector<std::int64_t> values;
    for (const std::string& item : list()) values.push_back(std::stoll(item));
    return values;
  }
  if (std::holds_alternative<std::vector<double>>(kind)) {
    std::vector<double> values;
    for (const std::string& item : list()) values.push_back(std::stod(item));
    return values;
  }
  std::vector<Dim> values;
  for (const std::string& item : list()) values.push_back(Dim::parse(item));
  return values;
}

inline void parse_token(Case& made, const std::string& token) {
  const std::size_t equals = token.find('=');
  if (token[0] == '@') {
    const std::string name = token.substr(1, equals == std::string::npos ? equals : equals - 1);
    if (name == "no_gradient") {
      made.gradient = false;
    } else if (name == "one_dtype") {
      made.one_dtype = true;
    } else if (name == "tolerance") {
      made.tolerance = std::stod(token.substr(equals + 1));
    } else {
      made.symbols[name] = std::stoll(token.substr(equals + 1));
    }
  } else if (equals != std::string::npos) {
    const std::string name = token.substr(0, equals);
    for (const AttributeSpec& spec : find_operator(made.op).attributes) {
      if (spec.name == name) made.attributes[name] = parse_attribute(spec.default_value, token.substr(equals + 1));
    }
    if (made.attributes.count(name) == 0) throw Error(made.op + " has no attribute '" + name + "'");
  } else if (token == "_") {
    made.inputs.push_back({{}, false, "", {}});
  } else {
    CaseInput input;
    const std::size_t colon = token.find(':');
    input.type = Type::parse(token.substr(0, colon));
    if (colon != std::string::npos) {
      const std::size_t open = token.find('(', colon);
      input.fill = token.substr(colon + 1, open == std::string::npos ? open : open - colon - 1);
      if (open != std::string::npos) {
        for (const std::string& item : split_list(token.substr(open + 1, token.size() - open - 2)))
          input.arguments.push_back(std::stod(item));
      }
    }
    made.inputs.push_back(std::move(input));
  }
}

inline double fill_value(const CaseInput& input, std::int64_t i, std::mt19937_64& random) {
  const auto uniform = [&](double low, double high) {
    return low + (high - low) * static_cast<double>(random() >> 11) * 0x1p-53;  // the same on every platform
  };
  const auto below = [&](double n) { return static_cast<double>(random() % static_cast<std::uint64_t>(std::max(1.0, n))); };
  if (input.fill == "values") return input.arguments.at(static_cast<std::size_t>(i) % input.arguments.size());
  if (input.fill == "below" || input.fill == "sorted" || input.fill == "offsets") return below(input.arguments.at(0));
  if (input.fill == "positive") return uniform(0.25, 2.25);
  if (input.fill == "unit") return uniform(-0.95, 0.95);
  if (input.fill == "probability") return uniform(0.02, 0.98);
  if (input.fill == "special") {
    static constexpr double values[] = {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(),
                                        -std::numeric_limits<double>::infinity(), 0.0, -0.0};
    if (is_float(input.type.dtype) && random() % 4 == 0) return values[random() % 5];
  } else if (!input.fill.empty() && input.fill != "distinct") {
    throw Error("there is no way to fill called '" + input.fill + "'");
  }
  if (input.type.dtype == DType::boolean) return below(2);
  if (input.type.dtype == DType::u8) return below(11);
  return is_float(input.type.dtype) ? uniform(-2, 2) : below(11) - 5;
}

}  // namespace detail

inline Case parse_case(const std::string& line, const std::string& place) {
  Case made;
  made.place = place;
  made.text = line;
  std::istringstream words(line);
  words >> made.op;
  find_operator(made.op);
  for (std::string token; words >> token;) detail::parse_token(made, token);
  return made;
}

// All lines of all files. Error naming file and line where one cannot be read.
inline std::vector<Case> read_cases() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(NEAP_TESTS) / "shapes")) {
    if (entry.path().extension() == ".txt") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<Case> cases;
  for (const auto& file : files) {
    std::ifstream text(file);
    int number = 0;
    for (std::string line; std::getline(text, line);) {
      ++number;
      line = line.substr(0, line.find('#'));
      if (line.find_first_not_of(" \t") == std::string::npos) continue;
      const std::string place = "shapes/" + file.filename().string() + ":" + std::to_string(number);
      try {
        cases.push_back(parse_case(line, place));
      } catch (const std::exception& error) {
        throw Error(error.what(), place);
      }
    }
  }
  return cases;
}

// The same call with every floating-point operand (and dtype attribute) in another dtype.
inline Case with_dtype(Case given, DType dtype) {
  for (CaseInput& input : given.inputs) {
    if (is_float(input.type.dtype)) input.type.dtype = dtype;
  }
  for (const AttributeSpec& spec : find_operator(given.op).attributes) {
    if (std::holds_alternative<DType>(spec.default_value) && !spec.required) given.attributes.emplace(spec.name, spec.default_value);
  }
  for (auto& [name, value] : given.attributes) {
    if (auto* wanted = std::get_if<DType>(&value); wanted != nullptr && is_float(*wanted)) *wanted = dtype;
  }
  return given;
}

inline bool has_special_values(const Case& given) {
  return std::any_of(given.inputs.begin(), given.inputs.end(), [](const CaseInput& input) { return input.fill == "special"; });
}

// Symbols that no operand has as a size of its own; inputs "size_N" give them their values.
inline std::vector<std::string> unbound_symbols(const Case& given) {
  std::vector<std::string> unbound;
  for (const auto& [symbol, value] : given.symbols) {
    const bool bound = std::any_of(given.inputs.begin(), given.inputs.end(), [&, name = symbol](const CaseInput& input) {
      return std::find(input.type.shape.begin(), input.type.shape.end(), Dim::symbol(name)) != input.type.shape.end();
    });
    if (!bound) unbound.push_back(symbol);
  }
  return unbound;
}

// A graph that is this one call: inputs "x0", "x1", ... (those present) and unbound symbols', outputs "y0", "y1", ...
inline Graph graph_of(const Case& given) {
  Graph graph;
  Builder build(graph);
  std::vector<Var> inputs;
  for (std::size_t i = 0; i < given.inputs.size(); ++i)
    inputs.push_back(given.inputs[i].present ? build.input("x" + std::to_string(i), given.inputs[i].type) : Var());
  for (const std::string& symbol : unbound_symbols(given)) build.input("size_" + symbol, {DType::u8, {Dim::symbol(symbol)}, {}});
  for (const Var& output : build.calls(given.op, inputs, given.attributes))
    graph.add_output(output.id(), "y" + std::to_string(graph.outputs.size()));
  return graph;
}

// Elements for the graph's inputs, the same for the same seed.
inline std::vector<Array> inputs_of(const Case& given, std::uint64_t seed = 1) {
  std::mt19937_64 random(seed);
  std::vector<Array> arrays;
  for (const CaseInput& input : given.inputs) {
    if (!input.present) continue;
    Array array(input.type.dtype, evaluate(input.type.shape, given.symbols));
    std::vector<double> values;
    for (std::int64_t i = 0; i < array.count(); ++i) values.push_back(detail::fill_value(input, i, random));
    if (input.fill == "sorted" || input.fill == "offsets") std::sort(values.begin(), values.end());
    if (input.fill == "offsets") {
      values.front() = 0;
      values.back() = input.arguments.at(0);
    }
    if (input.fill == "distinct") {
      std::iota(values.begin(), values.end(), 0.0);
      for (std::size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[random() % i]);
      if (is_float(input.type.dtype)) {
        for (double& value : values) value = 4 * (value + 0.5) / static_cast<double>(values.size()) - 2;
      }
    }
    for (std::int64_t i = 0; i < array.count(); ++i) array.set(i, values[static_cast<std::size_t>(i)]);
    arrays.push_back(std::move(array));
  }
  for (const std::string& symbol : unbound_symbols(given)) arrays.push_back(Array::zeros(DType::u8, {given.symbols.at(symbol)}));
  return arrays;
}

// Whether each element of `got` is within `tolerance` of `wanted`, relative to the larger of 1 and its size; NaN equals NaN, infinities
// must be equal.
inline ::testing::AssertionResult close(const Array& got, const Array& wanted, double tolerance) {
  if (got.dtype() != wanted.dtype() || got.sizes() != wanted.sizes()) {
    return ::testing::AssertionFailure() << "got " << name(got.dtype()) << to_string(got.sizes()) << ", not " << name(wanted.dtype())
                                         << to_string(wanted.sizes());
  }
  for (std::int64_t i = 0; i < got.count(); ++i) {
    const double a = got.get(i), b = wanted.get(i);
    if (a == b || (std::isnan(a) && std::isnan(b))) continue;
    if (std::isfinite(a) && std::isfinite(b) && std::abs(a - b) <= tolerance * std::max(1.0, std::abs(b))) continue;
    return ::testing::AssertionFailure() << "element " << i << " of " << to_string(got.sizes()) << " is " << a << ", not " << b;
  }
  return ::testing::AssertionSuccess();
}

}  // namespace neap::testing
