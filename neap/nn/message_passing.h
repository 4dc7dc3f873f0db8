// A layer whose message, reduction and update its user writes (Gilmer et al. 2017, arXiv:1704.01212, eqs. 1 and 2).
#pragma once
#include <functional>

#include "neap/nn/graph_convolution.h"

namespace neap {

// What an edge sees.
struct Message {
  Tensor source, target;  // [edges, ...]: of its two ends
  Tensor weights;         // [edges, 1, ...], of as many axes as `source`; empty where there are none
  Tensor features;        // [edges, F]; likewise
};

class MessagePassing : public GraphConvolution {
 public:
  using MessageFunction = std::function<Tensor(const Message&)>;                                // [edges, ...]
  using UpdateFunction = std::function<Tensor(const Tensor& aggregate, const Tensor& target)>;  // of [targets, ...]

  // Without an update the aggregate is the result. Layers that the functions use become parts by `part`.
  explicit MessagePassing(MessageFunction message, Reduce reduce = Reduce::sum, UpdateFunction update = {})
      : message_(std::move(message)), reduce_(reduce), update_(std::move(update)) {}
  template <class M, class... Arguments>
  M& part(std::string name, Arguments&&... arguments) {
    return add<M>(std::move(name), std::forward<Arguments>(arguments)...);
  }

 protected:
  Tensor forward(const Tensor& source, const Tensor& target, const Edges& edges) override;

 private:
  MessageFunction message_;
  Reduce reduce_;
  UpdateFunction update_;
};

}  // namespace neap
