// Every layout that is registered, with numbers, sizes and patterns that are drawn: a new one is tested without being listed.
#include <gtest/gtest.h>

#include <random>

#include "neap/ops/interpreter.h"
#include "tests/autodiff/differences.h"
#include "tests/layouts/compiled.h"
#include "tests/layouts/matrices.h"
#include "tests/support/results.h"

namespace neap::random_layouts_test {
namespace {

using testing::masked;
using testing::random_matrix;

// A matrix in a layout.
struct Drawn {
  LayoutChoice choice;
  Sizes sizes;
  Array dense, mask;
  std::vector<Array> components = {};
  Attributes attributes = {};

  std::string op(std::string_view what) const { return choice.layout->op(what); }
  std::string text() const { return choice.to_string() + " " + to_string(sizes); }
};

class Draw {
 public:
  explicit Draw(unsigned seed) : random_(seed) {}

  Drawn matrix(const SparseLayout& layout, std::int64_t least, std::int64_t most, DType dtype) {
    Drawn drawn{numbers(layout), {size(least, most), size(least, most)}, {}, {}};
    drawn.dense = random_matrix(dtype, drawn.sizes, seed());
    drawn.mask = testing::mask_for(drawn.choice, drawn.sizes, 1, seed());
    thin_out(drawn.mask);
    drawn.components = layout.pack(drawn.dense, drawn.mask, drawn.choice.parameters);
    drawn.attributes = attributes_of(drawn.choice, Shape(drawn.sizes.begin(), drawn.sizes.end()));
    return drawn;
  }
  std::int64_t below(std::int64_t count) { return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(count)); }
  unsigned seed() { return static_cast<unsigned>(random_()); }

 private:
  std::int64_t size(std::int64_t least, std::int64_t most) {
    constexpr std::int64_t small = 100;
    return below(8) == 0 && least < small ? std::max<std::int64_t>(least, 1) : least + below(most - least + 1);
  }

  LayoutChoice numbers(const SparseLayout& layout) {
    LayoutChoice choice{&layout, {}};
    for (const ChoiceNumber& number : layout.numbers) {
      constexpr double largest = 5;
      const auto from = static_cast<std::int64_t>(number.least), to = static_cast<std::int64_t>(std::min(number.most, largest));
      choice.parameters[number.name] = from + below(to - from + 1);
    }
    const auto n = choice.parameters.find("n"), m = choice.parameters.find("m");  // n of m
    if (n != choice.parameters.end() && m != choice.parameters.end() &&
        std::get<std::int64_t>(n->second) > std::get<std::int64_t>(m->second))
      std::swap(n->second, m->second);
    return choice;
  }

  // Leaves of what a mask keeps: nothing, all, some, some rows, some columns.
  void thin_out(Array& mask) {
    const std::int64_t kind = below(6), part = 1 + below(9), columns = std::max<std::int64_t>(1, mask.size(1));
    const unsigned lines = seed();
    for (std::int64_t i = 0; i < mask.count(); ++i) {
      const std::int64_t line = kind == 3 ? i / columns : i % columns;
      const bool stays = kind == 0   ? false
                         : kind == 1 ? true
                         : kind == 2 ? below(10) < part
                                     : (lines >> (line % 31) & 1U) != 0 && below(10) < 9;
      if (!stays) mask.set(i, 0);
    }
  }

  std::mt19937 random_;
};

// test(draw, layout) for every layout, so many times.
template <class Test>
void for_each_layout(int times, Test test) {
  unsigned seed = 0;
  for (const SparseLayout* layout : all_layouts()) {
    for (int i = 0; i < times; ++i) {
      Draw draw(++seed);
      SCOPED_TRACE("seed " + std::to_string(seed));
      test(draw, *layout);
    }
  }
}

struct Called {
  std::string op;
  std::vector<Array> operands;
  Attributes attributes;
};

Array run(const Called& called) {
  Graph graph;
  Builder build(graph);
  std::vector<Var> inputs;
  for (const Array& operand : called.operands) inputs.push_back(build.input("x" + std::to_string(inputs.size()), type_of(operand)));
  graph.add_output(build.call(called.op, inputs, called.attributes).id(), "y");
  return interpret(graph, called.operands)[0];
}

// A call of one of the layout's operators: dense operands, then components from the first that it takes.
Called call_of(const Drawn& drawn, const std::string& what, std::vector<Array> front, std::size_t first, bool transposed = false,
               bool features_first = false) {
  Called called{drawn.op(what), std::move(front), drawn.attributes};
  called.operands.insert(called.operands.end(), drawn.components.begin() + static_cast<std::ptrdiff_t>(first), drawn.components.end());
  if (what == "matmul") called.attributes["transpose"] = transposed;
  if (what == "matmul") called.attributes["features_first"] = features_first;
  return called;
}

// The product with the transpose of x or without, of dense matrices.
Array product(const Array& a, bool transpose_a, const Array& b, bool transpose_b) {
  return run({"matmul", {a, b}, {{"transpose_a", transpose_a}, {"transpose_b", transpose_b}}});
}

TEST(RandomLayouts, StoreWhatTheyAreGiven) {
  constexpr std::array dtypes = {DType::f32, DType::f64, DType::bf16};
  for_each_layout(60, [&](Draw& draw, const SparseLayout& layout) {
    const Drawn drawn = draw.matrix(layout, 0, 24, dtypes[static_cast<std::size_t>(draw.below(3))]);
    SCOPED_TRACE(drawn.text());
    layout.check(drawn.components, drawn.sizes, drawn.choice.parameters);
    EXPECT_TRUE(same_bits(testing::unpack(drawn.choice, drawn.components, drawn.sizes), masked(drawn.dense, drawn.mask)));
    EXPECT_EQ(LayoutChoice::parse(drawn.choice.to_string()).to_string(), drawn.choice.to_string());
  });
}

// So many elements that threads pack parts of the rows.
TEST(RandomLayouts, LargeMatricesAreStoredInParts) {
  for_each_layout(1, [](Draw& draw, const SparseLayout& layout) {
    const Drawn drawn = draw.matrix(layout, 500, 600, DType::f32);
    SCOPED_TRACE(drawn.text());
    layout.check(drawn.components, drawn.sizes, drawn.choice.parameters);
    EXPECT_TRUE(same_bits(testing::unpack(drawn.choice, drawn.components, drawn.sizes), masked(drawn.dense, drawn.mask)));
  });
}

TEST(RandomLayouts, OperatorsAreThoseOfTheDenseMatrix) {
  for_each_layout(30, [](Draw& draw, const SparseLayout& layout) {
    const Drawn drawn = draw.matrix(layout, 0, 20, DType::f64);
    SCOPED_TRACE(drawn.text());
    const std::int64_t rows = drawn.sizes[0], columns = drawn.sizes[1], features = draw.below(4);
    const Array dense = masked(drawn.dense, drawn.mask);
    for (const bool transposed : {false, true}) {
      const std::int64_t elements = transposed ? rows : columns;
      const Array x = random_matrix(DType::f64, {elements, features}, draw.seed());
      expect_close(run(call_of(drawn, "matmul", {x}, 0, transposed)), product(dense, transposed, x, false), 1e-12, "matmul");
      const Array first = random_matrix(DType::f64, {features + 1, elements}, draw.seed());
      expect_close(run(call_of(drawn, "matmul", {first}, 0, transposed, true)), product(first, false, dense, !transposed), 1e-12,
                   "features first");
    }
    // What is stored of a matrix: itself where a matrix of ones is 1.
    std::vector<Array> ones = drawn.components;
    ones[0] = Array::full(DType::f64, ones[0].sizes(), 1);
    const Array other = random_matrix(DType::f64, drawn.sizes, draw.seed()), stored = testing::unpack(drawn.choice, ones, drawn.sizes);
    for (std::int64_t i = 0; i < stored.count(); ++i)
      ASSERT_TRUE(stored.get(i) == 1 || (stored.get(i) == 0 && drawn.mask.get(i) == 0)) << i;
    std::vector<Array> taken = drawn.components;
    taken[0] = run(call_of(drawn, "take", {other}, 1));
    EXPECT_TRUE(same_bits(testing::unpack(drawn.choice, taken, drawn.sizes), masked(other, stored)));
    const Array a = random_matrix(DType::f64, {rows, features}, draw.seed()),
                b = random_matrix(DType::f64, {columns, features}, draw.seed());
    expect_close(run(call_of(drawn, "sample", {a, b}, 1)), run(call_of(drawn, "take", {product(a, false, b, true)}, 1)), 1e-12, "sample");
  });
}

TEST(RandomLayouts, GradientsAgreeWithDifferences) {
  for_each_layout(4, [](Draw& draw, const SparseLayout& layout) {
    const Drawn drawn = draw.matrix(layout, 1, 5, DType::f64);
    SCOPED_TRACE(drawn.text());
    const std::int64_t rows = drawn.sizes[0], columns = drawn.sizes[1];
    const bool transposed = draw.below(2) == 0;
    const auto random = [&](const Sizes& sizes) { return random_matrix(DType::f64, sizes, draw.seed()); };
    for (const Called& called : {call_of(drawn, "dense", {}, 0), call_of(drawn, "take", {random(drawn.sizes)}, 1),
                                 call_of(drawn, "matmul", {random({transposed ? rows : columns, 2})}, 0, transposed),
                                 call_of(drawn, "sample", {random({rows, 2}), random({columns, 2})}, 1)}) {
      SCOPED_TRACE(called.op);
      testing::check_call(called.op, called.operands, called.attributes);
    }
  });
}

// All in one graph, so that the compiler is called once.
TEST(RandomLayouts, CompiledAsInterpreted) {
  Graph graph;
  Builder build(graph);
  std::vector<Array> inputs;
  std::vector<std::string> names;
  const auto add = [&](const Drawn& drawn, const Called& called) {
    std::vector<Var> operands;
    for (const Array& operand : called.operands) {
      operands.push_back(build.input("x" + std::to_string(inputs.size()), type_of(operand)));
      inputs.push_back(operand);
    }
    names.push_back(drawn.text() + " " + called.op);
    graph.add_output(build.call(called.op, operands, called.attributes).id(), "y" + std::to_string(names.size()));
  };
  for_each_layout(2, [&](Draw& draw, const SparseLayout& layout) {
    const Drawn drawn = draw.matrix(layout, 0, 24, DType::f32);
    const std::int64_t rows = drawn.sizes[0], columns = drawn.sizes[1];
    const auto random = [&](const Sizes& sizes) { return random_matrix(DType::f32, sizes, draw.seed()); };
    add(drawn, call_of(drawn, "dense", {}, 0));
    add(drawn, call_of(drawn, "take", {random(drawn.sizes)}, 1));
    add(drawn, call_of(drawn, "matmul", {random({columns, 9})}, 0, false));
    add(drawn, call_of(drawn, "matmul", {random({9, rows})}, 0, true, true));
    add(drawn, call_of(drawn, "sample", {random({rows, 9}), random({columns, 9})}, 1));
  });
  testing::expect_compiled(graph, highest_level, inputs, interpret(graph, inputs), names);
}

}  // namespace
}  // namespace neap::random_layouts_test
