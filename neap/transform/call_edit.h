// What algebraic transformations are made of: looking at the calls around a node, and writing others in their place.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "neap/ops/operator.h"
#include "neap/transform/transformation.h"

namespace neap {

bool is_call_of(const Node& node, std::string_view op);  // and no library has claimed it
// The node that makes a value, if that is a call of `op` which no library has claimed; -1 otherwise.
int maker(const Draft& draft, ValueId value, std::string_view op);
// The site's node, likewise; -1 where it is another.
int call_at(const Draft& draft, const std::vector<ValueId>& site, std::string_view op);

Call call_of(const Draft& draft, int at);

// Calls of `op` of which an operand is made by a call of `operand`.
std::vector<Site> calls_reading(const Draft& draft, std::string_view op, std::string_view operand);

bool used_once(const Draft& draft, ValueId value);  // by one node, and not an output of the graph

// The number that all elements of a constant are, also through expand, reshape and the like.
std::optional<double> uniform_value(const Draft& draft, ValueId value);

// Appends a call with one result ahead of a node, and gives the result.
ValueId insert_call(Draft& draft, int before, std::string_view op, const std::vector<ValueId>& inputs, Attributes attributes = {});
// The node computes its one result by another call. The types must agree.
void become_call(Draft& draft, int at, std::string_view op, const std::vector<ValueId>& inputs, Attributes attributes = {});
// A number of a dtype, as a constant of rank 0.
ValueId number_constant(Draft& draft, DType dtype, double value);
// An operand of matmul_of_views, whose elements stand at these places of the base by the axes of the view: its attributes NAME_begin and
// NAME_steps. False where a place is not affine.
bool describe_view(const std::vector<Expr>& index, const std::vector<int>& axes, const std::string& name, Attributes& attributes);
// Readers of the node's one result read `value` in its place, and the node goes, with what was there only for it.
void pass_over(Draft& draft, int at, ValueId value);

}  // namespace neap
