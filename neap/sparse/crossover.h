// From how many zeros on a layout is quicker than the dense layer: curves over the share of zeros, and their picture.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace neap::sparse {

struct CrossoverPoint {
  double zeros = 0;                // share
  std::string sparsifier, layout;  // as plans name them
  double seconds = 0, ratio = 0;   // of a run by the layout's own kernels; how many times quicker than dense
  bool pays = false;               // by the prices by which plans are made
};
struct CrossoverCurve {
  std::string name, color;
  std::vector<CrossoverPoint> points;  // by rising zeros
};

// A linear layer, y = x W^T + b: W is [rows, columns], x [tokens, columns].
struct CrossoverLayer {
  std::int64_t rows = 768, columns = 768, tokens = 384;
  std::string text() const;  // "768 x 768, 384 tokens"
};

// What there is to measure from 50 to 99 % zeros: grouped n:m as far as its patterns fit the columns, 4 x 1 blocks, CSR.
std::vector<CrossoverCurve> crossover_curves(const CrossoverLayer& layer);

struct Crossover {
  double dense_seconds = 0;
  std::vector<CrossoverCurve> curves;
};
// Medians of rounds in turn, with the threads that there are. Weights are random, uniform in -1 .. 1.
Crossover measure_crossover(const CrossoverLayer& layer, int rounds);

// As SVG: zeros to the right, times quicker than dense upwards, by powers of 2; points are filled where the layout pays by the plan's
// prices.
std::string crossover_picture(const std::string& title, const std::vector<CrossoverCurve>& curves);

}  // namespace neap::sparse
