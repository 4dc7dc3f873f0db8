// LSTM, GRU and plain recurrent layers against a loop over time, batch and units.
#include "tests/ops/calls.h"
#include "tests/support/expect_error.h"

namespace neap::recurrent_test {
namespace {

using testing::expect_near;
using testing::random;
using testing::refusal;
using testing::run;

constexpr std::int64_t time_steps = 4, batch = 2, features = 3, hidden = 2;

double squash(double x) { return 1 / (1 + std::exp(-x)); }

struct Layer {
  std::int64_t gates, directions;
  Array x = random({time_steps, batch, features}), w = random({directions, gates*hidden, features}, 2),
        r = random({directions, gates*hidden, hidden}, 3), bias = random({directions, 2 * gates*hidden}, 4),
        h = random({directions, batch, hidden}, 5), c = random({directions, batch, hidden}, 6);

  // w x + its bias, and r h + its bias, of row `row` of direction d.
  double from_x(std::int64_t d, std::int64_t t, std::int64_t n, std::int64_t row) const {
    double sum = bias.get(d * 2 * gates * hidden + row);
    for (std::int64_t i = 0; i < features; ++i) {
      sum += w.get((d * gates * hidden + row) * features + i) * x.get((t * batch + n) * features + i);
    }
    return sum;
  }
  double from_h(std::int64_t d, const std::vector<double>& state, std::int64_t row, bool with_bias = true) const {
    double sum = with_bias ? bias.get(d * 2 * gates * hidden + gates * hidden + row) : 0;
    for (std::int64_t i = 0; i < hidden; ++i) sum += r.get((d * gates * hidden + row) * hidden + i) * state[static_cast<std::size_t>(i)];
    return sum;
  }
};

// step(d, t, n, h, c) updates one example's states; the results are y, then the last h, then the last c.
template <class Step>
std::vector<std::vector<double>> loop(const Layer& layer, bool backwards, Step&& step) {
  std::vector<double> y(static_cast<std::size_t>(time_steps * layer.directions * batch * hidden)), last_h, last_c;
  for (std::int64_t d = 0; d < layer.directions; ++d)
    for (std::int64_t n = 0; n < batch; ++n) {
      std::vector<double> h, c;
      for (std::int64_t i = 0; i < hidden; ++i) {
        h.push_back(layer.h.get((d * batch + n) * hidden + i));
        c.push_back(layer.c.get((d * batch + n) * hidden + i));
      }
      for (std::int64_t s = 0; s < time_steps; ++s) {
        const std::int64_t t = backwards || d == 1 ? time_steps - 1 - s : s;
        step(d, t, n, h, c);
        for (std::int64_t i = 0; i < hidden; ++i)
          y[static_cast<std::size_t>(((t * layer.directions + d) * batch + n) * hidden + i)] = h[static_cast<std::size_t>(i)];
      }
      last_h.insert(last_h.end(), h.begin(), h.end());
      last_c.insert(last_c.end(), c.begin(), c.end());
    }
  return {y, last_h, last_c};
}

void expect_results(const std::vector<Array>& got, const std::vector<std::vector<double>>& wanted) {
  for (std::size_t i = 0; i < got.size(); ++i) expect_near(got[i], wanted[i]);
}

const std::vector<std::pair<const char*, std::int64_t>> directions = {{"forward", 1}, {"reverse", 1}, {"bidirectional", 2}};

TEST(Recurrent, Lstm) {
  for (const auto& [direction, count] : directions) {
    const Layer l{4, count};
    const auto wanted = loop(
        l, count == 1 && direction == std::string("reverse"), [&](auto d, auto t, auto n, std::vector<double>& h, std::vector<double>& c) {
          const std::vector<double> before = h;
          for (std::int64_t u = 0; u < hidden; ++u) {
            const auto gate = [&](std::int64_t g) { return l.from_x(d, t, n, g * hidden + u) + l.from_h(d, before, g * hidden + u); };
            double& cell = c[static_cast<std::size_t>(u)];
            cell = squash(gate(2)) * cell + squash(gate(0)) * std::tanh(gate(3));
            h[static_cast<std::size_t>(u)] = squash(gate(1)) * std::tanh(cell);
          }
        });
    const auto got = run("lstm", {l.x, l.w, l.r, l.bias, l.h, l.c}, {{"direction", std::string(direction)}});
    EXPECT_EQ(got[0].sizes(), (Sizes{time_steps, count, batch, hidden}));
    EXPECT_EQ(got[2].sizes(), (Sizes{count, batch, hidden}));
    expect_results(got, wanted);
  }
}

// Peepholes, coupled gates, bounds, another gate's function, and examples that end before others: their y is 0 from there, their states
// stay.
TEST(Recurrent, LstmWithAllThatItMayHave) {
  const std::vector<std::int64_t> lengths{3, 0};
  for (const auto& [direction, count] : directions) {
    const Layer l{4, count};
    const Array peephole = random({count, 3 * hidden}, 7);
    const auto held = [](double x) { return std::clamp(x, -0.3, 0.3); };
    auto wanted = loop(
        l, count == 1 && direction == std::string("reverse"), [&](auto d, auto t, auto n, std::vector<double>& h, std::vector<double>& c) {
          if (t >= lengths[static_cast<std::size_t>(n)]) return;
          const std::vector<double> before = h;
          for (std::int64_t u = 0; u < hidden; ++u) {
            double& cell = c[static_cast<std::size_t>(u)];
            const auto row = [&](std::int64_t g) { return l.from_x(d, t, n, g * hidden + u) + l.from_h(d, before, g * hidden + u); };
            const auto peek = [&](std::int64_t g) { return cell * peephole.get((d * 3 + g) * hidden + u); };
            const auto gate = [&](double x) { return std::clamp(0.2 * held(x) + 0.5, 0.0, 1.0); };
            const double in = gate(row(0) + peek(0));
            cell = (1 - in) * cell + in * std::tanh(held(row(3)));
            h[static_cast<std::size_t>(u)] = gate(row(1) + peek(1)) * std::tanh(cell);
          }
        });
    for (std::size_t i = 0; i < wanted[0].size(); ++i) {
      const auto n = static_cast<std::int64_t>(i) / hidden % batch, t = static_cast<std::int64_t>(i) / (hidden * batch * count);
      if (t >= lengths[static_cast<std::size_t>(n)]) wanted[0][i] = 0;
    }
    expect_results(
        run("lstm", {l.x, l.w, l.r, l.bias, l.h, l.c, Array::of(lengths), peephole},
            {{"direction", std::string(direction)}, {"coupled", true}, {"clip", 0.3}, {"gate_activation", std::string("hard_sigmoid")}}),
        wanted);
  }
}

TEST(Recurrent, Gru) {
  for (const bool linear_first : {false, true}) {
    for (const auto& [direction, count] : directions) {
      const Layer l{3, count};
      const auto wanted = loop(
          l, count == 1 && direction == std::string("reverse"), [&](auto d, auto t, auto n, std::vector<double>& h, std::vector<double>&) {
            const std::vector<double> before = h;
            std::vector<double> reset, scaled;
            for (std::int64_t u = 0; u < hidden; ++u) {
              reset.push_back(squash(l.from_x(d, t, n, hidden + u) + l.from_h(d, before, hidden + u)));
              scaled.push_back(reset.back() * before[static_cast<std::size_t>(u)]);
            }
            for (std::int64_t u = 0; u < hidden; ++u) {
              const auto at = static_cast<std::size_t>(u);
              const double z = squash(l.from_x(d, t, n, u) + l.from_h(d, before, u));
              const double own = linear_first ? reset[at] * l.from_h(d, before, 2 * hidden + u) : l.from_h(d, scaled, 2 * hidden + u);
              h[at] = (1 - z) * std::tanh(l.from_x(d, t, n, 2 * hidden + u) + own) + z * before[at];
            }
          });
      expect_results(
          run("gru", {l.x, l.w, l.r, l.bias, l.h}, {{"direction", std::string(direction)}, {"linear_before_reset", linear_first}}), wanted);
    }
  }
}

TEST(Recurrent, Rnn) {
  for (const auto& [direction, count] : directions) {
    const Layer l{1, count};
    const auto wanted = loop(l, count == 1 && direction == std::string("reverse"),
                             [&](auto d, auto t, auto n, std::vector<double>& h, std::vector<double>&) {
                               const std::vector<double> before = h;
                               for (std::int64_t u = 0; u < hidden; ++u)
                                 h[static_cast<std::size_t>(u)] = std::max(0.0, l.from_x(d, t, n, u) + l.from_h(d, before, u));
                             });
    expect_results(run("rnn", {l.x, l.w, l.r, l.bias, l.h}, {{"direction", std::string(direction)}, {"activation", std::string("relu")}}),
                   wanted);
  }
}

TEST(Recurrent, StartsFromZerosWithoutBias) {
  Layer l{4, 1};
  l.h = Array::zeros(DType::f64, l.h.sizes()), l.c = Array::zeros(DType::f64, l.c.sizes()),
  l.bias = Array::zeros(DType::f64, l.bias.sizes());
  const auto whole = run("lstm", {l.x, l.w, l.r, l.bias, l.h, l.c}), bare = run("lstm", {l.x, l.w, l.r});
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_TRUE(std::equal(whole[i].values<double>().begin(), whole[i].values<double>().end(), bare[i].values<double>().begin()));
}

TEST(Recurrent, ErrorsAreNamed) {
  const Layer l{4, 1};
  EXPECT_EQ(refusal("lstm", {l.x, l.w, l.r}, {{"direction", std::string("up")}}), "lstm: direction is 'up'");
  EXPECT_EQ(refusal("lstm", {l.x, l.w, l.r}, {{"direction", std::string("bidirectional")}}), "lstm: operand 'w' has shape [1,8,3]");
  EXPECT_EQ(refusal("gru", {l.x, l.w, l.r}), "gru: operand 'w' has shape [1,8,3]");
  EXPECT_EQ(refusal("rnn", {l.x, l.w, l.r}, {{"activation", std::string("sine")}}), "rnn: activation is 'sine'");
  EXPECT_EQ(refusal("lstm", {l.x, l.w, l.r, Array(), Array(), Array(), random({batch})}), "lstm: lengths are f64[2]");
  EXPECT_EQ(refusal("lstm", {Array::zeros(DType::f64, {0, batch, features}), l.w, l.r}), "lstm: no steps");
  Graph graph;
  Builder build(graph);
  const Var x = build.input("x", Type::parse("f32[T,2,3]")), w = build.input("w", Type::parse("f32[1,8,3]")),
            r = build.input("r", Type::parse("f32[1,8,2]"));
  expect_error([&] { build.call("lstm", {x, w, r}); }, "lstm: the number of steps is T");
}

}  // namespace
}  // namespace neap::recurrent_test
