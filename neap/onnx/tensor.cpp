#include "neap/onnx/tensor.h"

#include <onnx.pb.h>

#include <array>
#include <charconv>
#include <cstring>

#include "neap/base/error.h"
#include "neap/base/file.h"

namespace neap {
namespace {

using Tensor = onnx::TensorProto;

constexpr std::array<std::pair<int, DType>, 10> dtypes{{{Tensor::FLOAT, DType::f32},
                                                        {Tensor::DOUBLE, DType::f64},
                                                        {Tensor::BFLOAT16, DType::bf16},
                                                        {Tensor::FLOAT16, DType::f16},
                                                        {Tensor::INT8, DType::i8},
                                                        {Tensor::INT16, DType::i16},
                                                        {Tensor::INT32, DType::i32},
                                                        {Tensor::INT64, DType::i64},
                                                        {Tensor::UINT8, DType::u8},
                                                        {Tensor::BOOL, DType::boolean}}};

Sizes sizes_of(const Tensor& tensor, const std::string& place) {
  if (tensor.dims_size() > 64) throw Error(fmt::format("the tensor has {} axes", tensor.dims_size()), place);
  try {
    Sizes sizes(tensor.dims().begin(), tensor.dims().end());
    constexpr std::int64_t most = std::int64_t{1} << 50;  // so that a count of bytes does not overflow
    if (element_count(sizes) > most) throw Error(fmt::format("{} has too many elements", to_string(sizes)));
    return sizes;
  } catch (const Error& error) {
    throw Error(error.problem(), place, "the file is damaged or was made to deceive");
  }
}

std::int64_t number_of(const std::string& text, const std::string& place) {
  std::int64_t value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0)
    throw Error("external data with an offset or length that is no number", place, "write the model again");
  return value;
}

std::string external_bytes(const Tensor& tensor, std::int64_t bytes, const std::filesystem::path& folder, const std::string& place) {
  std::string location;
  std::int64_t offset = 0, length = bytes;
  for (const auto& entry : tensor.external_data()) {
    if (entry.key() == "location") location = entry.value();
    if (entry.key() == "offset") offset = number_of(entry.value(), place);
    if (entry.key() == "length") length = number_of(entry.value(), place);
  }
  if (length != bytes) throw Error(fmt::format("external data has {} bytes, its sizes ask for {}", length, bytes), place);
  if (location.empty()) throw Error("external data without a location", place);
  try {
    return read_beneath(folder, location, offset, length);
  } catch (const Error& error) {
    throw Error("external data: " + error.problem(), place + ", " + error.place(), error.remedy());
  }
}

// Elements as bytes, little-endian, as ONNX and this machine store them.
Array from_bytes(DType dtype, Sizes sizes, const std::string& bytes, const std::string& place) {
  const std::int64_t wanted = element_count(sizes) * size_of(dtype);
  if (static_cast<std::int64_t>(bytes.size()) != wanted)
    throw Error(fmt::format("the tensor has {} bytes, its sizes {} ask for {}", bytes.size(), to_string(sizes), wanted), place);
  Array made(dtype, std::move(sizes));
  if (dtype == DType::boolean) {  // a bool that is neither 0 nor 1 would be undefined
    for (std::size_t i = 0; i < bytes.size(); ++i) made.raw()[i] = std::byte{bytes[i] != 0};
  } else if (!bytes.empty()) {
    std::memcpy(made.raw(), bytes.data(), bytes.size());
  }
  return made;
}

template <class T, class Field>
Array from_field(Sizes sizes, const Field& field, const std::string& place) {
  if (field.size() != element_count(sizes))
    throw Error(fmt::format("the tensor has {} elements, its sizes {} ask for {}", field.size(), to_string(sizes), element_count(sizes)),
                place);
  Array made(dtype_of<T>(), std::move(sizes));
  const auto values = made.values<T>();
  for (int i = 0; i < field.size(); ++i) {
    if constexpr (std::is_same_v<T, BFloat16> || std::is_same_v<T, Float16>) {
      values[static_cast<std::size_t>(i)].bits = static_cast<std::uint16_t>(field.Get(i));
    } else if constexpr (std::is_same_v<T, bool>) {
      values[static_cast<std::size_t>(i)] = field.Get(i) != 0;
    } else {
      values[static_cast<std::size_t>(i)] = static_cast<T>(field.Get(i));
    }
  }
  return made;
}

}  // namespace

DType dtype_of_onnx(int type) {
  for (const auto& [theirs, ours] : dtypes) {
    if (theirs == type) return ours;
  }
  throw Error(fmt::format("elements of type {} are not supported", onnx_type_name(type)), "",
              "supported: float, double, bfloat16, float16, int8 to int64, uint8, bool");
}

int onnx_of_dtype(DType dtype) {
  for (const auto& [theirs, ours] : dtypes) {
    if (ours == dtype) return theirs;
  }
  internal_error(__FILE__, __LINE__, "a dtype without an ONNX type");
}

std::string onnx_type_name(int type) {
  static constexpr const char* names[] = {"undefined",      "float",      "uint8",          "int8",       "uint16",   "int16",
                                          "int32",          "int64",      "string",         "bool",       "float16",  "double",
                                          "uint32",         "uint64",     "complex64",      "complex128", "bfloat16", "float8e4m3fn",
                                          "float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz", "uint4",      "int4",     "float4e2m1"};
  return type >= 0 && type < static_cast<int>(std::size(names)) ? names[type] : fmt::format("number {}", type);
}

Array read_tensor(const Tensor& tensor, const std::filesystem::path& folder, const std::string& place) {
  DType dtype{};
  try {
    dtype = dtype_of_onnx(tensor.data_type());
  } catch (const Error& error) {
    throw Error(error.problem(), place, error.remedy());
  }
  if (tensor.has_segment()) throw Error("a tensor in segments is not supported", place);
  Sizes sizes = sizes_of(tensor, place);
  if (tensor.data_location() == Tensor::EXTERNAL)
    return from_bytes(dtype, sizes, external_bytes(tensor, element_count(sizes) * size_of(dtype), folder, place), place);
  if (tensor.has_raw_data()) return from_bytes(dtype, std::move(sizes), tensor.raw_data(), place);
  return dispatch(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_same_v<T, float>) {
      return from_field<T>(std::move(sizes), tensor.float_data(), place);
    } else if constexpr (std::is_same_v<T, double>) {
      return from_field<T>(std::move(sizes), tensor.double_data(), place);
    } else if constexpr (std::is_same_v<T, std::int64_t>) {
      return from_field<T>(std::move(sizes), tensor.int64_data(), place);
    } else {
      return from_field<T>(std::move(sizes), tensor.int32_data(), place);
    }
  });
}

void write_tensor(const Array& elements, Tensor& tensor) {
  for (const std::int64_t size : elements.sizes()) tensor.add_dims(size);
  tensor.set_data_type(onnx_of_dtype(elements.dtype()));
  tensor.set_raw_data(elements.raw(), static_cast<std::size_t>(elements.bytes()));
}

}  // namespace neap
