// IDX, the format of MNIST and its relatives: a type, sizes and elements, all big-endian; plain or compressed by gzip.
#pragma once
#include <filesystem>
#include <string>
#include <string_view>

#include "neap/base/array.h"

namespace neap {

// dtypes u8, i8, i16, i32, f32, f64. Error naming the file if it is of another kind, cut short, too long, or its sizes are absurd.
Array read_idx(const std::filesystem::path& path);
Array parse_idx(std::string_view bytes, const std::string& place);  // plain or gzip

// Compressed if the name ends in ".gz".
void write_idx(const std::filesystem::path& path, const Array& array);
std::string idx_bytes(const Array& array);

bool is_idx(std::string_view front);  // whether the first 4 bytes are those of a plain IDX file

}  // namespace neap
