// Reading a value: what is recorded behind it becomes a graph, which runs at once.
#include <unordered_map>
#include <vector>

#include "neap/runtime/at_once.h"
#include "neap/tensor/record.h"
#include "neap/tensor/trace.h"

namespace neap {
namespace {

// The records behind these tensors that have no results, and for each how many of its references come from among them.
std::unordered_map<const Record*, long> pending(const std::vector<Tensor>& tensors) {
  std::unordered_map<const Record*, long> references;
  std::vector<const Record*> waiting;
  const auto visit = [&](const Tensor& tensor) {
    if (!tensor || tensor.computed()) return;
    const Record* record = tensor.record().get();
    if (references[record]++ == 0) waiting.push_back(record);
  };
  for (const Tensor& tensor : tensors) visit(tensor);
  while (!waiting.empty()) {
    const Record* record = waiting.back();
    waiting.pop_back();
    for (const Tensor& input : record->inputs) visit(input);
  }
  return references;
}

// Every record that somebody besides the records holds: what was asked for, and handles that are likely to be read later.
std::vector<std::shared_ptr<Record>> held_records(const std::vector<Tensor>& tensors) {
  const std::unordered_map<const Record*, long> references = pending(tensors);
  std::vector<std::shared_ptr<Record>> held;
  std::unordered_map<const Record*, bool> seen;
  const auto visit = [&](const Tensor& tensor, bool asked) {
    if (!tensor) return;
    const auto found = references.find(tensor.record().get());
    if (found == references.end() || tensor.record()->is_placeholder()) return;
    if (!asked && tensor.record().use_count() <= found->second) return;
    if (!std::exchange(seen[tensor.record().get()], true)) held.push_back(tensor.record());
  };
  for (const Tensor& tensor : tensors) visit(tensor, true);
  for (const auto& [record, count] : references) {
    for (const Tensor& input : record->inputs) visit(input, false);
  }
  return held;
}

}  // namespace

void evaluate(const std::vector<Tensor>& tensors) {
  const std::vector<std::shared_ptr<Record>> held = held_records(tensors);
  std::vector<TracedOutput> outputs;
  for (const std::shared_ptr<Record>& record : held) {
    for (std::size_t i = 0; i < record->types.size(); ++i) outputs.push_back({Tensor(record, static_cast<int>(i)), ""});
  }
  for (const Tensor& tensor : tensors) {
    if (tensor && tensor.record()->is_placeholder()) outputs.push_back({tensor, ""});  // refused by to_graph, which says why
  }
  if (outputs.empty()) return;
  const Traced traced = to_graph({}, outputs, {.name = "at once", .capture = true});
  std::vector<Array> inputs;
  for (const Tensor& tensor : traced.captured) inputs.push_back(tensor.array());
  const std::vector<Array> results = run_at_once(traced.graph, inputs);
  std::size_t next = 0;
  for (const std::shared_ptr<Record>& record : held) {
    const auto begin = results.begin() + static_cast<std::ptrdiff_t>(next);
    next += record->types.size();
    record->results.assign(begin, results.begin() + static_cast<std::ptrdiff_t>(next));
    record->inputs.clear();
  }
}

}  // namespace neap
