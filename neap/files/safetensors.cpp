#include "neap/files/safetensors.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <tuple>
#include <vector>

#include "neap/base/file.h"
#include "neap/files/json.h"

namespace neap {
namespace {

using nlohmann::json;

constexpr std::uint64_t longest_header = 100'000'000;  // the reference implementation's limit
constexpr std::uint64_t header_alignment = 8;
constexpr const char* metadata_key = "__metadata__";
constexpr const char* fetch_again = "the file is damaged or was made to deceive: fetch it again";

constexpr std::array<std::pair<DType, const char*>, 10> dtype_names = {{{DType::f32, "F32"},
                                                                        {DType::f64, "F64"},
                                                                        {DType::bf16, "BF16"},
                                                                        {DType::f16, "F16"},
                                                                        {DType::i8, "I8"},
                                                                        {DType::i16, "I16"},
                                                                        {DType::i32, "I32"},
                                                                        {DType::i64, "I64"},
                                                                        {DType::u8, "U8"},
                                                                        {DType::boolean, "BOOL"}}};

const char* file_name_of(DType dtype) { return std::ranges::find(dtype_names, dtype, &std::pair<DType, const char*>::first)->second; }

struct Entry {
  std::string name;
  DType dtype = DType::f32;
  Sizes sizes;
  std::uint64_t begin = 0, end = 0;  // in the bytes after the header
};

DType dtype_of_entry(const json& entry, const std::string& place) {
  const auto found = entry.find("dtype");
  if (found == entry.end() || !found->is_string()) throw Error("the tensor has no dtype", place, fetch_again);
  const auto& text = found->get_ref<const std::string&>();
  for (const auto& [dtype, name] : dtype_names) {
    if (text == name) return dtype;
  }
  throw Error(fmt::format("the tensor has the dtype {}, which Neap does not have", shown(text)), place, "convert it before it is saved");
}

// A list of integers that are not negative.
std::vector<std::uint64_t> integers_of(const json& entry, const char* key, const std::string& place) {
  const auto found = entry.find(key);
  if (found == entry.end() || !found->is_array()) throw Error(fmt::format("the tensor has no {}", key), place, fetch_again);
  std::vector<std::uint64_t> values;
  for (const json& value : *found) {
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() > std::uint64_t{1} << 62) {
      throw Error(fmt::format("{} of the tensor holds {}", key, shown(value.dump())), place, fetch_again);
    }
    values.push_back(value.get<std::uint64_t>());
  }
  return values;
}

Entry entry_of(const std::string& name, const json& value, const std::string& file) {
  const std::string place = fmt::format("{}, tensor {}", file, shown(name));
  if (!value.is_object() || value.size() != 3) throw Error("a tensor needs dtype, shape and data_offsets, and no more", place, fetch_again);
  Entry entry{.name = name, .dtype = dtype_of_entry(value, place)};
  for (const std::uint64_t size : integers_of(value, "shape", place)) entry.sizes.push_back(static_cast<std::int64_t>(size));
  const std::vector<std::uint64_t> offsets = integers_of(value, "data_offsets", place);
  if (offsets.size() != 2 || offsets[0] > offsets[1]) throw Error("data_offsets are not a begin and an end", place, fetch_again);
  std::tie(entry.begin, entry.end) = std::pair(offsets[0], offsets[1]);
  return entry;
}

// The tensors must cover the data without overlap and without holes, which could hide what is not read.
void check_cover(std::vector<Entry>& entries, std::uint64_t header_end, std::uint64_t size, const std::string& file) {
  std::ranges::sort(entries, {}, [](const Entry& entry) { return std::tie(entry.begin, entry.end); });
  std::uint64_t covered = 0;
  for (const Entry& entry : entries) {
    const std::string place = fmt::format("{}, tensor {}", file, shown(entry.name));
    if (entry.begin != covered) {
      throw Error(fmt::format("the tensor starts at {}, where the one before ends at {}: they {}", entry.begin, covered,
                              entry.begin < covered ? "overlap" : "leave a hole"),
                  place, fetch_again);
    }
    if (entry.end > size) throw Error(fmt::format("the tensor ends at {} of {} bytes", entry.end, size), place, "the file is cut short");
    if ((header_end + entry.begin) % static_cast<std::uint64_t>(size_of(entry.dtype)) != 0) {
      throw Error(fmt::format("the tensor starts at byte {}, which is not aligned to its elements", header_end + entry.begin), place,
                  "save it again with a current version of safetensors");
    }
    covered = entry.end;
  }
  if (covered != size) throw Error(fmt::format("{} bytes follow the last tensor", size - covered), file, fetch_again);
}

std::map<std::string, std::string> metadata_of(const json& value, const std::string& file) {
  std::map<std::string, std::string> metadata;
  if (!value.is_object()) throw Error("__metadata__ is no object", file, fetch_again);
  for (const auto& [key, text] : value.items()) {
    if (!text.is_string()) throw Error(fmt::format("__metadata__ has no string for {}", shown(key)), file, fetch_again);
    metadata[key] = text.get<std::string>();
  }
  return metadata;
}

}  // namespace

Safetensors parse_safetensors(std::string_view bytes, const std::string& place) {
  ByteReader reader(bytes, place);
  const auto length = reader.little<std::uint64_t>("the length of the header");
  if (length > longest_header) {
    throw Error(fmt::format("a header of {} bytes, more than {}", length, longest_header), place, "this is not a safetensors file");
  }
  const std::string_view text = reader.take(length, "the header");
  if (!text.starts_with('{')) throw Error("the header does not start with '{'", place, "this is not a safetensors file");
  const json header = parse_json(text, place);
  Safetensors result;
  std::vector<Entry> entries;
  for (const auto& [name, value] : header.items()) {
    if (name == metadata_key) {
      result.metadata = metadata_of(value, place);
    } else {
      entries.push_back(entry_of(name, value, place));
    }
  }
  const std::string_view data = reader.rest();
  check_cover(entries, bytes.size() - data.size(), data.size(), place);
  for (Entry& entry : entries) {
    const std::string tensor = fmt::format("{}, tensor {}", place, shown(entry.name));
    result.arrays[entry.name] =
        array_of_bytes(entry.dtype, std::move(entry.sizes), data.substr(entry.begin, entry.end - entry.begin), tensor);
  }
  return result;
}

Safetensors read_safetensors(const std::filesystem::path& path) { return parse_safetensors(read_file(path), path.string()); }

std::string safetensors_bytes(const NamedArrays& arrays, const std::map<std::string, std::string>& metadata) {
  std::vector<const NamedArrays::value_type*> order;  // wide elements first: then all are aligned without holes
  for (const auto& named : arrays) order.push_back(&named);
  std::ranges::stable_sort(order, std::ranges::greater{}, [](const auto* named) { return size_of(named->second.dtype()); });
  json header = json::object();
  if (!metadata.empty()) header[metadata_key] = metadata;
  std::int64_t offset = 0;
  for (const auto* named : order) {
    const auto& [name, array] = *named;
    if (name == metadata_key) throw Error("a tensor may not be called __metadata__", "safetensors", "give it another name");
    header[name] = {{"dtype", file_name_of(array.dtype())}, {"shape", array.sizes()}, {"data_offsets", {offset, offset + array.bytes()}}};
    offset += array.bytes();
  }
  std::string text = json_text(header, "safetensors");
  text.resize((text.size() + header_alignment - 1) / header_alignment * header_alignment, ' ');
  if (text.size() > longest_header) throw Error("the names of the tensors are too long together", "safetensors", "use shorter ones");
  std::string bytes;
  bytes.reserve(sizeof(std::uint64_t) + text.size() + static_cast<std::size_t>(offset));
  for (int shift = 0; shift < 64; shift += 8) bytes.push_back(static_cast<char>(text.size() >> shift));
  bytes += text;
  for (const auto* named : order) bytes += bytes_of(named->second);
  return bytes;
}

void write_safetensors(const std::filesystem::path& path, const NamedArrays& arrays, const std::map<std::string, std::string>& metadata) {
  write_file(path, safetensors_bytes(arrays, metadata));
}

}  // namespace neap
