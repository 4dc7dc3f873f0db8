// Masks that change while a network is trained: gradual pruning, and sparse training that drops and grows (RigL, SET). For parameters in
// the layout "masked"; give the object as TrainerOptions::before_step. What is kept stands in the state, so checkpoints hold it.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "neap/sparse/schedule.h"
#include "neap/sparse/sparsifier.h"
#include "neap/train/state.h"
#include "neap/train/step.h"

namespace neap {

struct RevisionOptions {
  std::int64_t every = 100, until = 0;  // steps: masks change at every, 2 every, ... below `until`
  std::uint64_t seed = 0;
  std::string names = "*";  // of parameters; '*' stands for any characters. What one object takes is judged together
  // Of gradual pruning. A slot of the rule's state with what each element is worth, such as "movement" (gradient_rules.h); empty: its
  // magnitude. Whether what was left out may come back: with gradients straight through the mask it goes on changing.
  std::string scores;
  bool revive = false;
};

// What of a run's steps each sparsifier is for.
using SparsifierSchedule = std::function<sparse::SparsifierChoice(std::int64_t step)>;
// The largest magnitudes, of a sparsity that grows (Zhu and Gupta 2017, arXiv:1710.01878).
SparsifierSchedule growing_magnitude(sparse::SparsitySchedule sparsity);

// Keeps of each parameter's values what the sparsifier of the step keeps: gradual pruning.
class GradualPruning {
 public:
  // Error if no parameter in the layout "masked" has such a name.
  GradualPruning(const Module& module, SparsifierSchedule sparsifier, RevisionOptions options);
  bool operator()(std::int64_t step, const std::vector<Array>& batch, StepState& state) const;

 private:
  std::vector<std::string> names_;
  SparsifierSchedule sparsifier_;
  RevisionOptions options_;
};

// A share of what is kept is dropped, as much grows elsewhere, as the sparsifier "rigl" (by the magnitude of the dense gradient on the
// step's batch; Evci et al. 2020, arXiv:1911.11134) or "set" (at random; Mocanu et al. 2018, arXiv:1707.04780) says. What grows starts from
// 0, the rule's state with it.
class Regrowth {
 public:
  Regrowth(Module& module, const std::vector<StepInput>& inputs, const Objective& objective, const std::string& sparsifier,
           sparse::SparsitySchedule share, RevisionOptions options);
  bool operator()(std::int64_t step, const std::vector<Array>& batch, StepState& state) const;

 private:
  struct Gradients;
  std::vector<std::string> names_;
  std::string sparsifier_;
  sparse::SparsitySchedule share_;
  RevisionOptions options_;
  std::shared_ptr<Gradients> gradients_;
};

}  // namespace neap
