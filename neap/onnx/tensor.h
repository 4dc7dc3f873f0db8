// ONNX tensors to arrays and back.
#pragma once
#include <filesystem>
#include <string>

#include "neap/base/array.h"

namespace onnx {
class TensorProto;
}

namespace neap {

// The dtype of an ONNX element type (TensorProto.DataType); Error naming the type if Neap has none like it.
DType dtype_of_onnx(int type);
int onnx_of_dtype(DType dtype);
std::string onnx_type_name(int type);  // "uint16"

// The elements of a tensor. External data is read beneath `folder` only. Error, at `place`, if the sizes do not fit the bytes that are
// there: nothing is allocated that the file does not hold.
Array read_tensor(const onnx::TensorProto& tensor, const std::filesystem::path& folder, const std::string& place);
void write_tensor(const Array& elements, onnx::TensorProto& tensor);

}  // namespace neap
