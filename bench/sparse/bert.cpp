// BERT-base's encoder with its six matrices a layer made sparse, against the same dense: batch 8, 128 positions, all threads.
#include "bench/demo_step.h"
#include "bench/harness.h"
#include "bench/sparse/bert_encoder.h"
#include "neap/tensor/compile.h"

namespace neap::bench::bert_topic {
namespace {

Executable encoder(const std::string& sparsifier) { return make_executable(bert_graph(sparsifier)); }

void run(Rows& rows) {
  struct Form {
    const char *name, *sparsifier;
    std::optional<double> target;
  };
  const Form forms[] = {{"2:4:16", "nmg n=2 m=4 g=16", 1.35},
                        {"2:8:14", "nmg n=2 m=8 g=14", {}},
                        {"1:10:16", "nmg n=1 m=10 g=16", {}},
                        {"4 x 1 blocks, 90 % zeros", "blocks r=4 c=1 sparsity=0.9", 2.5}};
  const Array x = random_array({bert_batch, bert_positions, 768}, 1, -1, 1);
  Executable dense = encoder("");
  std::vector<Executable> sparse;
  std::vector<Candidate> candidates{{"dense", [&] { dense.run({x}); }}};
  for (const Form& form : forms) sparse.push_back(encoder(form.sparsifier));
  for (Executable& one : sparse) candidates.push_back({"sparse", [&] { one.run({x}); }});
  const auto seconds = interleave(candidates, {.rounds = 9, .seconds = 0});
  for (std::size_t i = 0; i < std::size(forms); ++i)
    rows.add(
        against(std::string("BERT-base encoder, ") + forms[i].name, "ms", 1e3, seconds[i + 1], seconds[0], "dense Neap", forms[i].target));
}

const RegisterTopic topic{{.name = "bert", .about = "an encoder's matrices made sparse, end to end, batch 8 of 128 positions", .run = run}};

}  // namespace
}  // namespace neap::bench::bert_topic
