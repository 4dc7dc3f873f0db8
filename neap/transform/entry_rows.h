// Passes over the entries of rows as scopes over the rows, so that what is made of a row's sums can stand in the same scope.
#pragma once
#include "neap/transform/draft.h"

namespace neap {

// Whether the map is a scope over rows and their entries that sums, at each entry, into its row's elements.
bool is_entry_pass(const Draft& draft, const Node& node);
// The same as a scope over the rows alone: loops over the entries become axes of its stages, what an entry's buffers held is written where
// it was read, sums are made in buffers of the row.
Node as_rows(const Draft& draft, const Node& entry_pass);

}  // namespace neap
