// What all layers of a graph network found, together (Xu et al. 2018, arXiv:1806.03536, section 4).
#pragma once
#include "neap/tensor/functions.h"

namespace neap {

enum class Jumping : std::uint8_t { none, concat, max };  // none: the last layer's

// Results [N, F] of one layer each; for `max` of one width. Error if there are none.
Tensor jumping_knowledge(const std::vector<Tensor>& layers, Jumping how);

}  // namespace neap
