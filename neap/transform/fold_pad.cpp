// Zeros put around an image become the padding of the convolution that reads it.
#include <algorithm>

#include "neap/transform/call_edit.h"
#include "neap/transform/transformation.h"

namespace neap::fold_pad_transformation {
namespace {

bool is_zero(const Dim& dim) { return dim == Dim(0); }

std::string apply(Draft& draft, const Site& site, const Parameters&) {
  const int conv = call_at(draft, site.at, "conv");
  if (conv < 0) return "it is no convolution";
  Node call = draft.node(conv);
  const int pad = maker(draft, call.inputs[0], "pad");
  if (pad < 0) return "its input is not padded";
  const Call padding = call_of(draft, pad);
  if (padding.text("mode") != "constant" || padding.number("value") != 0) return "the padding is not of zeros";
  const auto& gaps = padding.integers("gaps");
  if (std::any_of(gaps.begin(), gaps.end(), [](std::int64_t gap) { return gap != 0; })) return "the padding leaves gaps";
  const Shape &before = padding.dims("before"), &after = padding.dims("after");
  if (!is_zero(before[0]) || !is_zero(after[0]) || !is_zero(before[1]) || !is_zero(after[1])) return "it pads batch or channels";
  const std::size_t rank = before.size() - 2;
  std::vector<std::int64_t> pads = call_of(draft, conv).integers("pads");
  if (pads.empty()) pads.assign(2 * rank, 0);
  for (std::size_t i = 0; i < rank; ++i) {
    const Dim &b = before[i + 2], &a = after[i + 2];
    if (!b.is_constant() || !a.is_constant()) return "the padding is not a known number";
    pads[i] += b.constant();
    pads[rank + i] += a.constant();
  }
  if (std::any_of(pads.begin(), pads.end(), [](std::int64_t p) { return p < 0; })) return "it cuts elements off";
  call.inputs[0] = draft.node(pad).inputs[0];
  call.attributes["pads"] = pads;
  become_call(draft, conv, "conv", call.inputs, call.attributes);
  return "";
}

std::vector<Site> find(const Draft& draft) {
  std::vector<Site> sites;
  for (int at = draft.first(); at != 0; at = draft.next(at)) {
    const Node& node = draft.node(at);
    if (node.op == "conv" && maker(draft, node.inputs[0], "pad") >= 0) sites.push_back({{node.outputs[0]}});
  }
  return sites;
}

const RegisterTransformation fold_pad{
    {.name = "fold_pad", .level = 3, .about = "makes padding with zeros a part of the convolution", .find = find, .apply = apply}};

}  // namespace
}  // namespace neap::fold_pad_transformation
