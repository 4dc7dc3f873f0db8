#include "neap/nn/initialize.h"

#include <cmath>
#include <numbers>

#include "neap/base/hash.h"
#include "neap/ir/scalar.h"

namespace neap {

Draws::Draws(std::uint64_t seed, std::string_view name) : seed_(seed), stream_(hash_bytes(name).low) {}

namespace {
constexpr double unit = 1.0 / 4294967296.0;  // 2^-32
}

double Draws::uniform(std::int64_t i) const { return philox(seed_, stream_, static_cast<std::uint64_t>(i)) * unit; }

// Box and Muller 1958, on two draws a value.
double Draws::normal(std::int64_t i) const {
  const double radius = (philox(seed_, stream_, static_cast<std::uint64_t>(2 * i)) + 0.5) * unit;
  const double angle = philox(seed_, stream_, static_cast<std::uint64_t>(2 * i + 1)) * unit;
  return std::sqrt(-2 * std::log(radius)) * std::cos(2 * std::numbers::pi * angle);
}

Initializer fill_with(double value) {
  return [value](const Draws&, std::int64_t) { return value; };
}
Initializer uniform_within(double bound) {
  return [bound](const Draws& draws, std::int64_t i) { return bound * (2 * draws.uniform(i) - 1); };
}
Initializer normal_with(double deviation) {
  return [deviation](const Draws& draws, std::int64_t i) { return deviation * draws.normal(i); };
}
Initializer he_normal(std::int64_t fan_in) { return normal_with(std::sqrt(2.0 / static_cast<double>(fan_in))); }
Initializer glorot_uniform(std::int64_t fan_in, std::int64_t fan_out) {
  return uniform_within(std::sqrt(6.0 / static_cast<double>(fan_in + fan_out)));
}

Array initial_value(const Type& type, const Initializer& initializer, const Draws& draws) {
  Array made(type.dtype, evaluate(type.shape, {}));
  for (std::int64_t i = 0; i < made.count(); ++i) made.set(i, initializer(draws, i));
  return made;
}

}  // namespace neap
