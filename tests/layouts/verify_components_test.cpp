// Components in constants of graphs from outside that no layout could have packed.
#include "neap/layouts/verify_components.h"

#include <gtest/gtest.h>

#include "tests/layouts/matrices.h"
#include "tests/support/expect_error.h"

namespace neap::verify_components_test {
namespace {

using testing::mask_for;
using testing::random_matrix;

// Of a 9 x 12 matrix; `given`: values are an input.
struct Stored {
  LayoutChoice choice;
  std::vector<Array> components;
  bool given = false;

  explicit Stored(const std::string& layout) : choice(LayoutChoice::parse(layout)) {
    components = choice.pack(random_matrix(DType::f32, {9, 12}, 1), mask_for(choice, {9, 12}, 0.5, 2));
  }
  // Of the operator `what`, whose front operands have these sizes.
  void verify(const char* what, const std::vector<Sizes>& front, const Attributes& more = {}) const {
    Graph graph;
    Builder build(graph);
    std::vector<Var> operands;
    for (const Sizes& sizes : front)
      operands.push_back(build.input("x" + std::to_string(operands.size()), {DType::f32, {sizes.begin(), sizes.end()}, {}}));
    const std::string kind = what;
    const bool takes_values = kind != "take" && !kind.ends_with("sample");
    for (std::size_t k = takes_values ? 0 : 1; k < components.size(); ++k)
      operands.push_back(k == 0 && given ? build.input("values", type_of(components[0])) : build.constant(components[k]));
    Attributes attributes = attributes_of(choice, {9, 12});
    attributes.insert(more.begin(), more.end());
    graph.add_output(build.call(choice.layout->op(what), operands, attributes).id(), "y");
    verify_components(graph);
  }
};

// The problem where an element of one component is another, and the error names the node and that component's constant.
std::string problem_with(const std::string& layout, std::size_t component, std::int64_t element, std::int64_t value) {
  Stored stored(layout);
  stored.components[component].set_int(element, value);
  try {
    stored.verify("dense", {});
  } catch (const Error& error) {
    const std::string op = stored.choice.layout->op("dense");
    EXPECT_NE(error.place().find(fmt::format(" = {0}, from {0}, in graph main, constant %{1}", op, component)), std::string::npos)
        << error.what();
    return error.problem();
  }
  return "";
}

TEST(VerifyComponents, RefusesWhatNobodyPacked) {
  EXPECT_EQ(problem_with("ell", 1, 0, 12), "columns: element 0 is 12, outside of -1 to 11");
  EXPECT_EQ(problem_with("nm n=2 m=4", 1, 0, 9), "rows: element 0 is 9, outside of 0 to 3");
  EXPECT_EQ(problem_with("coo", 1, 5, 0), "rows: element 5 does not come after the one before it");
  EXPECT_EQ(problem_with("csr", 2, 3, 12), "columns: element 3 is 12, outside of 0 to 11");
  EXPECT_EQ(problem_with("csr", 5, 0, 1), "t_order: element 0 is not where rows and columns say");
  EXPECT_EQ(problem_with("csc", 1, 4, 0), "offsets: element 4 is smaller than the one before");
  EXPECT_EQ(problem_with("blocks r=4 c=1", 2, 0, 12), "columns: element 0 is 12, outside of 0 to 11");
  EXPECT_EQ(problem_with("nmg n=2 m=4 g=1", 2, 0, 3), "patterns: they are not those of 2:4");
  Stored twice("nmg n=2 m=4 g=1");
  twice.components[1].set_int(1, twice.components[1].get_int(0));
  expect_error([&] { twice.verify("dense", {}); }, "index: element 1 names a column that its chunk has already", "constant %1");
}

TEST(VerifyComponents, LooksAtEveryOperatorAndWithoutValues) {
  const Attributes window{{"window", Shape{2, 2}}}, back{{"window", Shape{2, 2}}, {"input_size", Shape{5, 5}}};
  for (const std::string& layout : testing::layouts_to_test()) {
    for (const bool given : {false, true}) {
      Stored stored(layout);
      stored.given = given;
      const auto verify_all = [&](bool whole) {
        const auto one = [&](const char* what, const std::vector<Sizes>& front, const Attributes& more = {}) {
          const std::string problem = problem_of([&] { stored.verify(what, front, more); });
          EXPECT_EQ(problem.empty(), whole) << layout << " " << what << ": " << problem;
        };
        one("dense", {});
        one("take", {{9, 12}});
        one("matmul", {{12, 3}});
        one("sample", {{9, 3}, {12, 3}});
        one("conv", {{2, 3, 5, 5}}, window);
        one("conv_input", {{2, 9, 4, 4}}, back);
        one("conv_sample", {{2, 9, 4, 4}, {2, 3, 5, 5}}, window);
      };
      verify_all(true);
      if (layout == "masked") continue;  // any mask is one
      stored.components[layout == "coo" ? 2 : stored.components.size() > 2 ? 2 : 1].set_int(0, 100);
      verify_all(false);
    }
  }
}

}  // namespace
}  // namespace neap::verify_components_test
