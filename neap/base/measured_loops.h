// The loops whose speed is measured (rates.h), for each instruction set: arithmetic in registers, and sums of rows in no order.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "neap/base/machine.h"

namespace neap {

// As many independent products and sums a round as keep the units busy.
void multiply_add_rounds(Isa isa, std::int64_t rounds);
std::int64_t multiply_add_flops(Isa isa);  // of a round

// The sum of the rows at these places of a table with rows of `summed_row` elements, which are asked for some rows ahead.
constexpr std::size_t summed_row = 64;
void sum_rows(Isa isa, const float* table, std::span<const std::int32_t> places);

}  // namespace neap
