// Valid models, damaged in thousands of ways, by bytes and by structure: each is read or refused, quickly and in little memory. Seeds are
// the calls of tests/shapes, written as ONNX.
#include <gtest/gtest.h>
#include <onnx.pb.h>
#include <sys/resource.h>

#include <chrono>
#include <random>

#include "neap/onnx/onnx.h"
#include "tests/onnx/models.h"
#include "tests/support/cases.h"

namespace neap::mutation_test {
namespace {

using Random = std::mt19937_64;
constexpr std::int64_t absurd[] = {0, -1, 1, 2, 7, 1 << 20, std::int64_t{1} << 31, std::int64_t{1} << 40, INT64_MAX, INT64_MIN};

std::size_t below(Random& random, std::size_t n) { return n == 0 ? 0 : random() % n; }
std::int64_t absurd_number(Random& random) { return absurd[below(random, std::size(absurd))]; }

std::vector<std::string> seeds() {
  std::vector<std::string> all;
  for (const testing::Case& one : testing::read_cases()) {
    try {
      all.push_back(onnx_bytes(testing::graph_of(one)));
    } catch (const Error&) {  // not in ONNX
    }
  }
  // Sizes that are computed, branches and loops.
  testing::OnnxModel sizes;
  sizes.input("x", {"N", 6, "W"}).output("y").constant("minus", Array::of<std::int64_t>({-1}));
  sizes.node("Slice", {"s", "zero", "two"}, {"t"});
  sizes.constant("zero", Array::of<std::int64_t>({0})).constant("two", Array::of<std::int64_t>({2}));
  sizes.node("Shape", {"x"}, {"s"});
  testing::set(sizes.node("Concat", {"t", "minus"}, {"u"}), "axis", 0);
  sizes.node("Reshape", {"x", "u"}, {"y"});
  testing::OnnxModel loop;
  loop.input("x", {2}).output("y").constant("n", Array::scalar<std::int64_t>(3)).constant("go", Array::scalar(true));
  onnx::GraphProto& body = testing::set_graph(loop.node("Loop", {"n", "go", "x"}, {"y"}), "body");
  for (const char* name : {"i", "c", "a"}) body.add_input()->set_name(name);
  for (const char* name : {"c", "b"}) body.add_output()->set_name(name);
  onnx::NodeProto& add = *body.add_node();
  add.set_op_type("Add");
  add.add_input("a");
  add.add_input("x");
  add.add_output("b");
  for (int i = 0; i < 20; ++i) {
    all.push_back(sizes.bytes());
    all.push_back(loop.bytes());
  }
  return all;
}

std::string damaged_bytes(std::string bytes, Random& random) {
  const std::size_t changes = 1 + below(random, 3);
  for (std::size_t i = 0; i < changes && !bytes.empty(); ++i) {
    const std::size_t at = below(random, bytes.size());
    switch (below(random, 4)) {
      case 0:
        bytes.resize(at);
        break;
      case 1:
        bytes.insert(at, 1, static_cast<char>(random()));
        break;
      case 2:
        bytes.erase(at, 1 + below(random, 4));
        break;
      default:
        bytes[at] = static_cast<char>(random());
    }
  }
  return bytes;
}

void damage_attribute(onnx::AttributeProto& attribute, Random& random) {
  switch (below(random, 5)) {
    case 0:
      attribute.set_i(absurd_number(random));
      break;
    case 1:
      attribute.add_ints(absurd_number(random));
      break;
    case 2:
      for (auto& one : *attribute.mutable_ints()) one = absurd_number(random);
      break;
    case 3:
      attribute.set_type(static_cast<onnx::AttributeProto::AttributeType>(below(random, 12)));
      break;
    default:
      attribute.set_name("axis");
  }
}

void damage_tensor(onnx::TensorProto& tensor, Random& random) {
  switch (below(random, 4)) {
    case 0:
      tensor.add_dims(absurd_number(random));
      break;
    case 1:
      if (tensor.dims_size() > 0)
        tensor.set_dims(static_cast<int>(below(random, static_cast<std::size_t>(tensor.dims_size()))), absurd_number(random));
      break;
    case 2:
      tensor.set_data_type(static_cast<int>(below(random, 20)));
      break;
    default: {  // other elements: sizes, axes, indices
      std::string& raw = *tensor.mutable_raw_data();
      const std::int64_t number = absurd_number(random);
      if (raw.size() >= sizeof number)
        raw.replace(below(random, raw.size() / sizeof number) * sizeof number, sizeof number, reinterpret_cast<const char*>(&number),
                    sizeof number);
    }
  }
}

void damage_node(onnx::GraphProto& graph, Random& random) {
  static const std::vector<std::string> types{"Reshape", "Expand", "Tile", "Concat", "Slice",   "Gather", "Conv", "MaxPool",
                                              "Resize",  "Split",  "Pad",  "TopK",   "OneHot",  "Range",  "Loop", "If",
                                              "Scan",    "Einsum", "Sum",  "LSTM",   "Softmax", "Gemm",   "Size", "Unsqueeze"};
  onnx::NodeProto& node = *graph.mutable_node(static_cast<int>(below(random, static_cast<std::size_t>(graph.node_size()))));
  const auto some_name = [&]() -> std::string {
    const onnx::NodeProto& other = graph.node(static_cast<int>(below(random, static_cast<std::size_t>(graph.node_size()))));
    return other.output_size() > 0 && below(random, 2) == 0 ? other.output(0) : graph.input_size() > 0 ? graph.input(0).name() : "";
  };
  switch (below(random, 6)) {
    case 0:
      node.set_op_type(types[below(random, types.size())]);
      break;
    case 1:
      if (node.input_size() > 0) node.set_input(static_cast<int>(below(random, static_cast<std::size_t>(node.input_size()))), some_name());
      break;
    case 2:
      node.add_input(some_name());
      break;
    case 3:
      node.add_output("more");
      break;
    case 4:
      if (node.input_size() > 0) node.mutable_input()->RemoveLast();
      break;
    default:
      if (node.attribute_size() > 0)
        damage_attribute(*node.mutable_attribute(static_cast<int>(below(random, static_cast<std::size_t>(node.attribute_size())))), random);
  }
}

void damage_input(onnx::ValueInfoProto& input, Random& random) {
  auto& tensor = *input.mutable_type()->mutable_tensor_type();
  auto& shape = *tensor.mutable_shape();
  switch (below(random, 4)) {
    case 0:
      tensor.set_elem_type(static_cast<int>(below(random, 20)));
      break;
    case 1:
      shape.add_dim()->set_dim_value(absurd_number(random));
      break;
    case 2:
      if (shape.dim_size() > 0)
        shape.mutable_dim(static_cast<int>(below(random, static_cast<std::size_t>(shape.dim_size()))))
            ->set_dim_value(absurd_number(random));
      break;
    default:
      if (shape.dim_size() > 0) shape.mutable_dim(0)->set_dim_param("N");
  }
}

std::string damaged_structure(const std::string& bytes, Random& random) {
  onnx::ModelProto model;
  EXPECT_TRUE(model.ParseFromString(bytes));
  onnx::GraphProto& graph = *model.mutable_graph();
  const std::size_t changes = 1 + below(random, 3);
  for (std::size_t i = 0; i < changes; ++i) {
    const std::size_t kind = below(random, 8);
    if (kind < 4 && graph.node_size() > 0) {
      damage_node(graph, random);
    } else if (kind < 6 && graph.initializer_size() > 0) {
      damage_tensor(*graph.mutable_initializer(static_cast<int>(below(random, static_cast<std::size_t>(graph.initializer_size())))),
                    random);
    } else if (kind == 6 && graph.input_size() > 0) {
      damage_input(*graph.mutable_input(static_cast<int>(below(random, static_cast<std::size_t>(graph.input_size())))), random);
    } else if (kind == 7) {
      model.mutable_opset_import(0)->set_version(static_cast<std::int64_t>(below(random, 22)));
    }
  }
  return model.SerializeAsString();
}

std::int64_t peak_megabytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss / 1024;
}

void read_damaged(const std::function<std::string(const std::string&, Random&)>& damage, int count) {
  const std::vector<std::string> models = seeds();
  Random random(20240607);
  int read = 0, refused = 0;
  const std::int64_t before = peak_megabytes();
  for (int i = 0; i < count; ++i) {
    const std::string bytes = damage(models[below(random, models.size())], random);
    const auto start = std::chrono::steady_clock::now();
    try {
      const Graph graph = read_onnx_bytes(bytes, "/nonexistent");
      verify(graph, Level::operators);
      ++read;
    } catch (const Error& error) {
      EXPECT_EQ(std::string(error.what()).find("broke a promise"), std::string::npos) << "mutation " << i << ": " << error.what();
      ++refused;
    } catch (const std::exception& error) {
      ADD_FAILURE() << "mutation " << i << ": " << error.what();
    }
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5)) << "mutation " << i;
  }
  EXPECT_LT(peak_megabytes() - before, 1000);
  fmt::print("{} read, {} refused, {} MB more at the peak\n", read, refused, peak_megabytes() - before);
}

TEST(Mutations, OfBytes) { read_damaged(damaged_bytes, 4000); }
TEST(Mutations, OfStructure) { read_damaged(damaged_structure, 6000); }

}  // namespace
}  // namespace neap::mutation_test
