// Recurrent layers over time, in ONNX's gate orders: x[T,N,I], w[D,G*H,I], r[D,G*H,H], bias[D,2*G*H] (of w, then of r), states [D,N,H];
// results y[T,D,N,H] and the last states. D is 2 for "bidirectional". The steps are written out: T is known when the graph is made.
#include "neap/ops/composition.h"

namespace neap::recurrent_operator {
namespace {

struct Cell {
  std::int64_t gates;
  bool separate_bias;  // r's bias is kept apart from that of w
  // What one step makes of the states ([N,H] each), x w^T + bias ([N,G*H]), r ([G*H,H]) and r's bias where that is apart.
  std::function<std::vector<Var>(const std::vector<Var>& states, const Var& projected, const Var& r, const Var& bias)> step;
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
  Var projected = times_transposed(reshape(x, {Dim(time) * batch, x.size(2)}), mine(inputs[1])), apart;
  if (call.has(3)) {
    const Var bias = mine(inputs[3]), of_w = part(bias, 0, 0, rows), of_r = part(bias, 0, rows, Dim(2) * rows);
    projected = projected + (cell.separate_bias ? of_w : of_w + of_r);
    if (cell.separate_bias) apart = of_r;
  }
  const std::vector<Var> of_step = parts(reshape(projected, {time, batch, rows}), 0, time);
  const Var r = mine(inputs[2]);
  Run run;
  for (int i = 0; i < states; ++i)
    run.last.push_back(call.has(4 + i) ? mine(inputs[static_cast<std::size_t>(i) + 4]) : build.full(x.dtype(), {batch, hidden}, 0));
  run.hidden.resize(static_cast<std::size_t>(time));
  for (std::int64_t step = 0; step < time; ++step) {
    const auto at = static_cast<std::size_t>(reverse ? time - 1 - step : step);
    run.last = cell.step(run.last, reshape(of_step[at], {batch, rows}), r, apart);
    run.hidden[at] = run.last[0];
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

Cell lstm_cell(const Call&) {
  return {4, false, [](const std::vector<Var>& states, const Var& projected, const Var& r, const Var&) {
            const std::vector<Var> gates = parts(projected + times_transposed(states[0], r), 1, 4);
            const Var c = sigmoid(gates[2]) * states[1] + sigmoid(gates[0]) * tanh(gates[3]);
            return std::vector<Var>{sigmoid(gates[1]) * tanh(c), c};
          }};
}

// Gates of x: update, reset, candidate. The candidate sees the state through the reset gate, before or after its product with r.
Cell gru_cell(const Call& call) {
  const auto linear_first = [](const Var& h, const std::vector<Var>& x, const Var& r, const Var& bias) {
    Var product = times_transposed(h, r);
    if (bias) product = product + bias;
    const std::vector<Var> of_h = parts(product, 1, 3);
    return std::pair{sigmoid(x[0] + of_h[0]), tanh(x[2] + sigmoid(x[1] + of_h[1]) * of_h[2])};
  };
  const auto reset_first = [](const Var& h, const std::vector<Var>& x, const Var& r, const Var&) {
    const std::vector<Var> rows = parts(r, 0, 3);
    const Var reset = sigmoid(x[1] + times_transposed(h, rows[1]));
    return std::pair{sigmoid(x[0] + times_transposed(h, rows[0])), tanh(x[2] + times_transposed(reset * h, rows[2]))};
  };
  const bool linear = call.flag("linear_before_reset");
  return {3, linear, [=](const std::vector<Var>& states, const Var& projected, const Var& r, const Var& bias) {
            const std::vector<Var> x = parts(projected, 1, 3);
            const auto [update, candidate] = linear ? linear_first(states[0], x, r, bias) : reset_first(states[0], x, r, bias);
            return std::vector<Var>{candidate + update * (states[0] - candidate)};
          }};
}

Cell rnn_cell(const Call& call) {
  const std::string& activation = call.text("activation");
  if (activation != "tanh" && activation != "relu") call.fail(fmt::format("activation is '{}'", activation), "tanh or relu");
  return {1, false, [activation](const std::vector<Var>& states, const Var& projected, const Var& r, const Var&) {
            return std::vector<Var>{unary(activation, projected + times_transposed(states[0], r))};
          }};
}

Operator recurrent(const char* name, const char* about, int states, std::vector<AttributeSpec> attributes,
                   const std::function<Cell(const Call&)>& cell) {
  Operator op;
  op.name = name;
  op.about = about;
  op.inputs = {{"x"}, {"w"}, {"r"}, {"bias", InputSpec::optional}, {"initial_h", InputSpec::optional}};
  if (states > 1) op.inputs.push_back({"initial_c", InputSpec::optional});
  op.attributes = {{"direction", std::string("forward"), "forward, reverse or bidirectional"}};
  op.attributes.insert(op.attributes.end(), attributes.begin(), attributes.end());
  op.compose = [cell, states](Builder& build, const std::vector<Var>& inputs, const Call& call) {
    return compose(build, inputs, call, cell(call), states);
  };
  return op;
}

const Register lstm{recurrent(
    "lstm", "gates i, o, f, g of x w^T + h r^T + bias: c' = sigmoid(f) c + sigmoid(i) tanh(g), h' = sigmoid(o) tanh(c'); then h, c", 2, {},
    lstm_cell)};

const Register gru{recurrent("gru", "gates z, r, n: n = tanh(x w_n^T + (r h) r_n^T + bias), h' = (1 - z) n + z h; then the last h", 1,
                             {{"linear_before_reset", false, "the reset gate scales h r_n^T + bias rather than h"}}, gru_cell)};

const Register rnn{recurrent("rnn", "h' = f(x w^T + h r^T + bias); then the last h", 1,
                             {{"activation", std::string("tanh"), "f: tanh or relu"}}, rnn_cell)};

}  // namespace
}  // namespace neap::recurrent_operator
