// Dropout (Srivastava et al. 2014), by a counter: what is dropped follows from the step's seed, the layer's path and the position alone.
#pragma once
#include "neap/nn/module.h"

namespace neap {

// What layers draw from while it lives: one integer, another for each step. One in a thread at a time counts: the innermost.
class RandomSeed {
 public:
  explicit RandomSeed(Tensor seed);
  ~RandomSeed();
  RandomSeed(const RandomSeed&) = delete;
  RandomSeed& operator=(const RandomSeed&) = delete;
  static const Tensor& use();  // Error where there is none
  static bool there();
  bool used() const { return used_; }

 private:
  Tensor seed_;
  bool used_ = false;
  RandomSeed* outer_;
};

class Dropout : public Layer {
 public:
  explicit Dropout(double rate) : rate_(rate) {}  // share of the elements that become 0

 protected:
  Tensor forward(const Tensor& x) override;  // as it is in evaluation

 private:
  double rate_;
};

}  // namespace neap
