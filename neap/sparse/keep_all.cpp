// Keeps everything: a layout that can store any matrix then holds the dense one.
#include "neap/sparse/sparsifier.h"

namespace neap::sparse {
namespace {

const RegisterSparsifier keep_all{
    {.name = "keep_all", .about = "every element", .reach = Reach::element, .keep = [](const Sparsified& given, const Numbers&) {
       return Array::full(DType::boolean, given.weights.sizes(), 1);
     }}};

}  // namespace
}  // namespace neap::sparse
