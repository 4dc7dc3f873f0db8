// Image sets in folders of IDX files: MNIST, Fashion-MNIST and their relatives.
#pragma once
#include <filesystem>

#include "neap/data/image_dataset.h"

namespace neap {

// The training and the test set of a folder. Files are known by what they hold (images have three axes or more, labels one) and by their
// names (with "train", with "t10k" or "test"), plain or .gz. Class names are the lines of classes.txt, where the folder has it; those of
// Fashion-MNIST, where the folder's name says so; else numbers. Error if one of the four is missing or there are two that fit.
ImageSets open_idx_images(const std::filesystem::path& folder, DType dtype = DType::f32);

// Where Debian's package, an environment variable (NEAP_DATA) or a person puts Fashion-MNIST. Error with the places and the remedy if it is
// in none.
std::filesystem::path find_fashion_mnist();

}  // namespace neap
