// Products with sparse patterns that were written as messages: what each edge brings from its source, times a weight, summed by targets, is
// spmm; what each edge takes from its target, times a weight, collected by sources (the gradient of the former), is spmm transposed; and
// the sum over features of what both ends of an edge have, multiplied, is sddmm. No message is stored then, and what is known of products
// (their order, above all) holds for layers that users write.
#include <algorithm>

#include "neap/transform/call_edit.h"
#include "neap/transform/transformation.h"

namespace neap::recognise_spmm_transformation {
namespace {

constexpr std::size_t pattern_size = 5;

// Operands of edge_source and edge_collect: a value, then the pattern.
std::vector<ValueId> pattern_of(const Node& node) {
  std::vector<ValueId> pattern(node.inputs.begin() + 1, node.inputs.end());
  pattern.resize(pattern_size, no_value);
  return pattern;
}

// Edges by rows and by columns.
bool is_whole(const std::vector<ValueId>& pattern) { return std::count(pattern.begin(), pattern.end(), no_value) == 0; }

std::vector<ValueId> operands(ValueId x, ValueId weights, const std::vector<ValueId>& pattern) {
  std::vector<ValueId> all{x, weights};
  all.insert(all.end(), pattern.begin(), pattern.end());
  return all;
}

// The weights that spmm takes for a factor of messages: of an edge, or of an edge and the messages' first axes; no_value if it is none.
ValueId as_weights(Draft& draft, int before, ValueId factor, const Shape& messages) {
  for (int made = maker(draft, factor, "expand"); made >= 0; made = maker(draft, factor, "expand")) {
    if (draft.type(draft.node(made).inputs[0]).shape.size() != messages.size()) break;
    factor = draft.node(made).inputs[0];
  }
  const Shape& shape = draft.type(factor).shape;
  if (shape.size() != messages.size() || !(shape[0] == messages[0])) return no_value;
  std::size_t kept = shape.size();
  while (kept > 1 && shape[kept - 1] == Dim(1)) --kept;
  if (!std::equal(shape.begin(), shape.begin() + static_cast<std::ptrdiff_t>(kept), messages.begin())) return no_value;
  if (kept == shape.size()) return factor;
  const Shape wanted(shape.begin(), shape.begin() + static_cast<std::ptrdiff_t>(kept));
  const int reshaped = maker(draft, factor, "reshape");
  if (reshaped >= 0 && draft.type(draft.node(reshaped).inputs[0]).shape == wanted) return draft.node(reshaped).inputs[0];
  return insert_call(draft, before, "reshape", {factor}, {{"shape", wanted}});
}

// A value that `carrier` brings to edges, and the other factor of a message (no_value: there is none).
struct Parts {
  int carrier = -1;
  ValueId factor = no_value;
};
Parts parts_of(const Draft& draft, ValueId message, std::string_view carrier) {
  if (const int plain = maker(draft, message, carrier); plain >= 0) return {plain, no_value};
  const int product = maker(draft, message, "mul");
  if (product < 0) return {};
  const std::vector<ValueId>& factors = draft.node(product).inputs;
  for (const std::size_t side : {std::size_t{0}, std::size_t{1}}) {
    const int carries = maker(draft, factors[side], carrier);
    if (carries >= 0 && draft.type(factors[side]).shape == draft.type(message).shape) return {carries, factors[1 - side]};
  }
  return {};
}

// segment_sum(weights * edge_source(x)), or edge_collect(weights * segment_broadcast(y)).
std::string make_product(Draft& draft, int at, bool transposed) {
  const Node sum = draft.node(at);
  const ValueId message = sum.inputs[0];
  const Parts parts = parts_of(draft, message, transposed ? "segment_broadcast" : "edge_source");
  if (parts.carrier < 0) return transposed ? "it collects nothing that comes from targets" : "it sums nothing that comes from sources";
  const Node carrier = draft.node(parts.carrier);
  const std::vector<ValueId> pattern = pattern_of(transposed ? sum : carrier);
  if (pattern[0] != (transposed ? carrier : sum).inputs[1]) return "its rows are those of another pattern";
  if (transposed && !is_whole(pattern)) return "the pattern is known by rows only";
  ValueId weights = no_value;
  if (parts.factor != no_value) {
    weights = as_weights(draft, at, parts.factor, draft.type(message).shape);
    if (weights == no_value) return "the factor is not one of an edge";
  }
  Attributes attributes;
  if (transposed) attributes["transpose"] = true;
  become_call(draft, at, "spmm", operands(carrier.inputs[0], weights, pattern), attributes);
  return "";
}

// sum over the last axes of edge_source(x) * segment_broadcast(y): what an edge's weight gets as its gradient.
std::string make_sampled(Draft& draft, int at) {
  const Node sum = draft.node(at);
  const int product = maker(draft, sum.inputs[0], "mul");
  if (product < 0) return "it sums no product";
  int ends[2] = {-1, -1};
  for (const ValueId factor : draft.node(product).inputs) {
    if (const int source = maker(draft, factor, "edge_source"); source >= 0) ends[1] = source;
    if (const int target = maker(draft, factor, "segment_broadcast"); target >= 0) ends[0] = target;
  }
  if (ends[0] < 0 || ends[1] < 0) return "it multiplies something else than the two ends of edges";
  const Node source = draft.node(ends[1]), target = draft.node(ends[0]);
  const Shape& messages = draft.type(sum.inputs[0]).shape;
  if (source.inputs[1] != target.inputs[1]) return "the ends are of different patterns";
  if (!is_whole(pattern_of(source))) return "the pattern is known by rows only";
  if (!(draft.type(source.outputs[0]).shape == messages) || !(draft.type(target.outputs[0]).shape == messages))
    return "the ends are broadcast";
  const std::vector<int> axes = call_of(draft, at).axes("axes", static_cast<int>(messages.size()));
  const std::int64_t kept = static_cast<std::int64_t>(messages.size() - axes.size()) - 1;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    if (axes[i] != static_cast<int>(kept) + 1 + static_cast<int>(i)) return "it sums other axes than the last";
  }
  if (kept < 0) return "it sums over edges";
  const std::vector<ValueId> all = operands(target.inputs[0], source.inputs[0], pattern_of(source));
  const Attributes attributes = kept > 0 ? Attributes{{"kept", kept}} : Attributes{};
  const Shape shape = draft.type(sum.outputs[0]).shape;
  if (shape.size() == static_cast<std::size_t>(kept) + 1) {
    become_call(draft, at, "sddmm", all, attributes);
  } else {
    become_call(draft, at, "reshape", {insert_call(draft, at, "sddmm", all, attributes)}, {{"shape", shape}});
  }
  return "";
}

std::string apply(Draft& draft, const Site& site, const Parameters&) {
  if (const int at = call_at(draft, site.at, "segment_sum"); at >= 0) return make_product(draft, at, false);
  if (const int at = call_at(draft, site.at, "edge_collect"); at >= 0) return make_product(draft, at, true);
  if (const int at = call_at(draft, site.at, "sum"); at >= 0) return make_sampled(draft, at);
  return "it is no sum over edges";
}

std::vector<Site> find(const Draft& draft) {
  std::vector<Site> sites;
  for (int at = draft.first(); at != 0; at = draft.next(at)) {
    const Node& node = draft.node(at);
    const bool sums_messages = node.op == "segment_sum" && parts_of(draft, node.inputs[0], "edge_source").carrier >= 0;
    const bool collects = node.op == "edge_collect" && parts_of(draft, node.inputs[0], "segment_broadcast").carrier >= 0;
    const bool samples = node.op == "sum" && parts_of(draft, node.inputs[0], "edge_source").factor != no_value;
    if (sums_messages || collects || samples) sites.push_back({{node.outputs[0]}});
  }
  return sites;
}

const RegisterTransformation recognise_spmm{{.name = "recognise_spmm",
                                             .level = 3,
                                             .about = "sums of weighted messages become products with the graph's pattern",
                                             .find = find,
                                             .apply = apply,
                                             .needs_gain = false}};

}  // namespace
}  // namespace neap::recognise_spmm_transformation
