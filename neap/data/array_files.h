// Datasets from files of arrays and tables.
#pragma once
#include <filesystem>

#include "neap/data/array_dataset.h"

namespace neap {

// By the file's extension:
//   .npz  each array is a field, in the order of names; their first axes count the examples
//   .npy  one field, "x"
//   .csv  "x": the columns as `dtype` [columns]; with `label`, that column is left out of it and is "y", i64: classes 0, 1, 2, ...
// Error if the file is none of these or damaged, or `label` is no column, is not of whole numbers of 0 or more, or is given for another
// file.
DatasetPtr open_array_file(const std::filesystem::path& path, const std::string& label = "", DType dtype = DType::f32);

}  // namespace neap
