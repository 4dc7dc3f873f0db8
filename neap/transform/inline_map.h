// A map's expression written where its result is read.
#pragma once
#include "neap/transform/draft.h"

namespace neap {

// The stage of a map node that writes a value; null where there is none.
const Stage* stage_writing(const Node& node, ValueId value);

// Puts the expression by which `producer` makes `value`, which must be written point by point (`pointwise_axes`), in place of the reads of
// `value` by the map at `reader`. The producer stays.
void inline_into(Draft& draft, const Node& producer, ValueId value, int reader);

}  // namespace neap
