// Losses over classes: NegativeLogLikelihoodLoss and SoftmaxCrossEntropyLoss.
#include "neap/onnx/reader.h"

namespace neap::read_loss_onnx {
namespace {

// -weight[target] * log_probability[target]; targets that are ignored count nothing, in the mean neither.
Var negative_log_likelihood(OnnxNode& node, const Var& log_probability, const Var& target, const Var& weight) {
  Builder& build = node.build();
  const std::string reduction = node.text("reduction", "mean");
  if (reduction != "mean" && reduction != "sum" && reduction != "none") node.fail("the reduction is none of mean, sum, none");
  const DType dtype = log_probability.dtype();
  const Var zero = build.constant(dtype, 0);
  Var label = cast(target, DType::i64), ignored;
  if (node.has("ignore_index")) {
    const Var index = build.constant(Array::scalar(node.integer("ignore_index", -1)));
    ignored = build.call("equal", {label, index});
    label = where(ignored, build.constant(DType::i64, 0), label);
  }
  Shape apart = label.shape();
  if (apart.empty() || log_probability.rank() < 2) node.fail("takes scores [N,C,...] and labels [N,...]");
  apart.insert(apart.begin() + 1, Dim(1));
  const Var picked =
      reshape(build.call("gather_elements", {log_probability, reshape(label, apart)}, {{"axis", std::int64_t{1}}}), label.shape());
  Var counts;
  if (weight) counts = build.call("gather", {weight, label});
  if (ignored && !counts) counts = build.full(dtype, label.shape(), 1);
  if (ignored) counts = where(ignored, zero, counts);
  const Var loss = counts ? -picked * counts : -picked;
  if (reduction == "none") return loss;
  if (reduction == "sum") return sum(loss, {});
  return counts ? sum(loss, {}) / sum(counts, {}) : mean(loss, {});
}

Var weight_of(OnnxNode& node) { return node.has(2) ? node.input(2) : Var(); }

void read_nll(OnnxNode& node) { node.give(negative_log_likelihood(node, node.input(0), node.input(1), weight_of(node))); }

void read_cross_entropy(OnnxNode& node) {
  if (node.rank(0) < 2) node.fail("takes scores [N,C,...]");
  const Var log_probability = node.build().call("log_softmax", {node.input(0)}, {{"axis", std::int64_t{1}}});
  node.give(negative_log_likelihood(node, log_probability, node.input(1), weight_of(node)));
  node.give(log_probability);
}

const RegisterOnnx nll{{.type = "NegativeLogLikelihoodLoss", .since = 12, .read = read_nll}};
const RegisterOnnx cross_entropy{{.type = "SoftmaxCrossEntropyLoss", .since = 12, .read = read_cross_entropy}};

}  // namespace
}  // namespace neap::read_loss_onnx
