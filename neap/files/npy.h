// npy, numpy's format of one array (versions 1 to 3).
#pragma once
#include <filesystem>
#include <string>
#include <string_view>

#include "neap/base/array.h"

namespace neap {

// All dtypes of Neap, either byte order, C or Fortran order (the result is row-major). bf16 is '<V2', as ml_dtypes writes it: numpy has no
// such dtype, and shows it as two bytes. Text of a fixed length ('|S3') is read as u8 with one more axis. Error naming the file on every
// other dtype (objects are never unpickled) and on headers that do not fit the bytes.
Array read_npy(const std::filesystem::path& path);
Array parse_npy(std::string_view bytes, const std::string& place);

void write_npy(const std::filesystem::path& path, const Array& array);
std::string npy_bytes(const Array& array);

}  // namespace neap
