#include "neap/runtime/at_once.h"

#include <map>

#include "neap/base/error.h"
#include "neap/ops/interpreter.h"
#include "neap/runtime/at_once_plan.h"

namespace neap {
namespace {

// What a run of a plan holds.
struct Work {
  std::vector<Array> values;
  std::vector<const void*> from;
  std::vector<void*> to;
};

Array empty_of(const AtOncePlan::Slot& slot) { return {slot.dtype, slot.sizes}; }

void run_step(const AtOncePlan& plan, const AtOncePlan::Step& step, Work& work) {
  auto& values = work.values;
  const auto value = [&](int slot) -> Array& { return values[static_cast<std::size_t>(slot)]; };
  if (step.same_elements) {
    value(step.outputs[0]) = value(step.inputs[0]).reshape(plan.slots[static_cast<std::size_t>(step.outputs[0])].sizes);
    return;
  }
  if (step.interpreted != nullptr) {
    std::vector<Array> operands;
    for (const int slot : step.inputs) operands.push_back(slot < 0 ? Array() : value(slot));
    std::vector<Array> results = interpret_map(*step.interpreted, operands, step.types, plan.symbols);
    for (std::size_t i = 0; i < results.size(); ++i) value(step.outputs[i]) = std::move(results[i]);
    return;
  }
  work.from.clear();
  work.to.clear();
  for (const int slot : step.inputs) work.from.push_back(slot < 0 ? nullptr : value(slot).raw());
  for (const int slot : step.outputs) {
    value(slot) = empty_of(plan.slots[static_cast<std::size_t>(slot)]);
    work.to.push_back(value(slot).raw());
  }
  step.library != nullptr ? step.library->run(work.from, work.to) : step.blocked->run(work.from, work.to);
}

std::vector<Array> run_plan(const AtOncePlan& plan, const Graph& graph, const std::vector<Array>& inputs) {
  Work work;
  work.values.resize(plan.slots.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) work.values[static_cast<std::size_t>(plan.inputs[i])] = inputs[i];
  for (const auto& [slot, id] : plan.constants) work.values[static_cast<std::size_t>(slot)] = *graph.value(id).constant;
  for (const auto& [slot, elements] : plan.own_constants) work.values[static_cast<std::size_t>(slot)] = elements;
  for (const AtOncePlan::Step& step : plan.steps) {
    try {
      run_step(plan, step, work);
    } catch (const Error& error) {
      if (!error.place().empty()) throw;
      throw Error(error.problem(), step.place, error.remedy());
    }
    for (const int slot : step.last_used) work.values[static_cast<std::size_t>(slot)] = Array();
  }
  std::vector<Array> results;
  for (const int slot : plan.outputs) results.push_back(work.values[static_cast<std::size_t>(slot)]);
  return results;
}

struct HashOrder {
  bool operator()(const Hash& a, const Hash& b) const { return a.low != b.low ? a.low < b.low : a.high < b.high; }
};

// Library calls hold buffers of their own: each thread has its plans.
std::map<Hash, AtOncePlan, HashOrder>& plans() {
  thread_local std::map<Hash, AtOncePlan, HashOrder> kept;
  return kept;
}

}  // namespace

std::vector<Array> run_at_once(const Graph& graph, const std::vector<Array>& inputs) {
  auto& kept = plans();
  const Hash signature = at_once_signature(graph, inputs);
  auto found = kept.find(signature);
  if (found == kept.end()) {
    constexpr std::size_t most_plans = 1024;  // sizes that change each step would fill the memory: forget instead
    AtOncePlan plan = plan_at_once(graph, bind_inputs(graph, inputs));
    if (kept.size() >= most_plans) kept.clear();
    found = kept.emplace(signature, std::move(plan)).first;
  }
  return run_plan(found->second, graph, inputs);
}

}  // namespace neap
