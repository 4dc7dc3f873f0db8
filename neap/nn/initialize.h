// First values of parameters, drawn from a counter: element i of the parameter of this name, whoever asks first.
#pragma once
#include <cstdint>
#include <functional>
#include <string_view>

#include "neap/base/array.h"
#include "neap/ir/type.h"

namespace neap {

class Draws {
 public:
  Draws(std::uint64_t seed, std::string_view name);
  double uniform(std::int64_t i) const;  // in [0, 1)
  double normal(std::int64_t i) const;   // mean 0, variance 1

 private:
  std::uint64_t seed_, stream_;
};

// Element i of a parameter of these sizes.
using Initializer = std::function<double(const Draws&, std::int64_t i)>;

Initializer fill_with(double value);
Initializer uniform_within(double bound);
Initializer normal_with(double deviation);
// Weights [out, in/groups, window...] whose results keep the variance of their input through a rectifier (He et al. 2015, eq. 10).
Initializer he_normal(std::int64_t fan_in);
// Uniform in +-sqrt(6 / (in + out)) (Glorot and Bengio 2010, eq. 16).
Initializer glorot_uniform(std::int64_t fan_in, std::int64_t fan_out);

Array initial_value(const Type& type, const Initializer& initializer, const Draws& draws);  // Error if a size is a symbol

}  // namespace neap
