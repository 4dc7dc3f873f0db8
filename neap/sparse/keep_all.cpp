// Keeps everything: a parameter stays dense, and a layout that can store any matrix then holds the dense one.
#include "neap/sparse/sparsifier.h"

namespace neap::sparse::keep_all_sparsifier {
namespace {

const RegisterSparsifier keep_all{
    {.name = "keep_all",
     .about = "every element",
     .reach = Reach::element,
     .keep = [](const Sparsified& given, const Numbers&) { return Array::full(DType::boolean, given.weights.sizes(), 1); },
     .keep_running = [](Builder& build, const Running& given, const Numbers&) { return build.full(DType::boolean, given.x.shape(), 1); },
     .count = [](std::int64_t rows, std::int64_t columns, const Numbers&) { return rows * columns; },
     .even_rows = [](const Numbers&) { return true; },
     .layout = "dense"}};

}  // namespace
}  // namespace neap::sparse::keep_all_sparsifier
