// What `neap demo sparse` does: trains one network on real images dense, and sparse by several methods at several sparsities, and sets
// their accuracies beside each other.
#pragma once
#include <cstdio>
#include <filesystem>

namespace neap {

struct SparseDemoOptions {
  std::filesystem::path out = "out/demo-sparse", data;
  std::int64_t epochs = 6, tuning = 1;  // of training from the start; of going on after pruning
  std::int64_t batch = 128;
  std::uint64_t seed = 0;
  bool quick = false;  // a tenth of the images, fewer epochs
  std::string command = "neap demo sparse";
  std::FILE* text = stdout;
};

struct SparseDemoResult {
  bool stopped = false;
  bool passed = false;  // every check held
  std::string figures;  // demo.json
};

// Leaves report.html and demo.json in `out`.
SparseDemoResult run_sparse_demo(const SparseDemoOptions& options);

}  // namespace neap
