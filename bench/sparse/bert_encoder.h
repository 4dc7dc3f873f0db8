// BERT-base's encoder as the topics and the comparison with peers run it.
#pragma once
#include "neap/sparse/plan.h"
#include "neap/train/step.h"
#include "neap/zoo/bert.h"

namespace neap::bench {

constexpr std::int64_t bert_batch = 8, bert_positions = 128;

// Its six matrices a layer by a sparsifier ("nmg n=2 m=4 g=16"); dense where that is empty. One input, x [batch, positions, 768].
inline Graph bert_graph(const std::string& sparsifier) {
  BertEncoder net;
  net.initialize(1);
  if (!sparsifier.empty())
    sparse::sparsify(
        net,
        sparse::SparsityPlan().add("*attention.*.weight", sparsifier).add("*.inner.weight", sparsifier).add("*.output.weight", sparsifier));
  return inference_graph(net, {"x", {DType::f32, {bert_batch, bert_positions, 768}, {}}});
}

}  // namespace neap::bench
