// What is done to a sparse matrix ahead of a product is done to what is stored: every layout, by the definition of the graph as written.
#include "neap/transform/sparse_values.h"

#include <gtest/gtest.h>

#include "neap/autodiff/gradient.h"
#include "neap/ops/interpreter.h"
#include "neap/transform/optimizer.h"
#include "neap/transform/sparse_dispatch.h"
#include "tests/layouts/matrices.h"
#include "tests/support/results.h"

namespace neap::sparse_values_test {
namespace {

using testing::layouts_to_test;
using testing::mask_for;
using testing::random_matrix;

// Operands of the ways below: of rows (features, 5), columns (7), and numbers.
struct Given {
  Builder& build;
  Var matrix, by_columns, by_rows, scale, row_scale, dense;  // [5, 7], [3, 7], [3, 5], [], [5, 1], [5, 7]
};
struct Way {
  const char* name;
  std::function<Var(const Given&)> result;
};

Var call(const Given& given, std::string_view op, const std::vector<Var>& operands, const Attributes& attributes = {}) {
  return given.build.call(op, operands, attributes);
}
Var rows_times(const Given& given, const Var& matrix) { return call(given, "matmul", {given.by_columns, matrix}, {{"transpose_b", true}}); }

// A product of what becomes of the matrix.
const std::vector<Way>& ways() {
  static const std::vector<Way> all = {
      {"transposed",
       [](const Given& g) {
         return call(g, "matmul", {g.by_columns, transpose(g.matrix, {1, 0})});
       }},
      {"transposed, from the left",
       [](const Given& g) {
         return call(g, "matmul", {transpose(g.matrix, {1, 0}), transpose(g.by_rows, {1, 0})});
       }},
      {"scaled by a constant", [](const Given& g) { return rows_times(g, g.matrix * 0.25); }},
      {"scaled by what is trained", [](const Given& g) { return rows_times(g, g.matrix * g.scale); }},
      {"divided by what is trained", [](const Given& g) { return rows_times(g, g.matrix / g.scale); }},
      {"rows scaled", [](const Given& g) { return rows_times(g, g.row_scale * g.matrix); }},
      {"times a dense matrix", [](const Given& g) { return rows_times(g, g.dense * g.matrix); }},
      {"tanh", [](const Given& g) { return rows_times(g, call(g, "tanh", {g.matrix})); }},
      {"relu", [](const Given& g) { return rows_times(g, call(g, "relu", {g.matrix})); }},
      {"gelu", [](const Given& g) { return rows_times(g, call(g, "gelu", {g.matrix})); }},
      {"cubed", [](const Given& g) { return rows_times(g, g.matrix * g.matrix * g.matrix); }},
      {"transposed, scaled and squashed",
       [](const Given& g) {
         return call(g, "matmul", {g.by_columns, call(g, "tanh", {g.scale * transpose(g.matrix, {1, 0})})});
       }},
      {"as it is, and squashed", [](const Given& g) { return rows_times(g, g.matrix) + rows_times(g, call(g, "tanh", {g.matrix})); }},
      {"summed up", [](const Given& g) { return rows_times(g, g.matrix) * sum(g.matrix * g.matrix, {}); }},
      {"rows summed", [](const Given& g) { return rows_times(g, g.matrix) * sum(g.matrix * g.matrix, {1}); }},
      {"columns summed, transposed",
       [](const Given& g) {
         const Var sums = sum(call(g, "tanh", {transpose(g.matrix, {1, 0})}), {1}, true);  // [7, 1]
         return call(g, "matmul", {g.by_columns * transpose(sums, {1, 0}), g.matrix}, {{"transpose_b", true}});
       }},
      {"columns summed", [](const Given& g) { return rows_times(g, g.matrix) * sum(sum(g.matrix, {0}) * sum(g.dense, {0}), {}); }}};
  return all;
}

struct Written {
  Graph graph;
  std::vector<Array> inputs;
};

// The loss of the way's result, and the gradients of all that it is made of.
Written written(const LayoutChoice& choice, const Way& way) {
  const Sizes size{5, 7};
  Written made;
  Builder build(made.graph);
  const auto input = [&](const char* name, const Array& array, Role role) {
    made.inputs.push_back(array);
    return build.input(name, type_of(array), role);
  };
  Given given{build};
  std::vector<Var> components;
  for (const Array& component : choice.pack(random_matrix(DType::f64, size, 1), mask_for(choice, size, 0.4, 2))) {
    const std::string name = "c" + std::to_string(components.size());
    components.push_back(input(name.c_str(), component, components.empty() ? Role::parameter : Role::state));
  }
  given.matrix = build.call(choice.layout->op("dense"), components, attributes_of(choice, {5, 7}));
  given.by_columns = input("columns", random_matrix(DType::f64, {3, 7}, 3), Role::parameter);
  given.by_rows = input("rows", random_matrix(DType::f64, {3, 5}, 4), Role::parameter);
  given.scale = input("scale", Array::full(DType::f64, {}, 0.75), Role::parameter);
  given.row_scale = input("row_scale", random_matrix(DType::f64, {5, 1}, 5), Role::parameter);
  given.dense = input("dense", random_matrix(DType::f64, {5, 7}, 6), Role::parameter);
  const Var y = way.result(given);
  made.graph.add_output(sum(y * y, {}).id(), "loss");
  made.graph = gradient(made.graph, {.loss = "loss"});
  return made;
}

// The graph with every edit that fits made, gain or not.
void edit_all(Optimizer& optimizer) {
  const Transformation& transformation = find_transformation("multiply_sparse");
  for (bool edited = true; edited;) {
    edited = false;
    for (const Site& site : optimizer.sites(transformation)) {
      if (site.at.size() > 1 || !optimizer.check(transformation, site).empty()) continue;
      optimizer.apply(transformation, site);
      edited = true;
      break;
    }
  }
}

TEST(SparseValues, AreThoseOfTheDenseMatrix) {
  for (const std::string& text : layouts_to_test()) {
    const LayoutChoice choice = LayoutChoice::parse(text);
    if (!choice.layout->leaves_out) continue;
    for (const Way& way : ways()) {
      SCOPED_TRACE(text + ", " + way.name);
      const Written given = written(choice, way);
      Optimizer optimizer(given.graph);
      edit_all(optimizer);
      verify(optimizer.graph());
      const std::vector<Array> wanted = interpret(given.graph, given.inputs), got = interpret(optimizer.graph(), given.inputs);
      for (std::size_t i = 0; i < wanted.size(); ++i) expect_close(got[i], wanted[i], 1e-12, given.graph.outputs[i].name);
    }
  }
}

// Nothing of the matrix's size is left but what a dense operand and its gradient have.
TEST(SparseValues, LeaveNothingDense) {
  for (const Way& way : ways()) {
    SCOPED_TRACE(way.name);
    const LayoutChoice choice = LayoutChoice::parse("csr");
    const Written given = written(choice, way);
    Optimizer optimizer(given.graph);
    edit_all(optimizer);
    const std::string text = to_string(optimizer.graph());
    const std::string_view name = way.name;
    const bool has_dense_operand = name == "times a dense matrix" || name == "rows scaled";
    // The gradient of a sum along an axis is one value a row, which is read where elements are.
    const bool has_sums = name.starts_with("rows") || name.starts_with("columns");
    if (!has_dense_operand) {
      EXPECT_EQ(text.find("csr_dense"), std::string::npos) << text;
    }
    if (!has_dense_operand && !has_sums) {
      EXPECT_EQ(text.find("csr_take"), std::string::npos) << text;
    }
    EXPECT_NE(text.find("csr_matmul"), std::string::npos) << text;
    EXPECT_NE(text.find("csr_sample"), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace neap::sparse_values_test
