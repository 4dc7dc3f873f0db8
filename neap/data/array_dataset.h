// Examples that are the rows of arrays: from npy, npz or CSV files, or made by a program.
#pragma once
#include "neap/data/dataset.h"

namespace neap {

// Field i has the name names[i], the dtype of arrays[i] and its sizes without the first, which is the number of examples. Error if the
// arrays differ in that number, or an array is a scalar.
DatasetPtr array_dataset(std::vector<std::string> names, std::vector<Array> arrays, std::vector<std::string> class_names = {},
                         std::string place = "arrays");

}  // namespace neap
