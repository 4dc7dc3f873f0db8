// The layout `auto`: which layouts fit a mask, and that the cheapest of them is taken.
#include "neap/sparse/auto_layout.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "neap/nn/linear.h"
#include "neap/sparse/plan.h"
#include "tests/support/expect_error.h"

namespace neap::sparse::auto_layout_test {
namespace {

Array waves(const Sizes& sizes) {
  Array made(DType::f32, sizes);
  for (std::int64_t i = 0; i < made.count(); ++i) made.set(i, std::sin(static_cast<double>(i * i % 1009)) + 0.001);
  return made;
}

std::vector<std::string> fitting(std::string_view layout, std::string_view sparsifier, const Sizes& sizes) {
  const Array weights = waves(sizes);
  const SparseLayout& of = find_layout(layout);
  std::vector<std::string> all;
  for (const Attributes& one : of.fits(SparsifierChoice::parse(sparsifier).keep({.weights = weights, .place = "here"})))
    all.push_back(LayoutChoice{&of, one}.to_string());
  return all;
}

TEST(AutoLayout, WhichLayoutsFitAMask) {
  using Texts = std::vector<std::string>;
  const Sizes sizes{24, 96};
  EXPECT_EQ(fitting("csr", "magnitude sparsity=0.5", sizes), Texts{"csr"});
  EXPECT_EQ(fitting("blocks", "magnitude sparsity=0.5", sizes), Texts{});
  EXPECT_EQ(fitting("nmg", "magnitude sparsity=0.5", sizes), Texts{});
  EXPECT_EQ(fitting("nmg", "nm n=2 m=4", sizes), Texts{});  // patterns in no groups
  EXPECT_EQ(fitting("blocks", "blocks sparsity=0.5 r=8 c=1", sizes), (Texts{"blocks r=8 c=1", "blocks r=4 c=1", "blocks r=2 c=1"}));
  EXPECT_EQ(fitting("blocks", "blocks sparsity=0.5 r=4 c=2", {22, 96}), (Texts{"blocks r=4 c=1", "blocks r=2 c=1"}));
  for (const char* text : {"nmg n=2 m=4 g=2", "nmg n=2 m=4 g=5", "nmg n=1 m=8 g=3", "nmg n=1 m=6 g=16"}) {  // the last chunk is cut
    const Texts found = fitting("nmg", text, sizes);
    EXPECT_NE(std::find(found.begin(), found.end(), text), found.end()) << text;
  }
  for (const char* layout : {"csr", "blocks", "nmg"}) {
    EXPECT_NO_THROW(fitting(layout, "keep_all", {1, 1}));
    EXPECT_NO_THROW(fitting(layout, "magnitude sparsity=1", {3, 5}));
    EXPECT_NO_THROW(fitting(layout, "keep_all", {4, 0}));
  }
}

class Net : public Layer {
 public:
  explicit Net(std::int64_t size) : only_(add<Linear>("only", size, size)) {}

 protected:
  Tensor forward(const Tensor& x) override { return only_(x); }

 private:
  Linear& only_;
};

SparsifiedWeight chosen(const std::string& sparsifier, const std::string& layout, std::int64_t size = 512) {
  Net net(size);
  net.initialize(1);
  return sparsify(net, SparsityPlan().add("only.weight", sparsifier, layout)).front();
}

// Where there is no doubt, whatever the machine: few of many elements, in a form that kernels like, and nearly all.
TEST(AutoLayout, TheCheapestIsTaken) {
  const SparsifiedWeight csr = chosen("magnitude sparsity=0.97", "auto"), blocks = chosen("blocks sparsity=0.95 r=4 c=1", "auto open=384");
  EXPECT_EQ(csr.layout, "csr");
  EXPECT_TRUE(blocks.layout.starts_with("blocks")) << blocks.layout;
  EXPECT_EQ(chosen("magnitude sparsity=0.02", "auto").layout, "dense");
  for (const SparsifiedWeight* one : {&csr, &blocks}) {
    ASSERT_GE(one->prices.size(), 2u);
    EXPECT_EQ(one->layout, one->prices.front().first);
    for (std::size_t i = 1; i < one->prices.size(); ++i) EXPECT_GE(one->prices[i].second, one->prices[i - 1].second);
  }
  const SparsifiedWeight grouped = chosen("nmg n=1 m=8 g=16", "auto");
  const auto offered = [&](const std::string& layout) {
    return std::any_of(grouped.prices.begin(), grouped.prices.end(), [&](const auto& price) { return price.first == layout; });
  };
  for (const char* layout : {"dense", "csr", "nmg n=1 m=8 g=16"}) EXPECT_TRUE(offered(layout)) << layout;
  EXPECT_NE(grouped.layout, "dense");
}

// More rows, more work: the prices are of the sizes that were asked for.
TEST(AutoLayout, OpenSizesAreTakenAsTheRuleSays) {
  const auto dense = [](const SparsifiedWeight& one) {
    return std::find_if(one.prices.begin(), one.prices.end(), [](const auto& price) { return price.first == "dense"; })->second;
  };
  EXPECT_GT(dense(chosen("magnitude", "auto open=1024")), 4 * dense(chosen("magnitude", "auto open=32")));
}

// A step's gradients cost something too, and of a sparse weight less where it stores less.
TEST(AutoLayout, OfATrainedWeightStepsArePriced) {
  const auto price = [](const SparsifiedWeight& one, const std::string& layout) {
    return std::find_if(one.prices.begin(), one.prices.end(), [&](const auto& price) { return price.first == layout; })->second;
  };
  const SparsifiedWeight once = chosen("magnitude sparsity=0.98", "auto"), step = chosen("magnitude sparsity=0.98", "auto training=1");
  for (const char* layout : {"dense", "csr"}) EXPECT_GT(price(step, layout), 1.5 * price(once, layout)) << layout;
  EXPECT_EQ(step.layout, "csr");
}

// In a graph the operators that use the weight are priced, through views of it: filters in a convolution, a matrix behind a transpose.
TEST(AutoLayout, PricesAreOfWhatUsesTheWeight) {
  Graph graph;
  Builder build(graph);
  const Var x = build.input("x", {DType::f32, {4, 64, 14, 14}, {}}),
            w = build.input("w", {DType::f32, {64, 64, 3, 3}, {}}, Role::parameter);
  const Var v = build.input("v", {DType::f32, {196, 64}, {}}, Role::parameter);
  const Var made = build.call("conv", {x, w}, {{"pads", std::vector<std::int64_t>{1, 1, 1, 1}}});
  graph.add_output(build.call("matmul", {reshape(made, {4, 64, 196}), transpose(transpose(v, {1, 0}), {1, 0})}).id(), "y");
  const Graph filters = *uses_of(graph, graph.inputs[1]), matrix = *uses_of(graph, graph.inputs[2]);
  EXPECT_EQ(filters.nodes().size(), 1u);
  EXPECT_EQ(filters.nodes()[0]->op, "conv");
  EXPECT_EQ(matrix.nodes().size(), 3u);
  EXPECT_EQ(matrix.nodes()[2]->op, "matmul");
  verify(filters);
  verify(matrix);
  std::map<std::string, Array> parameters{{"w", waves({64, 64, 3, 3})}, {"v", waves({196, 64})}};
  const auto reports = sparsify(graph, parameters, SparsityPlan().add("w", "blocks sparsity=0.95 r=4 c=1", "auto"));
  EXPECT_TRUE(reports[0].layout.starts_with("blocks")) << reports[0].layout;
  EXPECT_TRUE(parameters.contains("w.values"));
  verify(graph);
}

TEST(AutoLayout, PlansSayIt) {
  const SparsityPlan plan =
      SparsityPlan().add("a*", "magnitude", "auto").add("b", "nm", "auto open=7 training=1").add("*", "magnitude", "coo");
  const SparsityPlan again = SparsityPlan::parse_json(plan.to_json(), "here");
  EXPECT_EQ(again.to_json(), plan.to_json());
  EXPECT_EQ(again.weights[0].layout_text(), "auto open=128");
  EXPECT_EQ(again.weights[1].layout_text(), "auto open=7 training=1");
  EXPECT_EQ(problem_of([] { SparsityPlan().add("a", "magnitude", "auto open=0"); }), "open = 0 is outside 1 to 1073741824");
  EXPECT_EQ(problem_of([] { SparsityPlan().add("a", "magnitude", "auto rows=3"); }), "auto has no number 'rows'");
  const SparsityPlan settled = plan.settled({{.name = "a1", .layout = "csr", .rule = 0},
                                             {.name = "a2", .layout = "dense", .rule = 0},
                                             {.name = "c", .layout = "coo", .rule = 2}});  // `b` took nothing
  ASSERT_EQ(settled.weights.size(), 3u);
  EXPECT_EQ(settled.weights[0].names, "a1");
  EXPECT_EQ(settled.weights[1].layout_text(), "dense");
  EXPECT_EQ(settled.weights[2].layout_text(), "coo");
}

// A layout takes part by its own file.
const SparseLayout& eager() {
  static const RegisterLayout one{[] {
    SparseLayout layout = find_layout("coo");
    layout.name = "eager";
    layout.fits = [](const Array&) { return std::vector<Attributes>(1); };
    return layout;
  }()};
  return find_layout("eager");
}

TEST(AutoLayout, AnotherLayoutTakesPart) {
  eager();
  const SparsifiedWeight one = chosen("magnitude sparsity=0.9", "auto", 64);
  EXPECT_TRUE(std::any_of(one.prices.begin(), one.prices.end(), [](const auto& price) { return price.first == "eager"; }));
}

}  // namespace
}  // namespace neap::sparse::auto_layout_test
