// The registered implementations against the operators' definitions.
#include <gtest/gtest.h>

#include "neap/runtime/executable.h"
#include "tests/layouts/matrices.h"
#include "tests/library/library_check.h"

namespace neap::sparse_matmul_test {
namespace {

using testing::mask_for;
using testing::random_matrix;

// The call of one of a layout's operators with x (or a and b, or nothing) given, on a random matrix.
LibraryCase case_of(const std::string& layout, const std::string& what, const Sizes& size, std::int64_t features, bool transposed,
                    DType values = DType::f32) {
  const LayoutChoice choice = LayoutChoice::parse(layout);
  const Array mask = mask_for(choice, size, 0.4, 1);
  std::vector<Array> components = choice.layout->pack(random_matrix(values, size, 2), mask, choice.parameters), front;
  if (what == "sample") {
    front = {random_matrix(DType::f32, {size[0], features}, 3), random_matrix(DType::f32, {size[1], features}, 4)};
    components.erase(components.begin());
  } else if (what == "take") {
    front = {random_matrix(DType::f32, size, 5)};
    components.erase(components.begin());
  } else if (what != "dense") {
    front = {random_matrix(DType::f32, {size[transposed ? 0 : 1], features}, 5)};
  }
  front.insert(front.end(), components.begin(), components.end());
  LibraryCase made{.op = choice.layout->op(what), .attributes = attributes_of(choice, Shape(size.begin(), size.end()))};
  if (what == "matmul") made.attributes["transpose"] = transposed;
  for (const Array& array : front) {
    made.inputs.push_back(Type{array.dtype(), Shape(array.sizes().begin(), array.sizes().end()), {}}.to_string());
    made.given.emplace_back(array);
  }
  made.implementation = "native";
  return made;
}

TEST(SparseMatmul, AsDefined) {
  for (const std::string layout :
       {"nmg n=2 m=4 g=2", "nmg n=1 m=3 g=4", "nmg n=3 m=5 g=1", "blocks r=4 c=1", "blocks r=1 c=3", "blocks r=2 c=2", "csr"}) {
    for (const Sizes& size : {Sizes{8, 12}, {7, 13}, {1, 1}, {0, 4}, {4, 0}, {33, 70}}) {
      check_library(case_of(layout, "dense", size, 0, false));
      check_library(case_of(layout, "take", size, 0, false));
      for (const std::int64_t features : {1, 20}) {
        check_library(case_of(layout, "matmul", size, features, false));
        check_library(case_of(layout, "matmul", size, features, true));
        check_library(case_of(layout, "sample", size, features, false));
      }
    }
  }
}

// Layouts without a product of their own.
TEST(SparseMatmul, MadeDenseAndTakenAsDefined) {
  for (const std::string layout : {"csc", "nm n=2 m=4", "nm n=1 m=5", "ell", "coo"}) {
    for (const Sizes& size : {Sizes{8, 12}, {7, 13}, {1, 1}, {0, 4}, {4, 0}, {33, 70}, {700, 300}}) {
      check_library(case_of(layout, "dense", size, 0, false));
      check_library(case_of(layout, "take", size, 0, false));
    }
  }
}

// Places that rise nowhere, or stand twice, are what the definition takes them for.
TEST(SparseMatmul, PlacesInNoOrderAreMadeDenseAsDefined) {
  for (const auto& [layout, place] : {std::pair<std::string, std::size_t>{"csc", 2}, {"coo", 1}, {"coo", 2}, {"ell", 1}}) {
    for (const Sizes& size : {Sizes{33, 70}, {700, 300}}) {
      LibraryCase c = case_of(layout, "dense", size, 0, false);
      Array places = c.given[place]->clone();
      const std::int64_t limit = std::min(size[0], size[1]);
      for (std::int64_t i = 0; i < places.count(); ++i) places.set_int(i, places.get_int(i) < 0 ? -1 : i * i * 31 % limit);
      c.given[place] = places;
      check_library(c);
    }
  }
}

// A layer's input has axes ahead of its features.
TEST(SparseMatmul, FeaturesFirst) {
  for (const std::string layout : {"nmg n=2 m=4 g=2", "blocks r=4 c=1", "csr"}) {
    for (const Sizes& front : {Sizes{5}, {3, 7}, {2, 1, 11}, {0, 3}}) {
      for (const bool transposed : {false, true}) {
        LibraryCase c = case_of(layout, "matmul", {33, 70}, 1, transposed);
        Sizes sizes = front;
        sizes.push_back(transposed ? 33 : 70);
        const Array x = random_matrix(DType::f32, sizes, 6);
        c.attributes["features_first"] = true;
        c.inputs[0] = Type{DType::f32, Shape(sizes.begin(), sizes.end()), {}}.to_string();
        c.given[0] = x;
        check_library(c);
      }
    }
  }
}

// What is said of a product with one component changed; nothing where it is taken.
std::string run_natively(LibraryCase c, std::size_t input, const std::function<void(Array&)>& change) {
  Array changed = c.given[input]->clone();
  change(changed);
  c.given[input] = changed;
  try {
    LibraryRun(c).run();
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

TEST(SparseMatmul, PlacesOutsideAreRefused) {
  const auto refused = [](const std::string& layout, bool transposed, std::size_t input, std::int64_t value, const std::string& part) {
    const std::string said = run_natively(case_of(layout, "matmul", {33, 70}, 40, transposed), input,
                                          [&](Array& places) { places.set_int(places.count() / 2, value); });
    EXPECT_NE(said.find(part), std::string::npos) << layout << ": " << said;
  };
  for (const std::int64_t bad : {-1, 70, 1 << 30}) {
    refused("csr", false, 3, bad, "names places outside of it");
    refused("blocks r=4 c=1", false, 3, bad, "names places outside of it");
  }
  for (const std::int64_t bad : {-1, 1 << 20}) {
    refused("csr", false, 2, bad, "names places outside of it");
    refused("csr", true, 5, bad, "names places outside of it");
    refused("csr", true, 6, bad, "names none of its");
  }
  refused("nmg n=2 m=4 g=2", false, 2, 12, "is not in 0 .. 11");
  refused("nmg n=2 m=4 g=2", false, 2, -1, "is not in 0 .. 11");
  for (const auto& [layout, place, bad, part] :
       {std::tuple<std::string, std::size_t, std::int64_t, std::string>{"csc", 1, -1, "names places outside of it"},
        {"csc", 2, 33, "names places outside of it"},
        {"coo", 1, 33, "rows of a sparse matrix are not all 0 or more and below 33"},
        {"coo", 2, -1, "columns of a sparse matrix are not all 0 or more and below 70"},
        {"ell", 1, 70, "columns of a sparse matrix are not all below 70"},
        {"nm n=2 m=4", 1, 4, "rows within their groups of a sparse matrix are not all 0 or more and below 4"},
        {"nm n=2 m=4", 1, -1, "rows within their groups of a sparse matrix are not all 0 or more and below 4"}}) {
    const std::string said = run_natively(case_of(layout, "dense", {33, 70}, 0, false), place,
                                          [&, value = bad](Array& places) { places.set_int(places.count() / 2, value); });
    EXPECT_NE(said.find(part), std::string::npos) << layout << ": " << said;
  }
  const std::string said = run_natively(case_of("blocks r=4 c=1", "dense", {33, 70}, 0, false), 2, [](Array& at) { at.set_int(0, 70); });
  EXPECT_NE(said.find("names places outside of it"), std::string::npos) << said;
}

// Values are taken for every place, so each has to be a row's.
TEST(SparseMatmul, PlacesWithoutARowAreRefusedWhereValuesAreTaken) {
  for (const std::string layout : {"csr", "blocks r=4 c=1"}) {
    for (const auto& [what, offsets] : {std::pair<std::string, std::size_t>{"take", 1}, {"sample", 2}}) {
      const std::function<void(Array&)> late = [](Array& at) { at.set_int(0, 1); };
      const std::function<void(Array&)> short_of_all = [](Array& at) { at.set_int(at.count() - 1, at.get_int(at.count() - 2)); };
      for (const auto& change : {late, short_of_all}) {
        const std::string said = run_natively(case_of(layout, what, {33, 70}, 40, false), offsets, change);
        EXPECT_NE(said.find("others would have no value"), std::string::npos) << layout << " " << what << ": " << said;
      }
    }
  }
}

// Edges of a graph may stand in any order within a row: columns beyond a tile's then come ahead of its own.
TEST(SparseMatmul, EdgesInAnyOrder) {
  const std::int64_t rows = 12, columns = 9000, entries = 12 * 300;
  Array offsets(DType::i64, {rows + 1}), at(DType::i32, {entries});
  for (std::int64_t r = 0; r <= rows; ++r) offsets.set_int(r, r * 300);
  for (std::int64_t e = 0; e < entries; ++e) at.set_int(e, (e * 7919 + 13) % columns);
  LibraryCase c{.op = "spmm"};
  for (const Array& array :
       {random_matrix(DType::f32, {columns, 80}, 1), random_matrix(DType::f32, {entries, 1}, 2).reshape({entries}), offsets, at}) {
    c.inputs.push_back(Type{array.dtype(), Shape(array.sizes().begin(), array.sizes().end()), {}}.to_string());
    c.given.emplace_back(array);
  }
  c.implementation = "native";
  check_library(c);
}

// Stored as bf16, computed in f32: no more is lost than storing loses.
TEST(SparseMatmul, NarrowValues) {
  for (const std::string layout : {"nmg n=2 m=4 g=2", "nmg n=1 m=3 g=4", "blocks r=4 c=1", "blocks r=2 c=2", "csr"}) {
    for (const bool transposed : {false, true}) check_library(case_of(layout, "matmul", {33, 70}, 20, transposed, DType::bf16));
  }
}

struct ConvCase {
  Sizes x, window;
  std::int64_t filters;
  std::vector<std::int64_t> strides, pads, dilations;
};

Sizes result_of(const ConvCase& c) {
  Sizes sizes{c.x[0], c.filters};
  for (std::size_t i = 0; i < 2; ++i) {
    const auto of = [&](const std::vector<std::int64_t>& given, std::size_t at, std::int64_t other) {
      return given.empty() ? other : given[at];
    };
    const std::int64_t reach = (c.window[i] - 1) * of(c.dilations, i, 1) + 1;
    sizes.push_back((c.x[i + 2] + of(c.pads, i, 0) + of(c.pads, i + 2, 0) - reach) / of(c.strides, i, 1) + 1);
  }
  return sizes;
}

TEST(SparseMatmul, Convolutions) {
  const std::vector<ConvCase> cases = {{{3, 8, 5, 7}, {1, 1}, 24, {}, {}, {}},
                                       {{2, 5, 9, 11}, {3, 3}, 12, {}, {1, 1, 1, 1}, {}},
                                       {{2, 3, 13, 12}, {3, 5}, 9, {2, 3}, {2, 1, 0, 4}, {2, 1}},
                                       {{1, 4, 6, 6}, {1, 1}, 8, {}, {0, 0, 2, 0}, {}},
                                       {{1, 4, 6, 6}, {1, 1}, 8, {2, 2}, {}, {}},
                                       {{1, 2, 2, 3}, {3, 3}, 4, {}, {4, 5, 4, 5}, {}},
                                       {{0, 2, 4, 4}, {3, 3}, 4, {}, {}, {}}};
  for (const std::string layout :
       {"nmg n=2 m=4 g=2", "nmg n=1 m=3 g=4", "blocks r=4 c=1", "csr", "csr values=bf16", "nmg n=2 m=4 g=1 values=bf16"}) {
    const LayoutChoice choice = LayoutChoice::parse(layout);
    for (const ConvCase& c : cases) {
      const Sizes size{c.filters, c.x[1] * c.window[0] * c.window[1]};
      const std::vector<Array> components = choice.pack(random_matrix(DType::f32, size, 2), mask_for(choice, size, 0.4, 1));
      const Array x = random_matrix(DType::f32, c.x, 5), dy = random_matrix(DType::f32, result_of(c), 6);
      const std::vector<std::pair<const char*, std::vector<Array>>> calls = {{"conv", {x}}, {"conv_input", {dy}}, {"conv_sample", {dy, x}}};
      for (const auto& [what, front] : calls) {
        const bool samples = front.size() == 2;
        if (samples && choice.values) continue;  // gradients are f32
        LibraryCase made{.op = choice.layout->op(what), .attributes = attributes_of(choice, {size[0], size[1]})};
        made.attributes["window"] = Shape(c.window.begin(), c.window.end());
        made.attributes["strides"] = c.strides;
        made.attributes["pads"] = c.pads;
        made.attributes["dilations"] = c.dilations;
        if (std::string_view(what) == "conv_input") made.attributes["input_size"] = Shape(c.x.begin() + 2, c.x.end());
        std::vector<Array> arrays = front;
        arrays.insert(arrays.end(), components.begin() + (samples ? 1 : 0), components.end());
        for (const Array& array : arrays) {
          made.inputs.push_back(Type{array.dtype(), Shape(array.sizes().begin(), array.sizes().end()), {}}.to_string());
          made.given.emplace_back(array);
        }
        made.implementation = "native";
        SCOPED_TRACE(layout + " " + what + " " + to_string(c.x));
        check_library(made);
      }
    }
  }
}

TEST(SparseMatmul, SeveralPanels) {
  for (const bool transposed : {false, true}) check_library(case_of("csr", "matmul", {33, 50}, 70, transposed));
}

TEST(SparseMatmul, PrunedRows) {
  const LayoutChoice choice = LayoutChoice::parse("csr");
  const Sizes size{31, 47};
  std::vector<Array> arrays = choice.layout->pack(random_matrix(DType::f32, size, 2), mask_for(choice, size, 0.3, 1), {});
  arrays.insert(arrays.begin(), random_matrix(DType::f32, {size[1], 21}, 5));
  LibraryCase spmm{.op = "spmm", .implementation = "native"};
  for (const Array& array : arrays) {
    spmm.inputs.push_back(Type{array.dtype(), Shape(array.sizes().begin(), array.sizes().end()), {}}.to_string());
    spmm.given.emplace_back(array);
  }
  check_library(spmm);
}

// A product with an epilogue as the right side of %0[r, f] = ..., in which @0 stands for the product so far; b has an element a row.
Graph product_graph(const std::string& value, bool features_first) {
  const std::string result = features_first ? "f32[21,7]" : "f32[7,21]", axes = features_first ? "f:21 r:7" : "r:7 f:21";
  return parse_graph("graph main {\n  input x : " + std::string(features_first ? "f32[21,13]" : "f32[13,21]") + R"(
  input v : f32[2,3,6,1,2]
  input i : i16[2,3,6,1]
  input p : i8[6,2]
  input b : f32[7]
  input q : )" + result +
                     "\n  %0 = nmg_matmul(x, v, i, p, b, q) features_first=" + (features_first ? "true" : "false") +
                     " g=1 m=4 n=2 size=[7,13] : " + result + "  library native  epilogue 4 " + axes + " { %0[" +
                     (features_first ? "f, r" : "r, f") + "] = " + value + " }\n  output y = %0\n}");
}

TEST(SparseMatmul, Epilogues) {
  const LayoutChoice choice = LayoutChoice::parse("nmg n=2 m=4 g=1");
  const std::vector<Array> components =
      choice.layout->pack(random_matrix(DType::f32, {7, 13}, 2), mask_for(choice, {7, 13}, 1, 1), choice.parameters);
  for (const bool first : {false, true}) {
    const std::string y = first ? "@0[f, r]" : "@0[r, f]", sum = "(" + y + " + b[r])", whole = first ? "q[f, r]" : "q[r, f]";
    const Sizes x_sizes = first ? Sizes{21, 13} : Sizes{13, 21}, y_sizes = first ? Sizes{21, 7} : Sizes{7, 21};
    const std::vector<Array> inputs{
        random_matrix(DType::f32, x_sizes, 3), components[0], components[1], components[2], random_matrix(DType::f32, {7}, 4),
        random_matrix(DType::f32, y_sizes, 5)};
    for (const std::string& value : {sum, "max(" + y + ", 0.0)", "max(" + sum + ", 0.0)", sum + " * sigmoid(" + sum + ")"}) {
      const Graph graph = product_graph(value, first);
      SCOPED_TRACE(to_string(graph));
      verify(graph);
      expect_close(Executable(graph).run(inputs)[0], interpret(graph, inputs)[0], 2e-5, value);
    }
    for (const std::string& value : {y + " * 2.0", "max(" + y + ", 0.0) + b[r]", y + " + " + whole, "tanh(" + y + ")"}) {
      const Graph graph = product_graph(value, first);
      const Node& node = *graph.nodes()[0];
      const std::vector<Type> operands{graph.type(node.inputs[4]), graph.type(node.inputs[5])};
      EXPECT_EQ(find_implementation(node.op, "native")
                    .refuses_epilogue(make_call(graph, node), *node.epilogue, operands, graph.type(node.outputs[0])),
                "takes a bias of the matrix's rows, and then relu, gelu or swish, only")
          << value;
    }
  }
}

std::string refusal(const LibraryCase& c) {
  const LibraryRun run(c);
  const Call call = make_call(run.graph, *run.graph.nodes().back());
  return run.implementation->refuses(call, run.types, run.outputs);
}

TEST(SparseMatmul, Refusals) {
  LibraryCase c = case_of("nmg n=2 m=4 g=1", "matmul", {8, 12}, 3, false);
  EXPECT_EQ(refusal(c), "");
  c.output_layout = "ba";
  EXPECT_EQ(refusal(c), "takes row-major values only");
  const LibraryCase edges{.op = "spmm", .inputs = {"f32[1000, 8]", "f32[4000]", "i64[1001]", "i32[4000]"}, .implementation = "native"};
  EXPECT_EQ(refusal(edges), "takes matrices of known sizes and few columns only, of which a fiftieth is stored");
  EXPECT_EQ(refusal(case_of("nmg n=2 m=4 g=1", "matmul", {8, 12}, 3, false, DType::f16)), "takes f32 only, and values of bf16");
  c = case_of("csr", "matmul", {8, 12}, 3, false);
  EXPECT_EQ(refusal(c), "");
  c.attributes["size"] = Shape{8, 100000};
  c.inputs[0] = "f32[100000, 3]";
  c.inputs[4] = "i64[100001]";
  EXPECT_EQ(refusal(c), "takes matrices of known sizes and few columns only, of which a two-hundredth is stored");
}

TEST(SparseMatmul, ForeignPatterns) {
  LibraryCase c = case_of("nmg n=2 m=4 g=1", "matmul", {8, 12}, 3, false);
  c.given[3]->set_int(0, 3);
  const LibraryRun run(c);
  try {
    run.run();
    FAIL() << "it was taken";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("pattern 0 is not that of 2:4"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace neap::sparse_matmul_test
