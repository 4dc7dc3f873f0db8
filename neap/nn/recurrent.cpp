#include "neap/nn/recurrent.h"

#include <cmath>

namespace neap {

Recurrent::Recurrent(std::string op, std::int64_t gates, std::int64_t in, std::int64_t hidden, RecurrentOptions options)
    : op_(std::move(op)), options_(options), hidden_(hidden) {
  const std::int64_t directions = options.bidirectional ? 2 : 1;
  const Initializer within = uniform_within(1 / std::sqrt(static_cast<double>(hidden)));
  input_ = &parameter("weight_input", {options.dtype, {directions, gates * hidden, in}, {}}, within);
  recurrent_ = &parameter("weight_recurrent", {options.dtype, {directions, gates * hidden, hidden}, {}}, within);
  bias_ = &parameter("bias", {options.dtype, {directions, 2 * gates * hidden}, {}}, within);
}

Recurrent::Result Recurrent::run(const Tensor& x, const std::vector<Tensor>& states) {
  const Scope scope(path());
  return step_through(x, states);
}

Tensor Recurrent::forward(const Tensor& x) { return step_through(x, {}).output; }

Recurrent::Result Recurrent::step_through(const Tensor& x, const std::vector<Tensor>& states) {
  std::vector<Tensor> inputs{x, *input_, *recurrent_, *bias_};
  inputs.insert(inputs.end(), states.begin(), states.end());
  Attributes attributes{{"direction", std::string(options_.bidirectional ? "bidirectional" : "forward")}};
  if (op_ == "gru") attributes["linear_before_reset"] = true;  // as the cell is trained elsewhere in the field
  std::vector<Tensor> made = calls(op_, inputs, attributes);
  // [T, D, N, hidden] -> [T, N, D * hidden]
  const Dim directions = options_.bidirectional ? 2 : 1;
  const Tensor output = made[0].transpose({0, 2, 1, 3}).reshape({x.size(0), x.size(1), directions * Dim(hidden_)});
  return {output, {made.begin() + 1, made.end()}};
}

}  // namespace neap
