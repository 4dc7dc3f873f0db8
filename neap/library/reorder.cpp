// Between layouts by oneDNN: a cast to the same dtype, or to another, whose operand and result lie differently.
#include "neap/library/onednn.h"

namespace neap::reorder_implementation {
namespace {

using onednn::Place;

const RegisterImplementation reorder{
    {.name = "onednn",
     .op = "cast",
     .refuses = [](const Call&, const std::vector<Type>& inputs, const std::vector<Type>& outputs) -> std::string {
       if (inputs[0].layout == outputs[0].layout) return "moves elements to another layout: in one, loops are as quick";
       return onednn::refuses_types({inputs[0], outputs[0]});
     },
     .prepare = [](const Call& call, const std::vector<Type>& inputs, const std::vector<Type>& outputs,
                   const Symbols& symbols) -> std::unique_ptr<LibraryCall> {
       if (auto empty = onednn::definition_where_empty(call, inputs, outputs, symbols)) return empty;
       const dnnl::memory::desc from = onednn::describe(inputs[0], symbols), to = onednn::describe(outputs[0], symbols);
       return onednn::make_call([from, to] {
         onednn::Steps steps;
         steps.add_reorder(from, {Place::input, 0}, to, {Place::output, 0});
         return steps;
       });
     },
     .any_layout = true}};

}  // namespace
}  // namespace neap::reorder_implementation
