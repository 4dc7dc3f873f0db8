// Sites of transformations that bring two maps together.
#pragma once
#include <vector>

#include "neap/transform/transformation.h"

namespace neap {

// Pairs of maps of which one reads what the other makes, or both read one value, each once: values of this rank at least, with no more
// readers than so many.
std::vector<Site> neighbouring_maps(const Draft& draft, int least_rank, std::size_t most_readers);

}  // namespace neap
