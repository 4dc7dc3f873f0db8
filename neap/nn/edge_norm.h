// Normalisation of an aggregation by degrees, as part of a network: what depends on the graph alone is kept across steps where the graph is
// a fixed input.
#pragma once
#include "neap/nn/edges.h"

namespace neap {

// With d(v) the sum of the weights of the edges into v (each 1 where there are none): given: weights as they are; symmetric:
// w / sqrt(d(source) d(target)) (Kipf & Welling 2017, eq. 2; self loops are the graph's to have); both_ends: the same with the sum over the
// edges out of the source. A vertex whose sum is not above 0 gets 0.
enum class EdgeNorm : std::uint8_t { given, symmetric, both_ends };

// The edges with normalised weights. Error for `symmetric` unless sources and targets are the same.
Edges normalized(const Edges& edges, EdgeNorm norm, const Dim& sources, DType dtype);

}  // namespace neap
