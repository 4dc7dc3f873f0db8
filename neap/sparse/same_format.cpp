// Keeps what was kept before: the mask of a matrix whose values changed.
#include "neap/base/error.h"
#include "neap/sparse/sparsifier.h"

namespace neap::sparse::same_format_sparsifier {
namespace {

const RegisterSparsifier same_format{
    {.name = "same_format",
     .about = "what was kept before",
     .reach = Reach::element,
     .keep =
         [](const Sparsified& given, const Numbers&) {
           if (given.before.empty())
             throw Error("there is no mask from before", given.place,
                         "sparsify it by another sparsifier first, or give a mask in C++ (SparsityPlan::masks)");
           return given.before.clone();
         },
     .keep_running =
         [](Builder&, const Running& given, const Numbers&) {
           if (!given.before)
             throw Error("there is no mask from before", "sparsifier 'same_format'",
                         "give the rule a mask in C++ (SparsityPlan::output), or use threshold, random or magnitude");
           return given.before;
         },
     .takes = Takes::mask}};

}  // namespace
}  // namespace neap::sparse::same_format_sparsifier
