// What a programmer writes down first, compiled for this machine: what generated loops are measured against.
#pragma once
#include <cstdint>

namespace neap::bench {

// y[r, f] = sum over the entries e of row r of weights[e] * x[columns[e], f]; x and y are [rows, width].
void plain_spmm(std::int64_t rows, std::int64_t width, const std::int64_t* offsets, const std::int32_t* columns, const float* weights,
                const float* x, float* y);

// Reads x once, as fast as memory gives it.
float plain_sum(const float* x, std::int64_t count);

}  // namespace neap::bench
