// Between storage in a layout and row-major elements, one element at a time: for tests and for the interpreter.
#pragma once
#include "neap/base/array.h"
#include "neap/ir/type.h"

namespace neap {

Array to_row_major(const void* stored, const Type& type, const Symbols& symbols);
void from_row_major(const Array& elements, void* stored, const Type& type, const Symbols& symbols);  // padding becomes zero

}  // namespace neap
