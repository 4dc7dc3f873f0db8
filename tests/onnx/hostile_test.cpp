// Files from strangers: what is wrong is refused by name, within a second, and nothing is allocated that the file does not hold.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>

#include "neap/base/file.h"
#include "neap/onnx/onnx.h"
#include "neap/ops/interpreter.h"
#include "tests/onnx/models.h"
#include "tests/support/expect_error.h"

namespace neap::hostile_test {
namespace {

using testing::OnnxModel;
using testing::set;
using Integers = std::vector<std::int64_t>;

Graph read(const OnnxModel& model, const OnnxReadOptions& options = {}, const std::filesystem::path& folder = ".") {
  return read_onnx_bytes(model.bytes(), folder, options);
}

OnnxModel relu() {
  OnnxModel model;
  model.input("x", {"N", 3}).output("y");
  model.node("Relu", {"x"}, {"y"});
  return model;
}

TEST(Hostile, FilesOfAnotherKind) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "model.onnx";
  expect_error([&] { read_onnx(path); }, "cannot open", "model.onnx");
  write_file(path, "");
  expect_error([&] { read_onnx(path); }, "no graph", "model.onnx");
  write_file(path, "hello, this is no model");
  expect_error([&] { read_onnx(path); }, "not an ONNX model", "model.onnx");
  const std::string bytes = relu().bytes();
  for (std::size_t length = 0; length < bytes.size(); ++length)
    EXPECT_THROW(read_onnx_bytes(bytes.substr(0, length), "."), Error) << length;
}

TEST(Hostile, OpsetsAreNamed) {
  OnnxModel newer(99);
  newer.input("x", {1}).output("y");
  newer.node("Relu", {"x"}, {"y"});
  expect_error([&] { read(newer); }, "opset 99");
}

TEST(Hostile, EverythingUnsupportedIsNamedAtOnce) {
  OnnxModel model(11);
  model.input("x", {1}).output("y").output("z");
  model.node("Nonsense", {"x"}, {"y"}).set_name("first");
  model.node("Rubbish", {"x"}, {"z"}).set_name("second");
  expect_error([&] { read(model); }, "node 'first' ('Nonsense', opset 11)");
  expect_error([&] { read(model); }, "node 'second' ('Rubbish', opset 11)");
}

// By which plans find weights that stand in nodes.
TEST(Hostile, ParametersHaveTheModelsNames) {
  OnnxModel model;
  model.input("x", {"N", 3}).output("y").constant("first", Array::full(DType::f32, {3, 4}, 1));
  auto& value = *model.node("Constant", {}, {"layer.weight"}).add_attribute();
  value.set_name("value");
  value.set_type(onnx::AttributeProto::TENSOR);
  write_tensor(Array::full(DType::f32, {4, 5}, 2), *value.mutable_t());
  model.node("MatMul", {"x", "first"}, {"h"});
  model.node("MatMul", {"h", "layer.weight"}, {"y"});
  std::map<std::string, Array> parameters;
  read(model, {.parameters = &parameters});
  EXPECT_EQ(parameters.size(), 2u);
  EXPECT_TRUE(parameters.contains("first") && parameters.contains("layer.weight"));
}

TEST(Hostile, NamesThatDoNotFit) {
  OnnxModel dangling;
  dangling.output("y");
  dangling.node("Relu", {"nowhere"}, {"y"});
  expect_error([&] { read(dangling); }, "'nowhere' is made by no node", "Relu");

  OnnxModel twice;
  twice.input("x", {1}).output("y");
  twice.node("Relu", {"x"}, {"y"});
  twice.node("Neg", {"x"}, {"y"});
  expect_error([&] { read(twice); }, "two nodes make the value 'y'");

  OnnxModel over;
  over.input("x", {1}).output("x");
  over.node("Relu", {"x"}, {"x"});
  EXPECT_THROW(read(over), Error);

  OnnxModel nothing;
  nothing.input("x", {1}).output("y");
  expect_error([&] { read(nothing); }, "no node makes it", "'y'");

  OnnxModel no_outputs;
  no_outputs.input("x", {1});
  expect_error([&] { read(no_outputs); }, "no outputs");
}

TEST(Hostile, CyclesAreNamed) {
  OnnxModel model;
  model.input("x", {1}).output("y");
  model.node("Add", {"x", "b"}, {"a"}).set_name("round");
  model.node("Add", {"x", "a"}, {"b"});
  model.node("Relu", {"b"}, {"y"});
  expect_error([&] { read(model); }, "cycle", "'round'");
}

TEST(Hostile, NodesInAnyOrderAreSorted) {
  OnnxModel model;
  model.input("x", {2}).output("y");
  model.node("Neg", {"a"}, {"y"});
  model.node("Relu", {"x"}, {"a"});
  EXPECT_EQ(interpret(read(model), {Array::of<float>({-1, 2})})[0].get(1), -2);
}

TEST(Hostile, AbsurdSizes) {
  OnnxModel negative;
  negative.input("x", {-7}).output("y");
  negative.node("Relu", {"x"}, {"y"});
  expect_error([&] { read(negative); }, "axis 0 has size -7", "'x'");

  OnnxModel overflow;
  overflow.input("x", {std::int64_t{1} << 40, std::int64_t{1} << 40}).output("y");
  overflow.node("Relu", {"x"}, {"y"});
  EXPECT_THROW(read(overflow), Error);

  OnnxModel padded;
  padded.input("x", {3}).output("y").constant("pads", Array::of(Integers{std::int64_t{1} << 61, std::int64_t{1} << 61}));
  padded.node("Pad", {"x", "pads"}, {"y"});
  expect_error([&] { read(padded); }, "a size does not fit 63 bits", "node that makes 'y' ('Pad', opset 17)");

  OnnxModel initializer;
  initializer.input("x", {1}).output("y");
  auto& tensor = *initializer.proto.mutable_graph()->add_initializer();
  tensor.set_name("w");
  tensor.set_data_type(onnx::TensorProto::FLOAT);
  tensor.add_dims(std::int64_t{1} << 40);
  tensor.set_raw_data("abcd");
  initializer.node("Add", {"x", "w"}, {"y"});
  EXPECT_THROW(read(initializer), Error);

  OnnxModel filled;
  filled.constant("s", Array::of(Integers{1 << 20, 1 << 20, 1 << 20})).output("y");
  filled.node("ConstantOfShape", {"s"}, {"y"});
  try {  // a size that no one allocates while reading
    read(filled);
  } catch (const Error&) {
  }
}

TEST(Hostile, AttributesMustBeKnownAndOfTheirKind) {
  OnnxModel unknown = relu();
  set(*unknown.proto.mutable_graph()->mutable_node(0), "secret", 1);
  expect_error([&] { read(unknown); }, "attribute 'secret' is not known", "Relu");

  OnnxModel kind;
  kind.input("x", {2, 3}).output("y");
  set(kind.node("Softmax", {"x"}, {"y"}), "axis", Integers{1});
  expect_error([&] { read(kind); }, "attribute 'axis' is not of kind integer", "Softmax");

  OnnxModel axis;
  axis.input("x", {2, 3}).output("y");
  set(axis.node("Softmax", {"x"}, {"y"}), "axis", 7);
  expect_error([&] { read(axis); }, "axis 7", "Softmax");

  for (const auto& [attribute, problem] : {std::pair{"coordinate_transformation_mode", "the coordinates 'sideways' are not known"},
                                           std::pair{"nearest_mode", "the nearest_mode 'sideways' is not known"}}) {
    OnnxModel resize;
    resize.input("x", {1, 1, 2, 2}).output("y");
    set(resize.node("Resize", {"x"}, {"y"}), attribute, std::string("sideways"));
    expect_error([&] { read(resize); }, problem, "Resize");
  }
}

TEST(Hostile, NamesNeverStayAsTheyAre) {
  OnnxModel model;
  const std::string name = "a\"b\n*/ int main() { system(\"true\"); } /*";
  model.input(name, {"N\"; DROP"}).output("y");
  model.proto.mutable_graph()->set_name("while");
  model.node("Relu", {name}, {"y"}).set_name("*/ }\n");
  const Graph graph = read(model);
  const std::string text = to_string(graph);
  for (const char* part : {"\"b", "*/ int", "system(", "DROP\"", "*/ }"}) EXPECT_EQ(text.find(part), std::string::npos) << text;
  EXPECT_EQ(graph.nodes()[0]->origin[0].find_first_of("*\n\"/ {}"), graph.nodes()[0]->origin[0].find(' '));
  verify(graph, Level::operators);
}

TEST(Hostile, ExternalDataStaysBelowTheModelsFolder) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder.path() / "model");
  write_file(folder.path() / "secret", "12345678");
  write_file(folder.path() / "model/weights", std::string(8, '\0'));
  std::filesystem::create_symlink(folder.path() / "secret", folder.path() / "model/link");
  const auto with = [&](const std::string& location, const std::string& offset = "0") {
    OnnxModel model;
    model.input("x", {2}).output("y");
    auto& tensor = *model.proto.mutable_graph()->add_initializer();
    tensor.set_name("w");
    tensor.set_data_type(onnx::TensorProto::FLOAT);
    tensor.add_dims(2);
    tensor.set_data_location(onnx::TensorProto::EXTERNAL);
    for (const auto& [key, value] : {std::pair{"location", location}, std::pair{"offset", offset}}) {
      auto& entry = *tensor.add_external_data();
      entry.set_key(key);
      entry.set_value(value);
    }
    model.node("Add", {"x", "w"}, {"y"});
    return model;
  };
  EXPECT_EQ(interpret(read(with("weights"), {}, folder.path() / "model"), {Array::of<float>({1, 2})})[0].get(1), 2);
  for (const char* location : {"../secret", "/etc/passwd", "link", "", ".", "missing", "a/../../secret"})
    EXPECT_THROW(read(with(location), {}, folder.path() / "model"), Error) << location;
  for (const char* offset : {"1", "-4", "99999999999999999999", "zero", "9223372036854775807"})
    EXPECT_THROW(read(with("weights", offset), {}, folder.path() / "model"), Error) << offset;
}

TEST(Hostile, FunctionsThatCallThemselvesOrMultiply) {
  OnnxModel model;
  model.input("x", {1}).output("y");
  const auto function = [&](const std::string& name, const std::string& inner, int times) {
    auto& made = *model.proto.add_functions();
    made.set_name(name);
    made.set_domain("own");
    made.add_input("a");
    made.add_output(times == 0 ? "a" : fmt::format("b{}", times - 1));
    for (int i = 0; i < times; ++i) {
      auto& node = *made.add_node();
      node.set_op_type(inner);
      node.set_domain("own");
      node.add_input(i == 0 ? "a" : fmt::format("b{}", i - 1));
      node.add_output(fmt::format("b{}", i));
    }
  };
  function("loop", "loop", 1);
  model.node("loop", {"x"}, {"y"}).set_domain("own");
  expect_error([&] { read(model); }, "nested too deeply");

  model.proto.clear_functions();
  for (int level = 0; level < 30; ++level) function(fmt::format("f{}", level), fmt::format("f{}", level + 1), 10);
  model.proto.mutable_graph()->mutable_node(0)->set_op_type("f0");
  EXPECT_THROW(read(model), Error);
}

TEST(Hostile, ManyNodesAreReadInSeconds) {
  OnnxModel model;
  model.input("x", {4}).output("v100000");
  for (int i = 0; i < 100'000; ++i) model.node("Relu", {i == 0 ? "x" : fmt::format("v{}", i)}, {fmt::format("v{}", i + 1)});
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(read(model).nodes().size(), 100'000u);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(30));
}

TEST(Hostile, DeepNestingIsRefused) {
  OnnxModel model;
  model.input("x", {1}).output("y");
  onnx::GraphProto* graph = model.proto.mutable_graph();
  for (int depth = 0; depth < 400; ++depth) {
    auto& node = *graph->add_node();
    node.set_op_type("If");
    node.add_input("x");
    node.add_output("y");
    graph = &testing::set_graph(node, "then_branch");
  }
  expect_error([&] { read(model); }, "not an ONNX model");
}

}  // namespace
}  // namespace neap::hostile_test
