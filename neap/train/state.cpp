#include "neap/train/state.h"

#include "neap/base/error.h"
#include "neap/base/hash.h"

namespace neap {
namespace {

std::string describe(const Array& array) { return std::string(name(array.dtype())) + to_string(array.sizes()); }

}  // namespace

StepState::StepState(const Graph& step, const Module& module, std::uint64_t seed, NamedArrays fixed)
    : fixed_(std::move(fixed)), seed_(seed) {
  NamedArrays known;
  for (const auto& all : {module.parameters(), module.buffers()}) {
    for (const Parameter* parameter : all) known[parameter->name()] = parameter->value().array();
  }
  for (const Input& input : step.inputs) {
    slots_.push_back({input.name, input.role});
    const Type& type = step.type(input.value);
    if (input.name == "learning_rate") rate_dtype_ = type.dtype;
    if (input.role == Role::fixed && fixed_.count(input.name) == 0) {
      throw Error(fmt::format("there is no array for the fixed input '{}' of the step", input.name));
    }
    if (input.role == Role::input || input.role == Role::fixed) continue;
    const auto found = known.find(input.name);
    arrays_[input.name] = found != known.end() ? found->second.clone() : Array::zeros(type.dtype, evaluate(type.shape, {}));
  }
}

std::vector<Array> StepState::inputs(const std::vector<Array>& data, double learning_rate, std::int64_t step) const {
  std::vector<Array> all;
  std::size_t next = 0;
  for (const Slot& slot : slots_) {
    if (slot.role == Role::fixed) {
      all.push_back(fixed_.at(slot.name));
    } else if (slot.role != Role::input) {
      all.push_back(arrays_.at(slot.name));
    } else if (slot.name == "learning_rate") {
      all.push_back(Array::full(rate_dtype_, {}, learning_rate));
    } else if (slot.name == "step") {
      all.push_back(Array::scalar<std::int64_t>(step));
    } else if (slot.name == "seed") {
      const Hash hash = Hasher().add(seed_).add(static_cast<std::uint64_t>(step)).finish();
      all.push_back(Array::scalar(static_cast<std::int64_t>(hash.low >> 1)));
    } else {
      if (next >= data.size()) throw Error(fmt::format("there is no data for input '{}' of the step", slot.name));
      all.push_back(data[next++]);
    }
  }
  return all;
}

void StepState::take(const Graph& step, const std::vector<Array>& results) {
  for (std::size_t i = 0; i < results.size(); ++i) {
    const int updates = step.outputs[i].updates;
    if (updates < 0) continue;
    Array& mine = arrays_.at(step.inputs[static_cast<std::size_t>(updates)].name);
    if (mine.raw() != results[i].raw()) copy_elements(results[i], mine);
  }
}

Array& StepState::array(const std::string& name) {
  const auto found = arrays_.find(name);
  if (found == arrays_.end()) throw Error(fmt::format("the step has no state '{}'", name));
  return found->second;
}

NamedArrays StepState::copy() const {
  NamedArrays copies;
  for (const auto& [name, array] : arrays_) copies[name] = array.clone();
  return copies;
}

void StepState::load(const NamedArrays& saved, const std::string& place) {
  const std::string remedy = "give the folder of this network's checkpoints, or a new one";
  for (const auto& [name, mine] : arrays_) {
    const auto found = saved.find(name);
    if (found == saved.end()) throw Error(fmt::format("the checkpoint is of another network: it has no '{}'", name), place, remedy);
    if (found->second.dtype() != mine.dtype() || found->second.sizes() != mine.sizes()) {
      throw Error(
          fmt::format("the checkpoint is of another network: '{}' is {} there, {} here", name, describe(found->second), describe(mine)),
          place, remedy);
    }
  }
  for (const auto& [name, array] : saved) {
    if (arrays_.count(name) == 0) {
      throw Error(fmt::format("the checkpoint is of another network: it has '{}', which is not in this one", name), place, remedy);
    }
  }
  for (auto& [name, mine] : arrays_) copy_elements(saved.at(name), mine);
}

void StepState::store_into(Module& module) const {
  for (const auto& all : {module.parameters(), module.buffers()}) {
    for (Parameter* parameter : all) parameter->set(arrays_.at(parameter->name()).clone());
  }
}

}  // namespace neap
