// LSTM, GRU and RNN: the gates are in our operators' order; what differs is the order of the operands and the layout.
#include <algorithm>

#include "neap/files/bytes.h"
#include "neap/onnx/reader.h"

namespace neap::read_recurrent_onnx {
namespace {

using Integers = std::vector<std::int64_t>;

// The activations of one direction, `usual` where none are given, as attributes; all directions have the same.
void read_activations(OnnxNode& node, const std::vector<std::pair<const char*, std::string>>& usual, Attributes& attributes) {
  static const std::map<std::string, std::string> known{
      {"sigmoid", "sigmoid"},   {"tanh", "tanh"},         {"relu", "relu"}, {"hardsigmoid", "hard_sigmoid"},
      {"softsign", "softsign"}, {"softplus", "softplus"}, {"elu", "elu"},   {"leakyrelu", "leaky_relu"}};
  const std::vector<std::string> given = node.texts("activations");
  for (std::size_t i = 0; i < given.size(); ++i) {
    std::string name = given[i];
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    const auto found = known.find(name);
    if (found == known.end()) node.fail(fmt::format("activation {} is not supported here", shown(given[i])));
    if (i >= usual.size() && given[i] != given[i % usual.size()]) node.fail("directions with activations of their own are not supported");
    attributes[usual[i % usual.size()].first] = found->second;
  }
  for (std::size_t i = given.size(); i < usual.size(); ++i) attributes[usual[i].first] = usual[i].second;
}

void check_extras(OnnxNode& node) {
  if (node.has("activation_alpha") || node.has("activation_beta")) node.fail("activations with numbers of their own are not supported");
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
  inputs.push_back(node.has(4) ? node.input(4) : Var());
  if (states > 1) inputs.push_back(node.has(7) ? node.input(7) : Var());
  attributes["clip"] = node.number("clip", 0);
  attributes["direction"] = node.text("direction", "forward");
  const std::vector<Var> outputs = node.build().calls(op, inputs, std::move(attributes));
  node.give(swapped(outputs[0], {2, 0, 1, 3}));
  for (int i = 1; i <= states; ++i) node.give(swapped(outputs[static_cast<std::size_t>(i)], {1, 0, 2}));
}

void read_lstm(OnnxNode& node) {
  Attributes attributes{{"coupled", node.flag("input_forget", false)}};
  read_activations(node, {{"gate_activation", "sigmoid"}, {"activation", "tanh"}, {"output_activation", "tanh"}}, attributes);
  read_recurrent(node, "lstm", 2, std::move(attributes));
}

void read_gru(OnnxNode& node) {
  Attributes attributes{{"linear_before_reset", node.flag("linear_before_reset", false)}};
  read_activations(node, {{"gate_activation", "sigmoid"}, {"activation", "tanh"}}, attributes);
  read_recurrent(node, "gru", 1, std::move(attributes));
}

void read_rnn(OnnxNode& node) {
  Attributes attributes;
  read_activations(node, {{"activation", "tanh"}}, attributes);
  read_recurrent(node, "rnn", 1, std::move(attributes));
}

const RegisterOnnx readers[] = {
    RegisterOnnx{{.type = "LSTM", .read = read_lstm}},
    RegisterOnnx{{.type = "GRU", .read = read_gru}},
    RegisterOnnx{{.type = "RNN", .read = read_rnn}},
};

}  // namespace
}  // namespace neap::read_recurrent_onnx
