#include "neap/transform/sparse_dispatch.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cstdio>
#include <mutex>
#include <set>

#include "neap/base/error.h"
#include "neap/base/progress.h"
#include "neap/ir/origin.h"
#include "neap/layouts/sparse_layout.h"
#include "neap/transform/sparse_values.h"

namespace neap {
namespace {

double bytes_of(const Type& type, const CostModel& model) {
  return model.evaluate(element_count(type.shape)) * static_cast<double>(size_of(type.dtype));
}

// Whether there was an edit at this site.
bool was_edited(const Optimizer& optimizer, const std::vector<ValueId>& site) {
  return std::any_of(optimizer.steps().begin(), optimizer.steps().end(),
                     [&](const Step& step) { return step.transformation == "multiply_sparse" && step.site.at == site; });
}

// Whether elements are taken of no dense matrix: takes of one product are edited together, at the site of one.
bool was_sampled(const Optimizer& optimizer, const Draft& written, const SparseNode& take) {
  const std::vector<int> products = products_behind(written, written.node(take.at).inputs[0]);
  const std::vector<int> takes = products.empty() ? std::vector<int>{take.at} : takes_of(written, products[0], take);
  return std::any_of(takes.begin(), takes.end(), [&](int at) { return was_edited(optimizer, {written.node(at).outputs[0]}); });
}

// What reads a matrix, by itself or as what it was made sparsely.
std::vector<const Node*> readers(const Draft& written, ValueId matrix) {
  const SparseForms forms = sparse_forms(written, sparse_maker(written, matrix, "dense"));
  const auto is_form = [&](ValueId id) {
    return std::any_of(forms.begin(), forms.end(), [&](const auto& form) { return form.first == id; });
  };
  std::vector<const Node*> all;
  for (const auto& [form, transposed] : forms) {
    for (const int user : written.users_in_order(form)) {
      const Node* node = &written.node(user);
      const bool is_dense = !is_form(node->outputs[0]) && !node->op.ends_with("_take");
      if (is_dense && std::find(all.begin(), all.end(), node) == all.end()) all.push_back(node);
    }
  }
  return all;
}

// The operators of these kinds ("matmul") that say they came from this matrix, in whatever layout, with their implementations.
std::vector<std::string> found_by(const Graph& graph, const std::string& matrix, std::initializer_list<std::string_view> kinds) {
  std::vector<std::string> all;
  const auto is_tag = [&](const std::string& origin) {
    const auto of_kind = [&](std::string_view kind) { return origin.ends_with("_" + std::string(kind)); };
    return origin.starts_with(matrix + ": ") && std::any_of(kinds.begin(), kinds.end(), of_kind);
  };
  for (const NodePtr& node : graph.nodes()) {
    const auto tag = std::find_if(node->origin.begin(), node->origin.end(), is_tag);
    if (tag == node->origin.end()) continue;
    const std::string runs = node->is_map() ? "generated loops" : node->implementation.empty() ? "its definition" : node->implementation;
    const std::string how = fmt::format("{} by {}", tag->substr(tag->rfind(": ") + 2), runs);
    if (std::find(all.begin(), all.end(), how) == all.end()) all.push_back(how);
  }
  // Where a library has the product, what is generated around it is not worth a word.
  const auto by_library = [](const std::string& how) { return !how.ends_with("generated loops"); };
  if (std::any_of(all.begin(), all.end(), by_library)) std::erase_if(all, [&](const std::string& how) { return !by_library(how); });
  return all;
}

std::string why(const Optimizer& optimizer, const Graph& written, const Draft& draft, const Node& node) {
  const std::string place = node_name(written, node);
  const std::vector<Refusal>& all = optimizer.refusals();
  const auto last = std::find_if(all.rbegin(), all.rend(),
                                 [&](const Refusal& one) { return one.transformation == "multiply_sparse" && one.place == place; });
  if (last != all.rend()) return last->reason;
  const auto name = [](const Node& one) { return one.is_map() ? std::string("a map") : one.op; };
  if (node.op.ends_with("_take")) {
    int maker = draft.producer(node.inputs[0]);
    while (maker >= 0 && draft.node(maker).op == "reshape") maker = draft.producer(draft.node(maker).inputs[0]);
    return fmt::format("{} makes it whole", maker < 0 ? "what is given" : name(draft.node(maker)));
  }
  const std::vector<const Node*> reading = readers(draft, node.outputs[0]);
  return reading.empty() ? "it is a result" : fmt::format("{} takes dense operands only", name(*reading[0]));
}

}  // namespace

std::vector<SparseUse> sparse_uses(const Graph& written, const Optimizer& optimizer) {
  std::vector<SparseUse> all;
  std::optional<Draft> draft;
  std::set<ValueId> packed;
  for (const NodePtr& node : written.nodes()) {
    std::string_view what;
    const SparseLayout* layout = node->is_map() ? nullptr : layout_of_operator(node->op, what);
    if (layout == nullptr || !layout->leaves_out || (what != "dense" && what != "take")) continue;
    if (!draft) draft.emplace(written);
    const bool is_take = what == "take";
    // What is taken first at places that were found in the run is a value that is packed there, and whole until then.
    const int finder = is_take ? draft->producer(node->inputs[1]) : -1;
    if (finder >= 0 && draft->node(finder).op == layout->op("places") && packed.insert(node->inputs[1]).second) continue;
    SparseUse use{.matrix = origin_place(node->origin.empty() ? node->op : node->origin.front()),
                  .layout = choice_of(*layout, make_call(written, *node)).to_string()};
    const ValueId made = node->outputs[0];
    const bool whole = is_take ? was_sampled(optimizer, *draft, sparse_maker(*draft, made, "take")) : was_edited(optimizer, {made});
    bool in_part = false;
    for (const Node* reader : is_take || whole ? std::vector<const Node*>{} : readers(*draft, made)) {
      const bool edited = was_edited(optimizer, {made, reader->outputs[0]});
      in_part |= edited;
      if (!edited) use.dense_for.push_back(reader->op);
    }
    if (whole || in_part) {
      use.by = is_take ? found_by(optimizer.graph(), use.matrix, {"sample"})
                       : found_by(optimizer.graph(), use.matrix, {"matmul", "conv", "conv_input", "sum"});
    }
    if (!whole || use.by.empty()) {
      use.dense = node->op;
      use.dense_bytes = bytes_of(written.type(is_take ? node->inputs[0] : node->outputs[0]), optimizer.model());
      use.reason = why(optimizer, written, *draft, *node);
    }
    all.push_back(std::move(use));
  }
  return all;
}

namespace {

// For which of its products a matrix is dense, where not for all.
std::string parts(const SparseUse& use) { return use.by.empty() ? "" : fmt::format(" for {}", fmt::join(use.dense_for, ", ")); }

std::string dense_text(const SparseUse& use) {
  return fmt::format("{} ({}): {}{}, {}: {}", use.matrix, use.layout, use.dense.ends_with("take") ? "a dense gradient" : "made dense",
                     parts(use), human_bytes(use.dense_bytes), use.reason);
}

}  // namespace

std::string to_string(const std::vector<SparseUse>& uses, std::string_view before) {
  std::string text;
  for (const SparseUse& use : uses) {
    if (!use.by.empty()) text += fmt::format("{}sparse: {} ({}): {}\n", before, use.matrix, use.layout, fmt::join(use.by, ", "));
    if (!use.dense.empty()) text += fmt::format("{}sparse: {}\n", before, dense_text(use));
  }
  return text;
}

void handle(const std::vector<SparseUse>& uses, DenseFallback policy) {
  static std::mutex mutex;
  static std::set<std::string> said;
  for (const SparseUse& use : uses) {
    if (use.dense.empty() || policy == DenseFallback::silent) continue;
    if (policy == DenseFallback::refused)
      throw Error(fmt::format("{} is made dense{}: {}, {}", use.layout, parts(use), human_bytes(use.dense_bytes), use.reason),
                  "sparse matrix " + use.matrix,
                  "store it in another layout, add an implementation (examples/outside/implementation.cpp), or allow it");
    const std::lock_guard lock(mutex);
    const std::string text = dense_text(use);
    if (said.insert(text).second) std::fprintf(stderr, "neap: sparse matrix %s\n", text.c_str());
  }
}

void handle(const Graph& written, const Optimizer& optimizer, int level, DenseFallback policy) {
  constexpr int multiplying = 3;
  if (level >= multiplying || policy == DenseFallback::refused) handle(sparse_uses(written, optimizer), policy);
}

}  // namespace neap
