// Removes what nobody uses.
#include "neap/transform/transformation.h"

namespace neap::remove_dead_transformation {
namespace {

const RegisterTransformation remove_dead{
    {.name = "remove_dead",
     .level = 2,
     .about = "removes nodes whose results nobody uses",
     .needs_gain = false,
     .apply_everywhere = [](Graph& graph, const Parameters&, Pass&) { return remove_dead_nodes(graph); }}};

}  // namespace
}  // namespace neap::remove_dead_transformation
