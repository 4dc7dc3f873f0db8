// What is added up at places that are data, as ONNX writes it.
#include <algorithm>
#include <numeric>

#include "neap/onnx/tensor.h"
#include "neap/onnx/writer.h"

namespace neap::write_index_onnx {
namespace {

using Integers = std::vector<std::int64_t>;

std::string transposed(OnnxCall& c, const std::string& value, const Integers& permutation) {
  return std::is_sorted(permutation.begin(), permutation.end()) ? value : c.emit("Transpose", {value}, {{"perm", permutation}});
}

// ScatterND points along the first axes: those of the indices come first among the updates', theirs among the result's.
bool write_scatter_add(OnnxCall& c) {
  const Call& call = c.call();
  const int places = call.input(1).rank(), rank = call.input(0).rank() - places + 1;
  const int axis = call.axis("axis", rank);
  Integers of_updates(static_cast<std::size_t>(call.input(0).rank())), back(static_cast<std::size_t>(rank));
  std::iota(of_updates.begin(), of_updates.end(), 0);
  std::rotate(of_updates.begin(), of_updates.begin() + axis, of_updates.begin() + axis + places);
  std::iota(back.begin(), back.end(), 0);
  std::rotate(back.begin(), back.begin() + 1, back.begin() + axis + 1);
  Shape shape = c.output_type(0).shape;
  std::rotate(shape.begin(), shape.begin() + axis, shape.begin() + axis + 1);
  const DType dtype = c.output_type(0).dtype;
  const std::string zeros = c.emit("ConstantOfShape", {c.sizes(shape)}, {{"value", Array::full(dtype, {1}, 0)}});
  const std::string whole = c.emit("Cast", {c.input(1)}, {{"to", std::int64_t{onnx_of_dtype(DType::i64)}}});
  const std::string places_in_axis = c.emit("Unsqueeze", {whole, c.integers({-1})});
  const std::string sum =
      c.emit("ScatterND", {zeros, places_in_axis, transposed(c, c.input(0), of_updates)}, {{"reduction", std::string("add")}});
  c.give(transposed(c, sum, back));
  return true;
}

// ONNX shifts numbers without a sign.
OnnxWrite shift(const char* direction) {
  return [direction](OnnxCall& c) {
    if (c.output_type(0).dtype != DType::u8) return false;
    c.give(c.emit("BitShift", {c.input(0), c.input(1)}, {{"direction", std::string(direction)}}));
    return true;
  };
}

const RegisterOnnxWriter writers[] = {
    {"scatter_add", write_scatter_add},
    {"shift_left", shift("LEFT")},
    {"shift_right", shift("RIGHT")},
};

}  // namespace
}  // namespace neap::write_index_onnx
