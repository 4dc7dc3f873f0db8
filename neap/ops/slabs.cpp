// A sparse pattern's entries by slabs of the table into which its columns point: for all slabs, for all rows, the row's entries that point
// into the slab. A pass over them keeps a slab in a near cache while all rows take from it what they have there. Rows have all entries,
// each one.
#include "neap/ops/pattern.h"

namespace neap::slabs_operator {
namespace {

const std::vector<AttributeSpec> slab_attributes = {{"slabs", std::int64_t{1}, "how many", true},
                                                    {"rows", std::int64_t{1}, "of the table, in each of them", true}};

void check(const Call& call) {
  for (const char* name : {"slabs", "rows"}) {
    if (call.integer(name) < 1) call.fail(fmt::format("{} is {}", name, call.integer(name)), "give 1 or more");
  }
}

// Columns beyond the slabs count to the nearest: whoever reads by them says that they are out of bounds.
Expr slab_of(const Call& call, const Expr& column) {
  const Expr slab = make(Scalar::floor_div, {column, Expr(call.integer("rows"))});
  return min(max(slab, Expr(0)), Expr(call.integer("slabs") - 1));
}

void define_offsets(Definition& d) {
  check(d.call());
  const Pattern pattern(d, 0);  // the other three are not there
  const Axis at = d.axis("i", Dim(d.call().integer("slabs")) * pattern.rows() + Dim(1)), row = d.over("r", pattern.rows());
  const Axis entry = pattern.entries_of_row(row);
  const Expr place = slab_of(d.call(), pattern.column_of(entry)) * Expr(pattern.rows()) + axis_position(row);
  d.output(DType::i64, {at}, d.sum({row}, d.sum({entry}, cast(place < axis_position(at), DType::i64))));
}

const Register slab_offsets{
    {.name = "slab_offsets",
     .about = "y[slab * rows + r]: where the entries of row r that point into the slab begin, by slabs and then by rows",
     .inputs = {{"offsets"}, {"columns"}},
     .attributes = slab_attributes,
     .define = define_offsets,
     .differentiable = false}};

std::vector<Var> compose_values(Builder& build, const std::vector<Var>& x, const Call& call) {
  check(call);
  if (x[0].rank() != 1 || x[1].rank() != 1 || !(x[0].size(0) == x[1].size(0))) call.fail("values and columns are not one an entry");
  const Var columns = cast(x[1], DType::i64);
  const Var slab = build.call("floor_div", {columns, build.constant(DType::i64, static_cast<double>(call.integer("rows")))});
  const Var inside = build.call("clip", {slab}, {{"low", 0.0}, {"high", static_cast<double>(call.integer("slabs") - 1)}});
  return {build.call("embedding", {x[0], build.call("argsort", {inside})})};
}

const Register slab_values{{.name = "slab_values",
                            .about = "values of a pattern's entries in the order by slabs and then by rows",
                            .inputs = {{"values"}, {"columns"}},
                            .attributes = slab_attributes,
                            .compose = compose_values,
                            .differentiable = false}};

}  // namespace
}  // namespace neap::slabs_operator
