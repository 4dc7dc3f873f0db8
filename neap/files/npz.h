// npz, numpy's format of several named arrays: a zip of npy files, read and written by libzip.
#pragma once
#include <filesystem>
#include <string>
#include <string_view>

#include "neap/files/bytes.h"

namespace neap {

// The arrays by name, without ".npy"; nothing is unpacked to disk. Error naming the file and the array on members that are no npy files,
// names twice, encryption, damage, more than 65,536 members, and more bytes than expansion_limit of the file's size.
NamedArrays read_npz(const std::filesystem::path& path);
NamedArrays parse_npz(std::string_view bytes, const std::string& place);

enum class Packing : std::uint8_t { stored, deflated };  // numpy.savez, numpy.savez_compressed
void write_npz(const std::filesystem::path& path, const NamedArrays& arrays, Packing packing = Packing::stored);
std::string npz_bytes(const NamedArrays& arrays, Packing packing = Packing::stored);

}  // namespace neap
