// Every layout against the dense matrix: packing, products, gradients, compiled and interpreted.
#include "neap/layouts/sparse_layout.h"

#include <gtest/gtest.h>

#include <functional>
#include <numeric>
#include <set>

#include "neap/base/machine.h"
#include "neap/ops/interpreter.h"
#include "tests/autodiff/differences.h"
#include "tests/layouts/compiled.h"
#include "tests/layouts/matrices.h"
#include "tests/support/results.h"

namespace neap::sparse_layout_test {
namespace {

using testing::layouts_to_test;
using testing::mask_for;
using testing::masked;
using testing::random_matrix;

const std::vector<Sizes> matrix_sizes = {{8, 12}, {7, 13}, {1, 1}, {5, 1}, {1, 9}, {0, 4}, {4, 0}, {16, 33}};

std::vector<Array> packed(const LayoutChoice& choice, const Array& dense, const Array& mask) {
  std::vector<Array> components = choice.layout->pack(dense, mask, choice.parameters);
  choice.layout->check(components, dense.sizes(), choice.parameters);
  return components;
}

TEST(SparseLayout, PacksAndUnpacks) {
  for (const std::string& text : layouts_to_test()) {
    const LayoutChoice choice = LayoutChoice::parse(text);
    EXPECT_EQ(choice.to_string(), text);
    for (const Sizes& sizes : matrix_sizes) {
      for (const double chance : {0.0, 0.3, 1.0}) {
        for (const DType dtype : {DType::f32, DType::f64, DType::bf16}) {
          SCOPED_TRACE(text + " " + to_string(sizes) + " " + std::to_string(chance));
          const Array dense = random_matrix(dtype, sizes, 1), mask = mask_for(choice, sizes, chance, 2);
          const std::vector<Array> components = packed(choice, dense, mask);
          EXPECT_TRUE(same_bits(testing::unpack(choice, components, sizes), masked(dense, mask)));
        }
      }
    }
  }
}

// One of a layout's operators and the same from dense operators, as graphs over x (or a and b), values and places.
struct Operands {
  std::vector<Array> arrays;
  Attributes attributes;
};
Operands operands(const LayoutChoice& choice, std::string_view what, const Sizes& sizes, std::int64_t features, DType dtype,
                  bool transposed, bool features_first = false) {
  const Array mask = mask_for(choice, sizes, 0.4, 3);
  const std::vector<Array> components = packed(choice, random_matrix(dtype, sizes, 4), mask);
  Operands made{{}, attributes_of(choice, Shape(sizes.begin(), sizes.end()))};
  if (what == "matmul") {
    const std::int64_t elements = sizes[transposed ? 0 : 1];
    made.arrays.push_back(random_matrix(dtype, features_first ? Sizes{features, elements} : Sizes{elements, features}, 5));
    made.attributes["transpose"] = transposed;
    made.attributes["features_first"] = features_first;
  }
  if (what == "sample") made.arrays = {random_matrix(dtype, {sizes[0], features}, 6), random_matrix(dtype, {sizes[1], features}, 7)};
  if (what == "take") made.arrays.push_back(random_matrix(dtype, sizes, 8));
  const bool values = what == "dense" || what == "matmul";
  made.arrays.insert(made.arrays.end(), components.begin() + (values ? 0 : 1), components.end());
  return made;
}

void append(Graph& graph, const std::string& op, const Operands& operands) {
  Builder build(graph);
  std::vector<Var> inputs;
  for (const Array& array : operands.arrays) {
    const std::string name = "x" + std::to_string(graph.inputs.size());
    inputs.push_back(build.input(name, type_of(array)));
  }
  graph.add_output(build.call(op, inputs, operands.attributes).id(), "y" + std::to_string(graph.outputs.size()));
}

Graph graph_of(const std::string& op, const Operands& operands) {
  Graph graph;
  append(graph, op, operands);
  return graph;
}

Array product(const Array& a, bool transposed, const Array& b) {
  Graph graph;
  Builder build(graph);
  const auto input = [&](const char* name, const Array& array) { return build.input(name, type_of(array)); };
  const Var x = input("a", a), y = input("b", b);
  graph.add_output(build.call("matmul", {x, y}, {{"transpose_a", transposed}}).id(), "y");
  return interpret(graph, {a, b})[0];
}

TEST(SparseLayout, ProductsAreThoseOfTheDenseMatrix) {
  for (const std::string& text : layouts_to_test()) {
    const LayoutChoice choice = LayoutChoice::parse(text);
    for (const Sizes& sizes : matrix_sizes) {
      for (const bool transposed : {false, true}) {
        SCOPED_TRACE(text + " " + to_string(sizes) + (transposed ? " transposed" : ""));
        const Operands given = operands(choice, "matmul", sizes, 3, DType::f64, transposed);
        const Array dense = testing::unpack(choice, {given.arrays.begin() + 1, given.arrays.end()}, sizes);
        expect_close(interpret(graph_of(choice.layout->op("matmul"), given), given.arrays)[0], product(dense, transposed, given.arrays[0]),
                     1e-12, text);
      }
    }
  }
}

// Matrices that are packed in several parts, and numbers whose patterns are looked for in other ways.
TEST(SparseLayout, PacksLargeMatrices) {
  for (const char* text : {"masked", "csr", "csc", "coo", "ell", "blocks r=4 c=1", "blocks r=3 c=2", "nm n=2 m=4", "nm n=2 m=20",
                           "nmg n=2 m=4 g=16", "nmg n=2 m=8 g=5", "nmg n=1 m=20 g=2", "nmg n=1 m=2 g=20000"}) {
    SCOPED_TRACE(text);
    const LayoutChoice choice = LayoutChoice::parse(text);
    const Sizes sizes{301, 437};
    const Array mask = mask_for(choice, sizes, 0.3, 1);
    for (const DType dtype : {DType::f32, DType::i8}) {
      const Array dense = random_matrix(dtype, sizes, 2);
      EXPECT_TRUE(same_bits(testing::unpack(choice, choice.pack(dense, mask), sizes), masked(dense, mask))) << name(dtype);
    }
  }
}

// Of a few long rows or columns too, and whatever the number of threads, by which parts are cut.
TEST(SparseLayout, PacksLongMatricesAlikeOnAnyThreads) {
  const int threads = thread_count();
  for (const char* text : {"masked", "csr", "csc", "coo", "ell", "blocks r=4 c=3", "nm n=2 m=4"}) {
    SCOPED_TRACE(text);
    const LayoutChoice choice = LayoutChoice::parse(text);
    for (const Sizes& sizes : {Sizes{70001, 3}, Sizes{3, 100003}}) {
      const Array mask = mask_for(choice, sizes, 0.2, 1), dense = random_matrix(DType::f32, sizes, 2);
      set_thread_count(1);
      const std::vector<Array> wanted = choice.pack(dense, mask);
      EXPECT_TRUE(same_bits(testing::unpack(choice, wanted, sizes), masked(dense, mask)));
      for (const int count : {2, 5}) {
        set_thread_count(count);
        const std::vector<Array> got = choice.pack(dense, mask);
        for (std::size_t i = 0; i < wanted.size(); ++i) EXPECT_TRUE(same_bits(got[i], wanted[i])) << count << " threads, component " << i;
      }
    }
  }
  set_thread_count(threads);
}

// Values of bf16 beside an x of f32: what they hold is multiplied in f32, and their gradient is bf16.
TEST(SparseLayout, NarrowValuesAreStorage) {
  for (const std::string& text : layouts_to_test()) {
    const LayoutChoice choice = LayoutChoice::parse(text + " values=bf16");
    EXPECT_EQ(LayoutChoice::parse(choice.to_string()).to_string(), choice.to_string());
    for (const bool transposed : {false, true}) {
      SCOPED_TRACE(text + (transposed ? " transposed" : ""));
      const Operands given = operands(choice, "matmul", {7, 13}, 3, DType::f32, transposed);
      Operands wide = given, narrow = given;
      narrow.arrays[1] = given.arrays[1].cast(DType::bf16);
      wide.arrays[1] = narrow.arrays[1].cast(DType::f32);
      const std::string op = choice.layout->op("matmul");
      const Array y = interpret(graph_of(op, narrow), narrow.arrays)[0];
      EXPECT_EQ(y.dtype(), DType::f32);
      expect_close(y, interpret(graph_of(op, wide), wide.arrays)[0], 1e-6, text);
    }
  }
  const Array dense = random_matrix(DType::f32, {8, 12}, 1);
  const LayoutChoice choice = LayoutChoice::parse("nmg n=2 m=4 g=2 values=bf16");
  EXPECT_EQ(choice.pack(dense, mask_for(choice, {8, 12}, 1, 2))[0].dtype(), DType::bf16);
}

Array turned(const Array& x) {
  Array made(x.dtype(), {x.size(1), x.size(0)});
  for (std::int64_t i = 0; i < x.size(0); ++i) {
    for (std::int64_t k = 0; k < x.size(1); ++k) made.set(k * x.size(0) + i, x.get(i * x.size(1) + k));
  }
  return made;
}

struct ConvCase {
  Sizes x, window;  // batch, channels, axes; of the window
  std::int64_t filters;
  std::vector<std::int64_t> strides, pads, dilations;
};

TEST(SparseLayout, ConvolutionsAreThoseOfTheDenseFilters) {
  const std::vector<ConvCase> cases = {{{2, 3, 5, 7}, {1, 1}, 8, {}, {}, {}},
                                       {{2, 3, 5, 7}, {3, 3}, 8, {1, 2}, {1, 1, 1, 1}, {}},
                                       {{1, 2, 6, 5}, {3, 2}, 5, {2, 1}, {2, 0, 1, 1}, {1, 2}},
                                       {{2, 2, 9}, {3}, 4, {2}, {1, 1}, {}}};
  for (const std::string& text : layouts_to_test()) {
    const LayoutChoice choice = LayoutChoice::parse(text);
    for (const ConvCase& c : cases) {
      const std::int64_t taps = std::accumulate(c.window.begin(), c.window.end(), c.x[1], std::multiplies<>());
      SCOPED_TRACE(text + " " + to_string(c.x) + " " + to_string(c.window));
      const Sizes size{c.filters, taps};
      Operands given{{random_matrix(DType::f64, c.x, 1)}, attributes_of(choice, {size[0], size[1]})};
      const auto components = packed(choice, random_matrix(DType::f64, size, 2), mask_for(choice, size, 0.4, 3));
      given.arrays.insert(given.arrays.end(), components.begin(), components.end());
      const Attributes windows{{"strides", c.strides}, {"pads", c.pads}, {"dilations", c.dilations}};
      given.attributes.insert(windows.begin(), windows.end());
      given.attributes["window"] = Shape(c.window.begin(), c.window.end());
      Sizes filters{c.filters, c.x[1]};
      filters.insert(filters.end(), c.window.begin(), c.window.end());
      const Operands dense{{given.arrays[0], testing::unpack(choice, components, size).reshape(filters)}, windows};
      const Array y = interpret(graph_of(choice.layout->op("conv"), given), given.arrays)[0];
      expect_close(y, interpret(graph_of("conv", dense), dense.arrays)[0], 1e-12, text);

      const Array dy = random_matrix(DType::f64, y.sizes(), 5);
      Operands input = given, dense_input{{dy, dense.arrays[1]}, windows};
      input.arrays[0] = dy;
      input.attributes["input_size"] = dense_input.attributes["input_size"] = Shape(c.x.begin() + 2, c.x.end());
      expect_close(interpret(graph_of(choice.layout->op("conv_input"), input), input.arrays)[0],
                   interpret(graph_of("conv_input_gradient", dense_input), dense_input.arrays)[0], 1e-12, text + " input");

      Operands sample = given, dense_sample{{given.arrays[0], dy}, windows};
      sample.arrays.erase(sample.arrays.begin() + 1);
      sample.arrays.insert(sample.arrays.begin(), dy);
      dense_sample.attributes["kernel_size"] = given.attributes["window"];
      const Array whole = interpret(graph_of("conv_weight_gradient", dense_sample), dense_sample.arrays)[0].reshape(size);
      Operands take{{components.begin() + 1, components.end()}, attributes_of(choice, {size[0], size[1]})};
      take.arrays.insert(take.arrays.begin(), whole);
      expect_close(interpret(graph_of(choice.layout->op("conv_sample"), sample), sample.arrays)[0],
                   interpret(graph_of(choice.layout->op("take"), take), take.arrays)[0], 1e-12, text + " filters");
    }
  }
}

TEST(SparseLayout, FeaturesFirstIsTheSameTurned) {
  for (const std::string& text : layouts_to_test()) {
    const LayoutChoice choice = LayoutChoice::parse(text);
    for (const bool transposed : {false, true}) {
      SCOPED_TRACE(text + (transposed ? " transposed" : ""));
      const Operands given = operands(choice, "matmul", {7, 13}, 3, DType::f64, transposed, true);
      Operands last = given;
      last.attributes["features_first"] = false;
      last.arrays[0] = turned(given.arrays[0]);
      const std::string op = choice.layout->op("matmul");
      expect_close(interpret(graph_of(op, given), given.arrays)[0], turned(interpret(graph_of(op, last), last.arrays)[0]), 1e-12, text);
      testing::check_call(op, given.arrays, given.attributes, 1);
      Operands batch = given;  // three rows as one batch of three
      Sizes sizes = given.arrays[0].sizes();
      sizes.insert(sizes.begin(), 1);
      batch.arrays[0] = given.arrays[0].reshape(sizes);
      const Array y = interpret(graph_of(op, given), given.arrays)[0], z = interpret(graph_of(op, batch), batch.arrays)[0];
      EXPECT_EQ(z.sizes(), (Sizes{1, 3, y.size(1)}));
      EXPECT_TRUE(same_bits(z.reshape(y.sizes()), y));
      testing::check_call(op, batch.arrays, batch.attributes, 1);
    }
  }
}

TEST(SparseLayout, SamplesAreElementsOfTheDenseProduct) {
  for (const std::string& text : layouts_to_test()) {
    const LayoutChoice choice = LayoutChoice::parse(text);
    for (const Sizes& sizes : matrix_sizes) {
      SCOPED_TRACE(text + " " + to_string(sizes));
      const Operands given = operands(choice, "sample", sizes, 3, DType::f64, false);
      Array transposed(DType::f64, {3, sizes[1]});
      for (std::int64_t c = 0; c < sizes[1]; ++c) {
        for (std::int64_t f = 0; f < 3; ++f) transposed.set(f * sizes[1] + c, given.arrays[1].get(c * 3 + f));
      }
      Operands take{given.arrays, given.attributes};
      take.arrays.erase(take.arrays.begin());
      take.arrays[0] = product(given.arrays[0], false, transposed);
      expect_close(interpret(graph_of(choice.layout->op("sample"), given), given.arrays)[0],
                   interpret(graph_of(choice.layout->op("take"), take), take.arrays)[0], 1e-12, text);
    }
  }
}

// All in one graph, so that the compilers are called once a level.
TEST(SparseLayout, CompiledAsInterpreted) {
  Graph graph;
  std::vector<Array> inputs;
  std::vector<std::string> names;
  for (const std::string& text : layouts_to_test()) {
    const LayoutChoice choice = LayoutChoice::parse(text);
    const auto add = [&](const std::string& what, bool transposed, bool features_first) {
      const Operands given = operands(choice, what, {19, 26}, 17, DType::f32, transposed, features_first);
      append(graph, choice.layout->op(what), given);
      inputs.insert(inputs.end(), given.arrays.begin(), given.arrays.end());
      names.push_back(text + " " + what + (transposed ? " transposed" : "") + (features_first ? " features first" : ""));
    };
    for (const char* what : {"dense", "take", "sample"}) add(what, false, false);
    for (const int way : {0, 1, 2, 3}) add("matmul", way % 2 == 1, way / 2 == 1);
  }
  const std::vector<Array> wanted = interpret(graph, inputs);
  for (const int level : {0, 4}) testing::expect_compiled(graph, level, inputs, wanted, names);
}

TEST(SparseLayout, GradientsAgreeWithDifferences) {
  for (const std::string& text : layouts_to_test()) {
    const LayoutChoice choice = LayoutChoice::parse(text);
    for (const char* what : {"dense", "take", "matmul", "sample"}) {
      SCOPED_TRACE(text + " " + what);
      const Operands given = operands(choice, what, {5, 7}, 2, DType::f64, false);
      testing::check_call(choice.layout->op(what), given.arrays, given.attributes);
    }
  }
}

TEST(SparseLayout, GradientsOfConvolutionsAgreeWithDifferences) {
  for (const std::string text : {"csr", "nmg n=1 m=2 g=1", "blocks r=2 c=2"}) {
    const LayoutChoice choice = LayoutChoice::parse(text);
    const Sizes size{4, 8};
    const std::vector<Array> components = packed(choice, random_matrix(DType::f64, size, 2), mask_for(choice, size, 0.5, 3));
    const Array x = random_matrix(DType::f64, {1, 2, 3, 4}, 1), dy = random_matrix(DType::f64, {1, 4, 2, 5}, 4);
    const std::vector<std::pair<const char*, std::vector<Array>>> cases = {{"conv", {x}}, {"conv_input", {dy}}, {"conv_sample", {dy, x}}};
    for (const auto& [what, front] : cases) {
      SCOPED_TRACE(text + " " + what);
      Operands given{front, attributes_of(choice, {4, 8})};
      given.arrays.insert(given.arrays.end(), components.begin() + (front.size() == 2 ? 1 : 0), components.end());
      given.attributes["window"] = Shape{2, 2};
      given.attributes["pads"] = std::vector<std::int64_t>{0, 1, 0, 1};
      if (std::string_view(what) == "conv_input") given.attributes["input_size"] = Shape{3, 4};
      testing::check_call(choice.layout->op(what), given.arrays, given.attributes);
    }
  }
}

TEST(SparseLayout, NothingIsMultipliedThatIsNotStored) {
  for (const std::string& text : layouts_to_test()) {
    if (text == "masked") continue;  // the dense product of a choice
    const LayoutChoice choice = LayoutChoice::parse(text);
    const Sizes sizes{6, 7};
    Array mask = mask_for(choice, sizes, 0.4, 3);
    Operands given{choice.layout->pack(random_matrix(DType::f64, sizes, 4), mask, choice.parameters), attributes_of(choice, {6, 7})};
    const Array dense = testing::unpack(choice, given.arrays, sizes);
    Array x = Array::full(DType::f64, {7, 1}, 1);
    x.set(3, INFINITY);
    given.arrays.insert(given.arrays.begin(), x);
    const Array y = interpret(graph_of(choice.layout->op("matmul"), given), given.arrays)[0];
    for (std::int64_t r = 0; r < 6; ++r) {
      const bool stored = mask.get(r * 7 + 3) != 0, in_block = choice.layout->name == "blocks";
      if (stored && dense.get(r * 7 + 3) != 0) {
        EXPECT_FALSE(std::isfinite(y.get(r))) << text << " row " << r;
      } else if (!stored && !in_block) {
        EXPECT_TRUE(std::isfinite(y.get(r))) << text << " row " << r;
      }
    }
  }
}

TEST(Patterns, FollowEachOtherByOneExchange) {
  for (const auto& [n, m] : std::vector<std::pair<int, int>>{{1, 1}, {1, 4}, {2, 4}, {4, 4}, {3, 7}, {2, 8}, {4, 8}, {1, 10}}) {
    const auto& patterns = kept_row_patterns(n, m);
    std::set<KeptRows> different(patterns.begin(), patterns.end());
    EXPECT_EQ(different.size(), patterns.size());
    for (std::size_t p = 0; p < patterns.size(); ++p) {
      ASSERT_EQ(static_cast<int>(patterns[p].size()), n);
      EXPECT_TRUE(std::is_sorted(patterns[p].begin(), patterns[p].end()));
      if (p == 0) continue;
      std::vector<int> gone;
      std::set_difference(patterns[p - 1].begin(), patterns[p - 1].end(), patterns[p].begin(), patterns[p].end(), std::back_inserter(gone));
      EXPECT_EQ(gone.size(), 1u) << n << ":" << m << " pattern " << p;
    }
  }
}

}  // namespace
}  // namespace neap::sparse_layout_test
