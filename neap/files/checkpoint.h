// A checkpoint: named arrays and a JSON state that belong together, replaced as one.
#pragma once
#include <filesystem>
#include <nlohmann/json.hpp>

#include "neap/files/bytes.h"

namespace neap {

struct Checkpoint {
  NamedArrays arrays;
  nlohmann::json state;
};

// The folder holds state.json and the safetensors file that it names, with checksums of both. Saving writes a new safetensors file, then
// replaces state.json, then removes the file before: whoever is stopped at any moment, by a signal or by a loss of power, leaves the old
// checkpoint or the new one. Makes the folder where there is none; one process saves at a time.
void save_checkpoint(const std::filesystem::path& folder, const NamedArrays& arrays, const nlohmann::json& state);

// Error if there is none, or if a file is cut short, changed in any byte, or of another version. Names and sizes are the caller's to
// compare with those that it expects.
Checkpoint load_checkpoint(const std::filesystem::path& folder);

bool has_checkpoint(const std::filesystem::path& folder);

}  // namespace neap
