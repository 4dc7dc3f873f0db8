// What `neap demo` does: trains on real images, sets the step as written against the optimised one, writes every kind of file, and checks
// it.
#pragma once
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <string>

namespace neap {

struct DemoOptions {
  std::filesystem::path data;  // IDX files, or train/ and test/ folders of pictures; empty: Fashion-MNIST where this machine has it
  std::filesystem::path out = "out/demo";
  std::int64_t epochs = 0;  // 0: 14, with `quick` 2
  std::int64_t batch = 128;
  std::uint64_t seed = 0;
  bool quick = false;    // a tenth of the images
  bool explain = false;  // every edit, and every reason why not
  std::string command = "neap demo";
  std::FILE* text = stdout;  // what is done, step by step
};

struct DemoResult {
  bool stopped = false;  // by Ctrl-C: the checkpoint is there, nothing else
  bool passed = false;   // every check held
  std::string figures;   // demo.json
};

// Leaves in `out`: report.html, demo.json, model.onnx, model.safetensors, recipe.txt, edits.txt (each edit and refusal), kernels/,
// standalone/, trace.json, checkpoint/. Goes on from the checkpoint where there is one. Error on data that cannot be read, and on a
// checkpoint of another run.
DemoResult run_demo(const DemoOptions& options);

}  // namespace neap
