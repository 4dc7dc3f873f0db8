// safetensors: a JSON header that names arrays, then their bytes. The format of weights (huggingface/safetensors, version 1).
#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "neap/files/bytes.h"

namespace neap {

struct Safetensors {
  NamedArrays arrays;
  std::map<std::string, std::string> metadata;
};

// Error naming the file and the tensor on: a header longer than the file or than 100 MB, names twice, dtypes that Neap does not have, sizes
// that do not fit the bytes, and tensors that overlap, leave holes, reach beyond the file or are not aligned to their elements.
Safetensors read_safetensors(const std::filesystem::path& path);
Safetensors parse_safetensors(std::string_view bytes, const std::string& place);

void write_safetensors(const std::filesystem::path& path, const NamedArrays& arrays,
                       const std::map<std::string, std::string>& metadata = {});
std::string safetensors_bytes(const NamedArrays& arrays, const std::map<std::string, std::string>& metadata = {});

}  // namespace neap
