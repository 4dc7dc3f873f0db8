// The demo's training step and its inputs, and those of other networks on pictures of its size, for whoever measures them.
#pragma once
#include <vector>

#include "neap/demo/network.h"
#include "neap/transform/optimizer.h"

namespace neap::bench {

struct DemoStep {
  std::unique_ptr<Sequential> network;
  Graph graph;                // as traced, operators
  std::vector<Array> inputs;  // seeded pictures and labels, a rate of 1e-3, first parameters, zero state
};
DemoStep demo_step(std::int64_t batch);
DemoStep step_of(std::unique_ptr<Sequential> network, std::int64_t batch);  // of a network with its first parameters

// Deep copies: a step writes into its parameters.
std::vector<Array> copies(const std::vector<Array>& arrays);

// Seeded, even between low and high.
Array random_array(const Sizes& sizes, std::uint64_t seed, double low = -1, double high = 1);

}  // namespace neap::bench
