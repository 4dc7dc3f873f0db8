#include "bench/gnn/plain_spmm.h"

namespace neap::bench {

void plain_spmm(std::int64_t rows, std::int64_t width, const std::int64_t* offsets, const std::int32_t* columns, const float* weights,
                const float* x, float* y) {
  for (std::int64_t row = 0; row < rows; ++row) {
    float* to = y + row * width;
    for (std::int64_t f = 0; f < width; ++f) to[f] = 0;
    for (std::int64_t e = offsets[row]; e < offsets[row + 1]; ++e) {
      const float* from = x + columns[e] * width;
      for (std::int64_t f = 0; f < width; ++f) to[f] += weights[e] * from[f];
    }
  }
}

float plain_sum(const float* x, std::int64_t count) {
  float sums[16] = {};
  std::int64_t i = 0;
  for (; i + 16 <= count; i += 16) {
    for (int lane = 0; lane < 16; ++lane) sums[lane] += x[i + lane];
  }
  float total = 0;
  for (const float sum : sums) total += sum;
  return total;
}

}  // namespace neap::bench
