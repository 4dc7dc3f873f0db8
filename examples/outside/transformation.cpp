// A transformation of one's own: log(softmax(x)) becomes log_softmax(x), which neither overflows nor reads what it wrote.
#include <fmt/core.h>

#include <cmath>

#include "neap/ops/interpreter.h"
#include "neap/transform/call_edit.h"
#include "neap/transform/optimizer.h"

namespace {

using namespace neap;

std::vector<Site> find(const Draft& draft) {
  std::vector<Site> sites;
  for (int at = draft.first(); at != 0; at = draft.next(at)) {
    if (draft.node(at).op == "log") sites.push_back({{draft.node(at).outputs[0]}});
  }
  return sites;
}

// Gives "" after the edit, or the reason why there was none.
std::string apply(Draft& draft, const Site& site, const Parameters&) {
  const int log = call_at(draft, site.at, "log");
  if (log < 0) return "it is no logarithm";
  const int softmax = maker(draft, draft.node(log).inputs[0], "softmax");
  if (softmax < 0) return "it takes the logarithm of something else than a softmax";
  if (!used_once(draft, draft.node(log).inputs[0])) return "somebody else needs the softmax";
  const Node below = draft.node(softmax);
  become_call(draft, log, "log_softmax", below.inputs, below.attributes);
  draft.erase_unused(softmax);
  return "";
}

const RegisterTransformation merge_log{
    {.name = "merge_log", .level = 3, .about = "computes log(softmax(x)) as log_softmax(x)", .find = find, .apply = apply}};

}  // namespace

int main() {
  const Graph written = parse_graph(R"(
graph loss {
  input x : f32[2,3]
  %1 = softmax(x) axis=1 : f32[2,3]
  %2 = log(%1) : f32[2,3]
  %3 = log(x) : f32[2,3]
  output y = %2
  output z = %3
})");
  Optimizer optimizer(written);
  const int edits = optimizer.apply_all(find_transformation("merge_log"));
  fmt::print("{}\n{}", to_string(optimizer.graph()), optimizer.explain());

  const std::vector<Array> inputs{Array::of<float>({1, 2, 3, 4, 5, 6}, {2, 3})};
  const std::vector<Array> before = interpret(written, inputs), after = interpret(optimizer.graph(), inputs);
  for (std::size_t k = 0; k < before.size(); ++k) {
    for (std::int64_t i = 0; i < before[k].count(); ++i) {
      if (std::abs(before[k].get(i) - after[k].get(i)) > 1e-5) return 1;
    }
  }
  optimizer.undo();
  return edits == 1 && structural_hash(optimizer.graph()) == structural_hash(written) ? 0 : 1;
}
