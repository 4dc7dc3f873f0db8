// LSTM, GRU and RNN: the gates are in our operators' order; what differs is the order of the operands and the layout.
#include <algorithm>

#include "neap/files/bytes.h"
#include "neap/onnx/reader.h"

namespace neap::read_recurrent_onnx {
namespace {

using Integers = std::vector<std::int64_t>;

// The activations of all directions, which must be `usual` for each; none given means that.
void check_activations(OnnxNode& node, const std::vector<std::string>& usual) {
  const std::vector<std::string> given = node.texts("activations");
  for (std::size_t i = 0; i < given.size(); ++i) {
    if (given[i] != usual[i % usual.size()])
      node.fail(fmt::format("activation {} is not supported here", shown(given[i])), usual[i % usual.size()]);
  }
}

void check_extras(OnnxNode& node) {
  if (node.has("activation_alpha") || node.has("activation_beta")) node.fail("activations with numbers of their own are not supported");
  if (node.number("clip", 0) != 0) node.fail("clip is not supported");
  if (node.has(4)) node.fail("sequences of different lengths (sequence_lens) are not supported", "cut or pad them before");
  node.ignore("hidden_size");      // the weights say it
  node.ignore("output_sequence");  // before opset 7; outputs nobody asks for are dropped anyway
}

void read_recurrent(OnnxNode& node, const char* op, int states, Attributes attributes) {
  check_extras(node);
  constexpr std::int64_t most_steps = 10'000;  // they are written out
  if (node.rank(0) != 3) node.fail("takes [T,N,I]");
  const Dim time = node.type(0).shape[node.integer("layout", 0) != 0 ? 1 : 0];
  if (time.is_constant() && time.constant() > most_steps) node.fail(fmt::format("{} steps are more than {}", time.to_string(), most_steps));
  const bool batch_first = node.integer("layout", 0) != 0;
  const auto swapped = [&](const Var& x, const Integers& permutation) { return batch_first ? transpose(x, permutation) : x; };
  std::vector<Var> inputs{swapped(node.input(0), {1, 0, 2}), node.input(1), node.input(2), node.has(3) ? node.input(3) : Var()};
  for (int i = 0; i < states; ++i) inputs.push_back(node.has(5 + i) ? swapped(node.input(5 + i), {1, 0, 2}) : Var());
  attributes["direction"] = node.text("direction", "forward");
  const std::vector<Var> outputs = node.build().calls(op, inputs, std::move(attributes));
  node.give(swapped(outputs[0], {2, 0, 1, 3}));
  for (int i = 1; i <= states; ++i) node.give(swapped(outputs[static_cast<std::size_t>(i)], {1, 0, 2}));
}

void read_lstm(OnnxNode& node) {
  check_activations(node, {"Sigmoid", "Tanh", "Tanh"});
  if (node.integer("input_forget", 0) != 0) node.fail("coupled input and forget gates (input_forget) are not supported");
  if (node.has(7)) node.fail("peepholes (input P) are not supported");
  read_recurrent(node, "lstm", 2, {});
}

void read_gru(OnnxNode& node) {
  check_activations(node, {"Sigmoid", "Tanh"});
  read_recurrent(node, "gru", 1, {{"linear_before_reset", node.flag("linear_before_reset", false)}});
}

void read_rnn(OnnxNode& node) {
  const std::vector<std::string> given = node.texts("activations");
  const bool relu = !given.empty() && given[0] == "Relu";
  check_activations(node, {relu ? "Relu" : "Tanh"});
  read_recurrent(node, "rnn", 1, {{"activation", std::string(relu ? "relu" : "tanh")}});
}

const RegisterOnnx readers[] = {
    RegisterOnnx{{.type = "LSTM", .read = read_lstm}},
    RegisterOnnx{{.type = "GRU", .read = read_gru}},
    RegisterOnnx{{.type = "RNN", .read = read_rnn}},
};

}  // namespace
}  // namespace neap::read_recurrent_onnx
