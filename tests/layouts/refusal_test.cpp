// What layouts refuse: masks that they cannot store, and components that nobody packed.
#include <gtest/gtest.h>

#include "tests/layouts/matrices.h"
#include "tests/support/expect_error.h"

namespace neap::refusal_test {
namespace {

using testing::mask_for;
using testing::random_matrix;

TEST(LayoutChoice, RefusesWhatThereIsNot) {
  EXPECT_NE(error_of([] { LayoutChoice::parse("quad"); }).find("one of blocks, coo, csc, csr, ell, masked, nm, nmg"), std::string::npos);
  EXPECT_EQ(problem_of([] { LayoutChoice::parse(""); }), "no layout is named");
  EXPECT_EQ(problem_of([] { LayoutChoice::parse("nmg n=2 q=4"); }), "nmg has no number 'q'");
  EXPECT_EQ(problem_of([] { LayoutChoice::parse("nmg n=0"); }), "n = 0 is outside 1 to 64");
  EXPECT_EQ(problem_of([] { LayoutChoice::parse("nmg n=two"); }), "'two' is not a number");
  EXPECT_EQ(problem_of([] { LayoutChoice::parse("nmg n"); }), "'' is not a number");
  EXPECT_EQ(problem_of([] { LayoutChoice::parse("csr values=f64"); }), "values are not stored as 'f64'");
}

std::string packing_problem(const std::string& layout, const Array& dense, const Array& mask) {
  const LayoutChoice choice = LayoutChoice::parse(layout);
  return problem_of([&] { choice.layout->pack(dense, mask, choice.parameters); });
}

TEST(SparseLayout, RefusesMasksThatItCannotStore) {
  const Array dense = random_matrix(DType::f32, {8, 6}, 1), all = Array::full(DType::boolean, {8, 6}, 1);
  EXPECT_EQ(packing_problem("csr", random_matrix(DType::f32, {8}, 1), all), "a matrix is wanted, not [8]");
  EXPECT_EQ(packing_problem("csr", dense, Array::full(DType::boolean, {6, 8}, 1)), "the mask is bool[6,8], the matrix [8,6]");
  EXPECT_EQ(packing_problem("csr", dense, Array::full(DType::f32, {8, 6}, 1)), "the mask is f32[8,6], the matrix [8,6]");
  Array wild = all.clone();  // bytes of a file, say
  wild.raw()[47] = static_cast<std::byte>(0xFE);
  for (const std::string& layout : testing::layouts_to_test())
    EXPECT_EQ(packing_problem(layout, dense, wild), "the mask has bytes that are neither 0 nor 1") << layout;
  EXPECT_EQ(packing_problem("nm n=2 m=4", dense, all), "the mask is not 2:4: rows 0 to 3 of column 0 keep more");
  EXPECT_EQ(packing_problem("nm n=5 m=4", dense, all), "5 of 4 rows cannot be kept");
  EXPECT_EQ(packing_problem("nmg n=2 m=4 g=1", dense, all), "the mask is not 2:4 in groups of 1: rows 0 to 3, columns 0 to 5");
  EXPECT_EQ(packing_problem("nmg n=5 m=4 g=1", dense, all), "5 of 4 rows cannot be kept");
  EXPECT_EQ(packing_problem("nmg n=8 m=16 g=1", dense, all), "8:16 has more than 1024 patterns");
  // Chunks that would be padding nearly throughout.
  EXPECT_EQ(packing_problem("nmg n=6 m=12 g=65536", dense, all), "a chunk of 6:12:65536 is 60555264 columns, 65536 are the most");
  EXPECT_EQ(packing_problem("nmg n=1 m=1 g=65536", random_matrix(DType::f32, {1000, 1}, 1), Array::full(DType::boolean, {1000, 1}, 1)),
            "1 columns in chunks of 65536 are 65536000 values for a matrix of 1000");
  Array uneven = Array::zeros(DType::boolean, {8, 6});  // 2:4, but all columns of one pattern
  for (std::int64_t c = 0; c < 6; ++c) {
    uneven.set(c, 1);
    uneven.set(6 + c, 1);
  }
  EXPECT_EQ(packing_problem("nm n=2 m=4", dense, uneven), "");
  EXPECT_EQ(packing_problem("nmg n=2 m=4 g=1", dense, uneven), "the mask is not 2:4 in groups of 1: rows 0 to 3, columns 0 to 5");
}

// The problem of components of a packed 9 x 11 matrix of which one element was changed.
std::string component_problem(const std::string& layout, std::size_t component, std::int64_t element, std::int64_t value) {
  const LayoutChoice choice = LayoutChoice::parse(layout);
  const Sizes sizes{9, 11};
  auto components = choice.layout->pack(random_matrix(DType::f32, sizes, 1), mask_for(choice, sizes, 0.5, 2), choice.parameters);
  components[component].set_int(element, value);
  return problem_of([&] { choice.layout->check(components, sizes, choice.parameters); });
}

TEST(SparseLayout, FindsComponentsThatNobodyPacked) {
  EXPECT_EQ(component_problem("csr", 1, 0, 1), "offsets: they do not go from 0 to 49");
  EXPECT_EQ(component_problem("csr", 1, 4, 0), "offsets: element 4 is smaller than the one before");
  EXPECT_EQ(component_problem("csr", 1, 4, 1000), "offsets: element 4 is 1000, outside of 0 to 49");
  EXPECT_EQ(component_problem("csr", 2, 3, 11), "columns: element 3 is 11, outside of 0 to 10");
  EXPECT_EQ(component_problem("csr", 2, 1, -1), "columns: element 1 is -1, outside of 0 to 10");
  EXPECT_EQ(component_problem("csr", 5, 0, 1), "t_order: element 0 is not where rows and columns say");
  EXPECT_EQ(component_problem("csc", 2, 1, 0), "rows: element 1 is not larger than the one before it in its row");
  EXPECT_EQ(component_problem("coo", 1, 5, 0), "rows: element 5 does not come after the one before it");
  EXPECT_EQ(component_problem("ell", 1, 0, -2), "columns: element 0 is -2, outside of -1 to 10");
  EXPECT_EQ(component_problem("blocks r=4 c=1", 2, 0, 11), "columns: element 0 is 11, outside of 0 to 10");
  EXPECT_EQ(component_problem("nm n=2 m=4", 1, 0, 4), "rows: element 0 is 4, outside of 0 to 3");
  EXPECT_EQ(component_problem("nmg n=2 m=4 g=1", 1, 0, 6), "index: element 0 is 6, outside of 0 to 5");
  EXPECT_EQ(component_problem("nmg n=2 m=4 g=1", 2, 0, 3), "patterns: they are not those of 2:4");
}

// Random graphs found blocks of no rows, by which a size was divided.
TEST(SparseLayout, RefusesNumbersOutOfBounds) {
  int tried = 0;
  for (const SparseLayout* layout : all_layouts()) {
    for (const ChoiceNumber& number : layout->numbers) {
      for (const Operator* op : all_operators()) {
        if (!op->name.starts_with(layout->name + "_")) continue;
        Graph graph;
        Builder build(graph);
        const std::vector<Var> operands(op->inputs.size(), build.input("x", {DType::boolean, {4, 6}, {}}));
        Attributes attributes{{number.name, static_cast<std::int64_t>(number.least) - 1}};
        for (const AttributeSpec& spec : op->attributes) {
          if (spec.required) attributes[spec.name] = spec.name == "size" ? Shape{4, 6} : spec.default_value;
        }
        EXPECT_EQ(problem_of([&] { build.call(op->name, operands, attributes); }),
                  fmt::format("{}: {} = {} is outside {} to {}", op->name, number.name, number.least - 1, number.least, number.most));
        ++tried;
      }
    }
  }
  EXPECT_GT(tried, 20);
}

// What csr_sample is given for a and b, beside a list of four rows' columns.
std::string sample_problem(const Shape& a, const Shape& b) {
  return problem_of([&] {
    Graph graph;
    Builder build(graph);
    std::vector<Var> operands{build.input("a", {DType::f32, a, {}}), build.input("b", {DType::f32, b, {}})};
    const std::int64_t lists[] = {5, 7, 7, 7, 7};
    for (const std::int64_t size : lists) operands.push_back(build.input(fmt::format("x{}", operands.size()), {DType::i32, {size}, {}}));
    build.call("csr_sample", operands, {{"size", Shape{4, 6}}});
  });
}

TEST(SparseLayout, RefusesSampledFactorsOfOtherSizes) {
  EXPECT_EQ(sample_problem({4, 3}, {6, 3}), "");
  EXPECT_EQ(sample_problem({4}, {6, 3}), "csr_sample: operand 0 is f32[4], it has features and elements");
  EXPECT_EQ(sample_problem({4, 3}, {6}), "csr_sample: operand 1 is f32[6], it has features and elements");
  EXPECT_EQ(sample_problem({5, 3}, {6, 3}), "csr_sample: operand 0 is f32[5,3], the matrix has 4 there");
}

// Of an operator whose operands are x and a matrix that is stored so.
std::string call_problem(const char* op, const char* layout, const Sizes& x, const Sizes& matrix, const Attributes& more) {
  const LayoutChoice choice = LayoutChoice::parse(layout);
  std::vector<Array> operands = choice.pack(random_matrix(DType::f32, matrix, 1), mask_for(choice, matrix, 0.5, 2));
  operands.insert(operands.begin(), random_matrix(DType::f32, x, 3));
  return problem_of([&] {
    Graph graph;
    Builder build(graph);
    std::vector<Var> inputs;
    for (const Array& array : operands) inputs.push_back(build.input("x" + std::to_string(inputs.size()), type_of(array)));
    Attributes attributes = attributes_of(choice, Shape(matrix.begin(), matrix.end()));
    attributes.insert(more.begin(), more.end());
    build.call(op, inputs, attributes);
  });
}

std::string conv_problem(const Sizes& x, const Shape& window, std::int64_t columns, const char* op = "csr_conv",
                         const Shape& input_size = {}) {
  Attributes more{{"window", window}};
  if (!input_size.empty()) more["input_size"] = input_size;
  return call_problem(op, "csr", x, {4, columns}, more);
}

TEST(SparseLayout, RefusesFactorsOfOtherSizes) {
  for (const std::string layout : {"csr", "coo", "blocks r=4 c=1"}) {
    const std::string op = layout.substr(0, layout.find(' ')) + "_matmul";
    const auto problem = [&](const Sizes& x, bool features_first) {
      return call_problem(op.c_str(), layout.c_str(), x, {4, 6}, {{"features_first", features_first}});
    };
    EXPECT_EQ(problem({6, 3}, false), "");
    EXPECT_EQ(problem({2, 3, 6}, true), "");
    EXPECT_EQ(problem({6}, false), op + ": operand 0 is f32[6], it has features and elements");
    EXPECT_EQ(problem({}, true), op + ": operand 0 is f32[], it has features and elements");
    EXPECT_EQ(problem({5, 3}, false), op + ": operand 0 is f32[5,3], the matrix has 6 there");
  }
}

TEST(SparseLayout, RefusesFiltersOfOtherSizes) {
  EXPECT_EQ(conv_problem({2, 3, 5, 5}, {3, 3}, 27), "");
  EXPECT_EQ(conv_problem({2, 3, 5, 5}, {3}, 9), "csr_conv: x is [2,3,5,5], the window has 1 axes");
  EXPECT_EQ(conv_problem({2, 2, 5, 5}, {3, 3}, 27), "csr_conv: the matrix is [4,27], x has 2 channels");
  EXPECT_EQ(conv_problem({2, 4, 3, 3}, {3, 3}, 27, "csr_conv_input", {5, 5}), "");
  EXPECT_EQ(conv_problem({2, 4, 3, 3}, {3, 3}, 27, "csr_conv_input", {6, 5}),
            "csr_conv_input: dy is f32[2,4,3,3], the convolution gives [2,4,4,3]");
  EXPECT_EQ(conv_problem({2, 4, 3, 3}, {3, 3}, 28, "csr_conv_input", {5, 5}), "csr_conv_input: the matrix is [4,28], the window [3,3]");
  EXPECT_EQ(conv_problem({2, 4, 3, 3}, {3, 3}, 27, "csr_conv_input", {5}), "csr_conv_input: x is [2,3,5], the window has 2 axes");
}

// Of a layout's operator: f32 operands of these sizes, then what is given of the components.
struct OperatorCase {
  const char* what;
  std::vector<Sizes> front;
  Attributes more = {};
};
std::string problem_of_components(const LayoutChoice& choice, const OperatorCase& of, const std::vector<Array>& components,
                                  const Shape& size) {
  return problem_of([&] {
    Graph graph;
    Builder build(graph);
    std::vector<Var> operands;
    const auto add = [&](const Type& type) { operands.push_back(build.input("x" + std::to_string(operands.size()), type)); };
    for (const Sizes& sizes : of.front) add({DType::f32, {sizes.begin(), sizes.end()}, {}});
    for (const Array& component : components) add(type_of(component));
    Attributes attributes = attributes_of(choice, size);
    attributes.insert(of.more.begin(), of.more.end());
    build.call(choice.layout->op(of.what), operands, attributes);
  });
}

// Kernels and native calls take sizes from the attribute: places of another matrix would be read past their ends.
TEST(SparseLayout, RefusesPlacesOfOtherMatrices) {
  const std::vector<OperatorCase> cases = {{"dense", {}},
                                           {"matmul", {{18, 3}}},
                                           {"conv", {{2, 2, 5, 5}}, {{"window", Shape{3, 3}}}},
                                           {"conv_input", {{2, 8, 3, 3}}, {{"window", Shape{3, 3}}, {"input_size", Shape{5, 5}}}}};
  for (const std::string& text : testing::layouts_to_test()) {
    const LayoutChoice choice = LayoutChoice::parse(text);
    const Sizes sizes{8, 18};
    const auto components = choice.pack(random_matrix(DType::f32, sizes, 1), mask_for(choice, sizes, 0.5, 2));
    for (const OperatorCase& one : cases) {
      EXPECT_EQ(problem_of_components(choice, one, components, {8, 18}), "") << text << " " << one.what;
      for (std::size_t k = 1; k < components.size(); ++k) {
        for (int axis = 0; axis < components[k].rank(); ++axis) {
          for (const std::int64_t change : {-1, 1}) {
            auto other = components;
            Sizes changed = components[k].sizes();
            changed[static_cast<std::size_t>(axis)] += change;
            other[k] = Array::zeros(components[k].dtype(), changed);
            EXPECT_NE(problem_of_components(choice, one, other, {8, 18}), "") << text << " " << one.what << " component " << k;
          }
        }
      }
    }
  }
}

TEST(SparseLayout, SaysWhichPlacesAreOfAnotherMatrix) {
  const auto problem = [](const char* layout, const OperatorCase& of, const Shape& size) {
    const LayoutChoice choice = LayoutChoice::parse(layout);
    auto components = choice.pack(random_matrix(DType::f32, {4, 6}, 1), mask_for(choice, {4, 6}, 0.5, 2));
    const std::string what = of.what;
    if (what == "take" || what.ends_with("sample")) components.erase(components.begin());
    return problem_of_components(choice, of, components, size);
  };
  EXPECT_EQ(problem("csr", {"dense", {}}, {1000000, 6}), "csr_dense: offsets: sizes are [5], not [1000001]");
  EXPECT_EQ(problem("csr", {"sample", {{4, 3}, {5, 3}}}, {4, 5}), "csr_sample: t_offsets: sizes are [7], not [6]");
  EXPECT_EQ(problem("blocks r=2 c=1", {"matmul", {{6, 2}}}, {4000000, 6}), "blocks_matmul: offsets: sizes are [3], not [2000001]");
  EXPECT_EQ(problem("blocks r=2 c=1", {"sample", {{8, 3}, {6, 3}}}, {8, 6}), "blocks_sample: offsets: sizes are [3], not [5]");
  const char* const nmg = "nmg n=2 m=4 g=1";
  EXPECT_EQ(problem(nmg, {"matmul", {{6, 2}}}, {4000000, 6}), "nmg_matmul: index: sizes are [1,1,6,1], not [1000000,1,6,1]");
  EXPECT_EQ(problem(nmg, {"take", {{40, 60}}}, {40, 60}), "nmg_take: index: sizes are [1,1,6,1], not [10,10,6,1]");
  EXPECT_EQ(problem(nmg, {"sample", {{4, 3}, {12, 3}}}, {4, 12}), "nmg_sample: index: sizes are [1,1,6,1], not [1,2,6,1]");
  EXPECT_EQ(problem(nmg, {"conv_sample", {{2, 8, 3, 3}, {2, 6, 3, 3}}, {{"window", Shape{1, 1}}}}, {8, 6}),
            "nmg_conv_sample: index: sizes are [1,1,6,1], not [2,1,6,1]");
  EXPECT_EQ(problem("csr", {"dense", {}}, {4, 6, 1}), "csr_dense: size has two numbers");
}

// A weight for each feature would be taken by the definition of spmm, not by csr's own kernels.
TEST(SparseLayout, RefusesSeveralValuesAPlace) {
  const LayoutChoice choice = LayoutChoice::parse("csr");
  auto components = choice.pack(random_matrix(DType::f32, {4, 6}, 1), Array::full(DType::boolean, {4, 6}, 1));
  components[0] = Array::zeros(DType::f32, {24, 3});
  EXPECT_EQ(problem_of_components(choice, {"matmul", {{6, 3}}}, components, {4, 6}),
            "csr_matmul: values are f32[24,3], the places are of [24]");
}

TEST(SparseLayout, RefusesMasksOfOtherSizes) {
  const auto problem = [](const char* mask, const Shape& size) {
    return problem_of([&] {
      Graph graph;
      Builder build(graph);
      build.call("masked_dense", {build.input("v", Type::parse("f32[2,3,1,1]")), build.input("m", Type::parse(mask))}, {{"size", size}});
    });
  };
  EXPECT_EQ(problem("bool[2,3,1,1]", {2, 3, 1, 1}), "");
  EXPECT_EQ(problem("bool[2,3]", {2, 3}), "masked_dense: values: sizes are [2,3,1,1], not [2,3]");
  EXPECT_EQ(problem("bool[2,3]", {2, 3, 1, 1}), "masked_dense: mask: sizes are [2,3], not [2,3,1,1]");
  EXPECT_EQ(problem("f32[2,3,1,1]", {2, 3, 1, 1}), "masked_dense: the mask is f32");
}

TEST(SparseLayout, FindsComponentsOfOtherSizes) {
  for (const std::string& text : testing::layouts_to_test()) {
    const LayoutChoice choice = LayoutChoice::parse(text);
    const Sizes sizes{9, 11};
    const auto components = choice.layout->pack(random_matrix(DType::f32, sizes, 1), mask_for(choice, sizes, 0.5, 2), choice.parameters);
    const auto problem = [&](const std::vector<Array>& given, const Sizes& of) {
      return problem_of([&] { choice.layout->check(given, of, choice.parameters); });
    };
    EXPECT_EQ(problem(components, sizes), "") << text;
    EXPECT_NE(problem({components.begin(), components.end() - 1}, sizes), "") << text;
    EXPECT_NE(problem(components, {900, 1100}).empty(), text != "coo") << text;  // coordinates fit into any larger matrix
    EXPECT_NE(problem(components, {3, 4}), "") << text;
    for (std::size_t k = 0; k < components.size(); ++k) {
      auto cut = components;
      cut[k] = Array::zeros(cut[k].dtype(), {1, 2, 3});
      EXPECT_NE(problem(cut, sizes), "") << text << " component " << k;
    }
  }
}

}  // namespace
}  // namespace neap::refusal_test
