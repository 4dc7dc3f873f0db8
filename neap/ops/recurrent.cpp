// Recurrent layers over time, in ONNX's gate orders: x[T,N,I], w[D,G*H,I], r[D,G*H,H], bias[D,2*G*H] (of w, then of r), states [D,N,H];
// results y[T,D,N,H] and the last states. D is 2 for "bidirectional". Where lengths[N] say how many of its steps an example has, y is 0
// behind them and the states stay. The steps are written out: T is known when the graph is made.
#include <fmt/format.h>

#include <algorithm>

#include "neap/ops/composition.h"

namespace neap::recurrent_operator {
namespace {

// What a step reads besides the states: x w^T + bias ([N,G*H]), r ([G*H,H]), r's bias where that is kept apart, peepholes ([3*H]).
struct Parts {
  Var projected, r, bias, peephole;
};

struct Cell {
  std::int64_t gates;
  bool separate_bias;                                                                        // r's bias is kept apart from that of w
  std::function<std::vector<Var>(const std::vector<Var>& states, const Parts& parts)> step;  // the next states ([N,H] each)
};

Var times_transposed(const Var& a, const Var& b) { return a.build().call("matmul", {a, b}, {{"transpose_b", true}}); }

std::int64_t steps(const Call& call) {
  const Dim& time = call.size(0, 0);
  if (!time.is_constant()) call.fail("the number of steps is " + time.to_string(), "give x a time axis of known size");
  if (time.constant() < 1) call.fail("no steps");
  return time.constant();
}

void check(const Call& call, const Cell& cell, std::int64_t directions, int states) {
  const auto expect = [&](int operand, const Shape& wanted) {
    if (call.has(operand) && call.input(operand).shape != wanted) {
      call.fail(fmt::format("operand '{}' has shape {}", call.op().inputs[static_cast<std::size_t>(operand)].name,
                            to_string(call.input(operand).shape)),
                to_string(wanted));
    }
  };
  if (call.input(0).rank() != 3 || call.input(2).rank() != 3 || !is_float(call.input(0).dtype)) {
    call.fail("takes floating-point x[T,N,I], w[D,G*H,I] and r[D,G*H,H]");
  }
  const Dim batch = call.size(0, 1), hidden = call.size(2, 2), rows = Dim(cell.gates) * hidden;
  expect(1, {directions, rows, call.size(0, 2)});
  expect(2, {directions, rows, hidden});
  expect(3, {directions, Dim(2) * rows});
  for (int i = 0; i < states; ++i) expect(4 + i, {directions, batch, hidden});
  const int lengths = 4 + states;
  expect(lengths, {batch});
  if (call.has(lengths) && !is_integer(call.input(lengths).dtype)) call.fail("lengths are " + call.input(lengths).to_string(), "integers");
  expect(lengths + 1, {directions, Dim(3) * hidden});
}

// One direction: the hidden state after each step, in the order of time, and the last states.
struct Run {
  std::vector<Var> hidden, last;
};

Run run_direction(Builder& build, const std::vector<Var>& inputs, const Call& call, const Cell& cell, int direction, bool reverse,
                  int states) {
  const Var& x = inputs[0];
  const std::int64_t time = steps(call);
  const Dim &batch = x.size(1), &hidden = inputs[2].size(2), rows = Dim(cell.gates) * hidden;
  const auto mine = [&](const Var& all) {
    return reshape(part(all, 0, direction, direction + 1), Shape(all.shape().begin() + 1, all.shape().end()));
  };
  // One product for all steps.
  Var projected = times_transposed(reshape(x, {Dim(time) * batch, x.size(2)}), mine(inputs[1]));
  Parts now;
  if (call.has(3)) {
    const Var bias = mine(inputs[3]), of_w = part(bias, 0, 0, rows), of_r = part(bias, 0, rows, Dim(2) * rows);
    projected = projected + (cell.separate_bias ? of_w : of_w + of_r);
    if (cell.separate_bias) now.bias = of_r;
  }
  const std::vector<Var> of_step = parts(reshape(projected, {time, batch, rows}), 0, time);
  now.r = mine(inputs[2]);
  const int lengths = 4 + states;
  Var counted;
  if (call.has(lengths)) counted = reshape(cast(inputs[static_cast<std::size_t>(lengths)], DType::i64), {batch, 1});
  if (call.has(lengths + 1)) now.peephole = mine(inputs[static_cast<std::size_t>(lengths) + 1]);
  Run run;
  for (int i = 0; i < states; ++i)
    run.last.push_back(call.has(4 + i) ? mine(inputs[static_cast<std::size_t>(i) + 4]) : build.full(x.dtype(), {batch, hidden}, 0));
  run.hidden.resize(static_cast<std::size_t>(time));
  for (std::int64_t step = 0; step < time; ++step) {
    const auto at = static_cast<std::size_t>(reverse ? time - 1 - step : step);
    now.projected = reshape(of_step[at], {batch, rows});
    std::vector<Var> next = cell.step(run.last, now);
    run.hidden[at] = next[0];
    if (counted) {
      const Var runs = build.call("greater", {counted, build.constant(DType::i64, static_cast<double>(at))});
      for (std::size_t i = 0; i < next.size(); ++i) next[i] = where(runs, next[i], run.last[i]);
      run.hidden[at] = where(runs, next[0], build.constant(x.dtype(), 0));
    }
    run.last = std::move(next);
  }
  return run;
}

std::vector<Var> compose(Builder& build, const std::vector<Var>& inputs, const Call& call, const Cell& cell, int states) {
  const std::string& direction = call.text("direction");
  const bool both = direction == "bidirectional";
  if (!both && direction != "forward" && direction != "reverse") {
    call.fail(fmt::format("direction is '{}'", direction), "forward, reverse or bidirectional");
  }
  check(call, cell, both ? 2 : 1, states);
  std::vector<Run> runs;
  for (int d = 0; d < (both ? 2 : 1); ++d)
    runs.push_back(run_direction(build, inputs, call, cell, d, d == 1 || direction == "reverse", states));
  std::vector<Var> every_step, results;
  for (const Run& run : runs) every_step.push_back(build.call("stack", run.hidden, {{"axis", std::int64_t{0}}}));
  results.push_back(build.call("stack", every_step, {{"axis", std::int64_t{1}}}));
  for (int i = 0; i < states; ++i) {
    std::vector<Var> last;
    for (const Run& run : runs) last.push_back(run.last[static_cast<std::size_t>(i)]);
    results.push_back(build.call("stack", last, {{"axis", std::int64_t{0}}}));
  }
  return results;
}

// The attribute's function, of what is held within -clip to clip (0: as it is).
std::function<Var(const Var&)> activation(const Call& call, const char* attribute, double clip) {
  static constexpr std::string_view known[] = {"sigmoid", "tanh", "relu", "hard_sigmoid", "softsign", "softplus", "elu", "leaky_relu"};
  const std::string& function = call.text(attribute);
  if (std::find(std::begin(known), std::end(known), function) == std::end(known))
    call.fail(fmt::format("{} is '{}'", attribute, function), fmt::format("one of {}", fmt::join(known, ", ")));
  return [=](const Var& x) { return unary(function, clip > 0 ? x.build().call("clip", {x}, {{"low", -clip}, {"high", clip}}) : x); };
}

Cell lstm_cell(const Call& call) {
  const double clip = call.number("clip");
  const auto gate = activation(call, "gate_activation", clip), inner = activation(call, "activation", clip),
             outer = activation(call, "output_activation", 0);  // the cell's state is not held, as ONNX Runtime has it
  const bool coupled = call.flag("coupled");
  return {4, false, [=](const std::vector<Var>& states, const Parts& now) {
            const std::vector<Var> gates = parts(now.projected + times_transposed(states[0], now.r), 1, 4);
            std::vector<Var> peepholes;
            if (now.peephole) peepholes = parts(now.peephole, 0, 3);
            const auto peeking = [&](std::size_t at, const Var& c) {
              return peepholes.empty() ? gates[at] : gates[at] + c * peepholes[at];
            };
            const Var i = gate(peeking(0, states[1]));
            const Var f = coupled ? 1 - i : gate(peeking(2, states[1]));
            const Var c = f * states[1] + i * inner(gates[3]);
            return std::vector<Var>{gate(peeking(1, c)) * outer(c), c};
          }};
}

// Gates of x: update, reset, candidate. The candidate sees the state through the reset gate, before or after its product with r.
Cell gru_cell(const Call& call) {
  const double clip = call.number("clip");
  const auto gate = activation(call, "gate_activation", clip), inner = activation(call, "activation", clip);
  const auto linear_first = [=](const Var& h, const std::vector<Var>& x, const Parts& now) {
    Var product = times_transposed(h, now.r);
    if (now.bias) product = product + now.bias;
    const std::vector<Var> of_h = parts(product, 1, 3);
    return std::pair{gate(x[0] + of_h[0]), inner(x[2] + gate(x[1] + of_h[1]) * of_h[2])};
  };
  const auto reset_first = [=](const Var& h, const std::vector<Var>& x, const Parts& now) {
    const std::vector<Var> rows = parts(now.r, 0, 3);
    const Var reset = gate(x[1] + times_transposed(h, rows[1]));
    return std::pair{gate(x[0] + times_transposed(h, rows[0])), inner(x[2] + times_transposed(reset * h, rows[2]))};
  };
  const bool linear = call.flag("linear_before_reset");
  return {3, linear, [=](const std::vector<Var>& states, const Parts& now) {
            const std::vector<Var> x = parts(now.projected, 1, 3);
            const auto [update, candidate] = linear ? linear_first(states[0], x, now) : reset_first(states[0], x, now);
            return std::vector<Var>{candidate + update * (states[0] - candidate)};
          }};
}

Cell rnn_cell(const Call& call) {
  const auto inner = activation(call, "activation", call.number("clip"));
  return {1, false, [=](const std::vector<Var>& states, const Parts& now) {
            return std::vector<Var>{inner(now.projected + times_transposed(states[0], now.r))};
          }};
}

Operator recurrent(const char* name, const char* about, int states, std::vector<AttributeSpec> attributes,
                   const std::function<Cell(const Call&)>& cell) {
  Operator op;
  op.name = name;
  op.about = about;
  op.inputs = {{"x"}, {"w"}, {"r"}, {"bias", InputSpec::optional}, {"initial_h", InputSpec::optional}};
  if (states > 1) op.inputs.push_back({"initial_c", InputSpec::optional});
  op.inputs.push_back({"lengths", InputSpec::optional});
  if (states > 1) op.inputs.push_back({"peephole", InputSpec::optional});
  op.attributes = {{"direction", std::string("forward"), "forward, reverse or bidirectional"},
                   {"activation", std::string("tanh"), "of the candidate (rnn: f)"},
                   {"clip", 0.0, "what gates and the candidate are given lies within -clip to clip; 0: anywhere"}};
  op.attributes.insert(op.attributes.end(), attributes.begin(), attributes.end());
  op.compose = [cell, states](Builder& build, const std::vector<Var>& inputs, const Call& call) {
    return compose(build, inputs, call, cell(call), states);
  };
  return op;
}

const AttributeSpec gate_attribute{"gate_activation", std::string("sigmoid"), "of the gates"};

const Register lstm{recurrent(
    "lstm",
    "gates i, o, f, g of x w^T + h r^T + bias (+ peephole c): c' = sigmoid(f) c + sigmoid(i) tanh(g), h' = sigmoid(o) tanh(c'); then h, c",
    2,
    {gate_attribute,
     {"output_activation", std::string("tanh"), "of the cell's state, before the output gate"},
     {"coupled", false, "forgets what it takes in: f = 1 - i"}},
    lstm_cell)};

const Register gru{recurrent("gru", "gates z, r, n: n = tanh(x w_n^T + (r h) r_n^T + bias), h' = (1 - z) n + z h; then the last h", 1,
                             {gate_attribute, {"linear_before_reset", false, "the reset gate scales h r_n^T + bias rather than h"}},
                             gru_cell)};

const Register rnn{recurrent("rnn", "h' = f(x w^T + h r^T + bias); then the last h", 1, {}, rnn_cell)};

}  // namespace
}  // namespace neap::recurrent_operator
