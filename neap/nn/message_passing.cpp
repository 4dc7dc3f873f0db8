#include "neap/nn/message_passing.h"

#include "neap/base/error.h"

namespace neap {

Tensor MessagePassing::forward(const Tensor& source, const Tensor& target, const Edges& edges) {
  const Tensor messages = message_({.source = from_source(source, edges),
                                    .target = from_target(target, edges),
                                    .weights = edges.weights ? per_row(edges.weights, source.rank()) : Tensor(),
                                    .features = edges.features});
  if (!messages || messages.rank() == 0 || !(messages.size(0) == edges.count())) {
    throw Error(
        fmt::format("the message is {}, there are {} edges", messages ? messages.type().to_string() : "empty", edges.count().to_string()),
        Scope::current(), "a message has one row for each edge");
  }
  const Tensor aggregated = aggregate(messages, edges, reduce_);
  return update_ ? update_(aggregated, target) : aggregated;
}

}  // namespace neap
