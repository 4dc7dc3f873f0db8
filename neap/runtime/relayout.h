// Between storage in a layout and row-major elements, one element at a time: for constants, tests and the interpreter.
#pragma once
#include "neap/base/array.h"
#include "neap/ir/type.h"

namespace neap {

Array to_row_major(const void* stored, const Type& type, const Symbols& symbols);
void from_row_major(const Array& elements, void* stored, const Type& type, const Symbols& symbols);  // padding becomes zero

// A constant as its type says that it lies: the elements themselves where that is row-major, else a row of all that the storage holds.
Array laid_out(const Array& elements, const Type& type);

}  // namespace neap
