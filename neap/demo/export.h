// The trained network as files for others, each read back and run on the test images.
#pragma once
#include <filesystem>

#include "neap/data/dataset.h"
#include "neap/files/bytes.h"
#include "neap/nn/module.h"
#include "neap/standalone/standalone.h"

namespace neap {

// Parameters and buffers by name.
NamedArrays arrays_of(const Module& module);
// Sets them; other arrays are passed over. Error naming the first that is missing or of another type.
void set_arrays(Module& module, const NamedArrays& arrays, const std::string& place);

// A network of images as a graph with its parameters in it: "images" [N, ...sizes of the dataset's first field] to "scores" [N, classes].
Graph exported(Layer& net, const Dataset& images);
// The same as an ONNX file, whose initializers have the parameters' names. Sparsely stored weights are there with their zeros; a note says
// how they are stored (sparse/export.h).
void write_network(Layer& net, const Dataset& images, const std::filesystem::path& file);

// The logits of what an ONNX file holds.
Array logits_through_onnx(const std::filesystem::path& file, const Dataset& images);

struct StandaloneRun {
  Array logits;
  StandaloneSummary summary;
  double compile_seconds = 0, run_seconds = 0;
};
// Writes the network as stand-alone C++ for batches of `batch`, compiles that with the system's compiler and runs its program on the
// images. `symbol` is the size of a batch in the graph. Error with the compiler's or the program's own words.
StandaloneRun logits_through_standalone(const Graph& network, const std::string& symbol, const std::filesystem::path& folder,
                                        const Dataset& images, std::int64_t batch);

}  // namespace neap
