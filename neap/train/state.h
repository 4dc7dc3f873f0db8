// The arrays that a training step works on: parameters, buffers and the rule's state, by name and in the graph's order.
#pragma once
#include <string>
#include <vector>

#include "neap/files/bytes.h"
#include "neap/nn/module.h"

namespace neap {

class StepState {
 public:
  // For a graph made by training_step: parameters and buffers start as copies of the module's, the rule's state as zeros, averages as
  // zeros.
  // What layers draw in a step follows from `seed` and the step's number. `fixed`: the step's fixed inputs; Error if one is missing.
  StepState(const Graph& step, const Module& module, std::uint64_t seed = 0, NamedArrays fixed = {});

  // What a run of the step takes: `data` in the order of the graph's first inputs. `step` counts from 1.
  std::vector<Array> inputs(const std::vector<Array>& data, double learning_rate, std::int64_t step) const;
  // Takes the new values out of a run's results, where they were not written in place.
  void take(const Graph& step, const std::vector<Array>& results);

  const NamedArrays& arrays() const { return arrays_; }  // they change with each step: clone what must stay
  Array& array(const std::string& name);                 // to be changed between steps; Error if there is none
  NamedArrays copy() const;
  // Error naming the first array that is missing, too much, or of another dtype or size; nothing is changed then.
  void load(const NamedArrays& saved, const std::string& place);
  void store_into(Module& module) const;  // copies

 private:
  struct Slot {
    std::string name;
    Role role;
  };
  std::vector<Slot> slots_;  // of the graph's inputs
  NamedArrays arrays_, fixed_;
  DType rate_dtype_ = DType::f32;
  std::uint64_t seed_;
};

}  // namespace neap
