#include "neap/nn/module.h"

#include <gtest/gtest.h>

#include <cmath>

#include "neap/base/error.h"
#include "neap/nn/attention.h"
#include "neap/nn/batch_norm.h"
#include "neap/nn/dropout.h"
#include "neap/nn/embedding.h"
#include "neap/nn/group_norm.h"
#include "neap/nn/inverted_residual.h"
#include "neap/nn/layer_norm.h"
#include "neap/nn/pool.h"
#include "neap/nn/recurrent.h"
#include "neap/nn/rms_norm.h"
#include "neap/nn/sequential.h"
#include "neap/tensor/trace.h"
#include "tests/support/expect_error.h"

namespace neap::module_test {
namespace {

std::vector<std::string> names(const std::vector<Parameter*>& parameters) {
  std::vector<std::string> all;
  for (const Parameter* parameter : parameters) all.push_back(parameter->name());
  return all;
}

Tensor ramp(const Sizes& sizes) {
  Array made(DType::f32, sizes);
  for (std::int64_t i = 0; i < made.count(); ++i) made.set(i, std::sin(static_cast<double>(i)));
  return made;
}

TEST(Module, NamesAreHierarchical) {
  Sequential net;
  net.then<Linear>("first", 4, 3).then<Activation>("act", "relu").then<InvertedResidual>("block", 2, 2, InvertedResidualOptions{});
  const std::vector<std::string> all = names(net.parameters());
  EXPECT_EQ(all[0], "first.weight");
  EXPECT_EQ(all[1], "first.bias");
  EXPECT_EQ(all[2], "block.expand.weight");
  EXPECT_NE(std::find(all.begin(), all.end(), "block.gate.reduce.weight"), all.end());
  EXPECT_EQ(names(net.buffers())[0], "block.expand_norm.running_mean");
  EXPECT_EQ(&net.find("first.bias"), net.parameters()[1]);
  EXPECT_NE(error_of([&] { net.find("first.bais"); }).find("first.bias"), std::string::npos);
  EXPECT_NE(error_of([&] { net.then<Linear>("first", 1, 1); }).find("two parts 'first'"), std::string::npos);
  EXPECT_NE(error_of([&] { net.then<Linear>("a.b", 1, 1); }).find("cannot be the name"), std::string::npos);
}

TEST(Module, FirstValuesDependOnSeedAndNameAlone) {
  Sequential a, b;
  a.then<Linear>("x", 3, 2).then<Linear>("y", 2, 2);
  b.then<Linear>("y", 2, 2);
  a.initialize(7);
  b.initialize(7);
  EXPECT_EQ(a.find("y.weight").value().values<float>(), b.find("y.weight").value().values<float>());
  EXPECT_NE(a.find("x.bias").value().values<float>(), a.find("y.bias").value().values<float>());
  const auto before = b.find("y.weight").value().values<float>();
  b.initialize(8);
  EXPECT_NE(b.find("y.weight").value().values<float>(), before);
}

TEST(Module, HeInitialisationHasItsVariance) {
  Conv2d conv(16, 64, 3);
  conv.initialize(1);
  double squares = 0;
  const auto weights = conv.find("weight").value().values<float>();
  for (const float w : weights) squares += double{w} * w;
  EXPECT_NEAR(squares / static_cast<double>(weights.size()), 2.0 / (16 * 9), 0.1 * 2.0 / (16 * 9));
}

TEST(Module, ScopeIsThePath) {
  Sequential net;
  net.then<SqueezeExcite>("gate", 4, 2);
  const Tensor x = Tensor::placeholder(Type::parse("f32[N,4,3,3]"), "x");
  const Graph graph = to_graph({{x, "x"}}, {{net(x), "y"}}).graph;
  EXPECT_EQ(graph.nodes()[0]->origin, std::vector<std::string>{"gate: mean"});
  EXPECT_EQ(graph.nodes()[1]->origin, std::vector<std::string>{"gate/reduce: matmul"});
}

TEST(Module, TracingPutsValuesBack) {
  Linear linear(2, 2);
  linear.initialize(3);
  const auto before = linear.find("weight").value().values<float>();
  {
    const TracedModule traced(linear);
    EXPECT_FALSE(linear.find("weight").value().computed());
    EXPECT_EQ(traced.entries().size(), 2U);
  }
  EXPECT_EQ(linear.find("weight").value().values<float>(), before);
}

TEST(BatchNorm, UsesTheBatchInTrainingAndKeepsStatistics) {
  BatchNorm norm(2, {.momentum = 0.5, .epsilon = 0});
  const Tensor x = Tensor::of<float>({1, 10, 3, 30}, {2, 2});
  EXPECT_EQ(norm(x).values<float>(), (std::vector<float>{-1, -1, 1, 1}));
  EXPECT_EQ(norm.find("running_mean").value().values<float>(), (std::vector<float>{1, 10}));
  EXPECT_EQ(norm.find("running_variance").value().values<float>(), (std::vector<float>{1.5, 100.5}));  // 0.5 + 0.5 * 2, * 200
  norm.train(false);
  EXPECT_NEAR(norm(x).values<float>()[0], 0, 1e-6);
  EXPECT_NEAR(norm(x).values<float>()[3], 20 / std::sqrt(100.5), 1e-5);
}

TEST(BatchNorm, CountsSymbolicBatches) {
  BatchNorm norm(2);
  norm(Tensor::placeholder(Type::parse("f32[N,2,3,3]"), "x"));
  EXPECT_EQ(norm.find("running_variance").value().type().to_string(), "f32[2]");
}

TEST(Dropout, DrawsFromTheSeedOfTheStep) {
  Dropout dropout(0.5);
  const Tensor x = Tensor::full(DType::f32, {1000}, 1);
  EXPECT_NE(error_of([&] { dropout(x); }).find("no seed"), std::string::npos);
  const auto with_seed = [&](std::int64_t seed) {
    const RandomSeed random(Tensor::scalar(seed));
    return dropout(x).values<float>();
  };
  EXPECT_EQ(with_seed(1), with_seed(1));
  EXPECT_NE(with_seed(1), with_seed(2));
  const std::vector<float> drawn = with_seed(3);
  EXPECT_NEAR(static_cast<double>(std::count(drawn.begin(), drawn.end(), 0.0F)), 500, 80);
  EXPECT_EQ(std::count(drawn.begin(), drawn.end(), 0.0F) + std::count(drawn.begin(), drawn.end(), 2.0F), 1000);
  dropout.train(false);
  EXPECT_EQ(dropout(x).values<float>(), x.values<float>());
}

TEST(Layers, GiveTheirShapes) {
  const auto shape = [](Layer& layer, const char* type) {
    layer.train(false);
    return to_string(layer(Tensor::placeholder(Type::parse(type), "x")).shape());
  };
  Linear linear(3, 5);
  Conv2d conv(3, 8, 3, {.stride = 2}), depthwise(8, 8, 5, {.groups = 8, .bias = false});
  Conv1d conv1(2, 4, 3, {.padding = 0, .dilation = 2});
  LayerNorm layer_norm(6);
  RmsNorm rms_norm(6);
  GroupNorm group_norm(2, 6);
  Embedding embedding(10, 4);
  MaxPool max_pool(2);
  AveragePool average_pool(3, {.stride = 1, .padding = 1});
  GlobalAveragePool global;
  InvertedResidual block(8, 16, {.kernel = 5, .stride = 2});
  MultiheadAttention attention(8, 2);
  Lstm lstm(3, 4, {.bidirectional = true});
  Gru gru(3, 4);
  EXPECT_EQ(shape(linear, "f32[N,7,3]"), "[N,7,5]");
  EXPECT_EQ(shape(conv, "f32[N,3,28,28]"), "[N,8,14,14]");
  EXPECT_EQ(shape(depthwise, "f32[N,8,7,7]"), "[N,8,7,7]");
  EXPECT_EQ(shape(conv1, "f32[N,2,10]"), "[N,4,6]");
  EXPECT_EQ(shape(layer_norm, "f32[N,5,6]"), "[N,5,6]");
  EXPECT_EQ(shape(rms_norm, "f32[N,5,6]"), "[N,5,6]");
  EXPECT_EQ(shape(group_norm, "f32[N,6,5]"), "[N,6,5]");
  EXPECT_EQ(shape(embedding, "i64[N,5]"), "[N,5,4]");
  EXPECT_EQ(shape(max_pool, "f32[N,6,8,8]"), "[N,6,4,4]");
  EXPECT_EQ(shape(average_pool, "f32[N,6,8,8]"), "[N,6,8,8]");
  EXPECT_EQ(shape(global, "f32[N,6,8,8]"), "[N,6]");
  EXPECT_EQ(shape(block, "f32[N,8,14,14]"), "[N,16,7,7]");
  EXPECT_EQ(shape(attention, "f32[N,5,8]"), "[N,5,8]");
  EXPECT_EQ(shape(lstm, "f32[5,N,3]"), "[5,N,8]");
  EXPECT_EQ(shape(gru, "f32[5,N,3]"), "[5,N,4]");
}

TEST(Linear, IsAProductAndASum) {
  Linear linear(2, 1);
  linear.find("weight").set(Tensor::of<float>({2, 3}, {1, 2}));
  linear.find("bias").set(Tensor::of<float>({10}));
  EXPECT_EQ(linear(Tensor::of<float>({1, 1, 0, 2}, {2, 2})).values<float>(), (std::vector<float>{15, 16}));
  EXPECT_NE(error_of([&] { linear.find("bias").set(Tensor::of<float>({1, 2})); }).find("cannot be the value of bias"), std::string::npos);
}

TEST(Module, TrainsInALoopByHand) {
  Sequential net;
  net.then<Linear>("hidden", 1, 8).then<BatchNorm>("norm", 8).then<Activation>("act", "tanh").then<Linear>("out", 8, 1);
  net.initialize(4);
  const Tensor x = ramp({16, 1}), y = x * x;
  double first = 0, last = 0;
  for (int step = 0; step < 60; ++step) {
    const ValueAndGradients made = value_and_gradients(net, [&] { return mean(square(net(x) - y)); });
    const std::vector<Parameter*> parameters = net.parameters();
    std::vector<Tensor> next;
    for (std::size_t i = 0; i < parameters.size(); ++i) next.push_back(parameters[i]->value() - made.gradients[i] * 0.1);
    for (std::size_t i = 0; i < parameters.size(); ++i) parameters[i]->set(next[i]);
    for (const Parameter* buffer : net.buffers()) next.push_back(buffer->value());
    next.push_back(made.value);
    evaluate(next);
    last = made.value.item();
    if (step == 0) first = last;
  }
  EXPECT_LT(last, 0.5 * first);
  EXPECT_NE(net.find("norm.running_mean").value().values<float>(), std::vector<float>(8, 0));
}

TEST(MultiheadAttention, WithOneHeadIsAttentionOfProjections) {
  MultiheadAttention attention(4, 1, {.bias = false});
  attention.initialize(2);
  const Tensor x = ramp({2, 3, 4});
  const auto project = [&](const char* part, const Tensor& of) {
    return matmul(of, attention.find(std::string(part) + ".weight").value().transpose());
  };
  const Tensor scores = matmul(project("query", x), project("key", x).transpose({0, 2, 1})) * 0.5;
  const Tensor expected = project("output", matmul(softmax(scores), project("value", x)));
  const Tensor made = attention(x);
  for (std::int64_t i = 0; i < made.array().count(); ++i) EXPECT_NEAR(made.array().get(i), expected.array().get(i), 1e-5);
}

TEST(Gru, StepsAsItsEquationsSay) {
  Gru gru(1, 1);
  gru.find("weight_input").set(Tensor::of<float>({0.5F, -0.3F, 0.8F}, {1, 3, 1}));
  gru.find("weight_recurrent").set(Tensor::of<float>({0.1F, 0.2F, -0.4F}, {1, 3, 1}));
  gru.find("bias").set(Tensor::of<float>({0.1F, 0, 0.2F, 0, 0.3F, -0.1F}, {1, 6}));
  const auto logistic = [](double v) { return 1 / (1 + std::exp(-v)); };
  double h = 0;
  const std::vector<float> made = gru(Tensor::of<float>({1, -2}, {2, 1, 1})).values<float>();
  for (int t = 0; t < 2; ++t) {
    const double x = t == 0 ? 1 : -2;
    const double z = logistic(0.5 * x + 0.1 + 0.1 * h), r = logistic(-0.3 * x + 0.2 * h + 0.3);
    const double n = std::tanh(0.8 * x + 0.2 + r * (-0.4 * h - 0.1));
    h = (1 - z) * n + z * h;
    EXPECT_NEAR(made[static_cast<std::size_t>(t)], h, 1e-6);
  }
}

}  // namespace
}  // namespace neap::module_test
