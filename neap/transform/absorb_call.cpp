// A small library call between scopes over the same rows (the products of a gate, between two convolutions of an image) keeps these apart:
// what they hand on goes through memory. As loops it joins them, and a row runs through all of it while it is in cache.
#include <algorithm>

#include "neap/transform/recipe.h"
#include "neap/transform/transformation.h"

namespace neap::absorb_call_transformation {
namespace {

std::string join(Draft& draft, ValueId one, ValueId other) {
  static const Transformation& fuse_scope = find_transformation("fuse_scope");
  static const Parameters parameters = complete(fuse_scope, {});
  return fuse_scope.apply(draft, {{one, other}}, parameters);
}

double count(const Dim& dim) { return static_cast<double>(dim.evaluate({}, typical_size)); }

// What the maps ahead of a call and behind it hand on beside it, in elements.
double handed_on(const Draft& draft, const Node& ahead, const Node& behind) {
  double elements = 0;
  for (const ValueId id : ahead.outputs) {
    const bool read = std::find(behind.inputs.begin(), behind.inputs.end(), id) != behind.inputs.end();
    elements += read ? count(element_count(draft.type(id).shape)) : 0;
  }
  return elements;
}

bool is_map_of(const Draft& draft, int at) { return at >= 0 && draft.node(at).is_map(); }

std::string apply(Draft& draft, const Site& site, const Parameters&) {
  static const Transformation& implementation = find_transformation("implementation");
  const int at = site.at.size() == 1 ? draft.producer(site.at[0]) : -1;
  if (at < 0 || draft.node(at).is_map()) return "there is no library's call here";
  const ValueId result = site.at[0];
  const std::vector<int> readers = draft.users_in_order(result);
  if (readers.size() != 1 || !is_map_of(draft, readers[0])) return "its result is not read by one map";
  const ValueId behind = draft.node(readers[0]).outputs[0];
  const Node call = draft.node(at);
  const Draft::Mark mark = draft.mark();
  if (std::string reason = implementation.apply(draft, site, complete(implementation, {})); !reason.empty()) return reason;
  std::string reason = "no map makes its operands";
  for (const ValueId operand : call.inputs) {
    if (operand == no_value || !is_map_of(draft, draft.producer(operand))) continue;
    const double work = count(flops(*draft.node(draft.producer(result)).map));
    if (work > handed_on(draft, draft.node(draft.producer(operand)), draft.node(readers[0])))
      reason = "it is more work than what it keeps in memory is worth";
    else
      reason = join(draft, operand, result);
    if (reason.empty()) reason = join(draft, result, behind);
    break;
  }
  if (!reason.empty()) draft.rollback(mark);
  return reason;
}

std::vector<Site> find(const Draft& draft) {
  std::vector<Site> sites;
  for (int at = draft.first(); at != 0; at = draft.next(at)) {
    const Node& node = draft.node(at);
    if (!node.is_map() && !node.implementation.empty() && node.outputs.size() == 1) sites.push_back({{node.outputs[0]}});
  }
  return sites;
}

const RegisterTransformation absorb_call{{.name = "absorb_call",
                                          .level = 2,
                                          .about = "runs a library's call as loops in one scope with the maps around it",
                                          .find = find,
                                          .apply = apply,
                                          .needs_gain = false}};

}  // namespace
}  // namespace neap::absorb_call_transformation
