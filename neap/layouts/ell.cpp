// ELL: as many places in every row as the longest row has elements; what is free has column -1.
#include <algorithm>

#include "neap/layouts/packing.h"

namespace neap::ell_layout {
namespace {

const std::vector<std::string> component_names = {"values", "columns"};

StoredPoints points(Definition& d, int first) {
  const Axis row = d.axis("r", d.size(first, 0)), slot = d.axis("s", d.size(first, 1));
  const std::vector<Expr> place{axis_position(row), axis_position(slot)};
  const Expr column = position_at(d, first, place);
  return {{row, slot}, axis_position(row), max(column, Expr(0)), place, column >= Expr(0)};
}

std::vector<Array> pack(const Array& dense, const Array& keep, const Attributes&) {
  const Packer from(dense, keep);
  const std::int64_t* const by_row = from.row_offsets().values<std::int64_t>().data();
  std::int64_t longest = 0;
  for (std::int64_t r = 0; r < from.rows(); ++r) longest = std::max(longest, by_row[r + 1] - by_row[r]);
  Array values = from.values({from.rows(), longest}), columns(DType::i32, {from.rows(), longest});
  std::int32_t* const column_of = columns.values<std::int32_t>().data();
  from.with_elements(values, [&](const auto* elements, auto* stored) {
    from.for_each_part([&](const RowRange& part) {
      for (std::int64_t r = part.begin; r < part.end; ++r) {
        const std::int64_t first = r * longest, end = first + longest;
        const std::int64_t found = from.take_row(r, elements, stored + first, column_of + first, part.end * longest - first);
        std::fill(stored + first + found, stored + end, 0);
        std::fill(column_of + first + found, column_of + end, -1);
      }
    });
  });
  return {values, columns};
}

void check(const std::vector<Array>& components, const Sizes& size, const Attributes&) {
  const ComponentCheck check("ell", components, component_names);
  const std::int64_t longest = components[1].rank() == 2 ? components[1].size(1) : 0;
  check.sizes(1, {size[0], longest});
  check.sizes(0, {size[0], longest});
  check.range(1, -1, size[1]);
  for (std::int64_t i = 1; i < components[1].count(); ++i) {
    const std::int64_t before = components[1].get_int(i - 1), now = components[1].get_int(i);
    if (i % longest != 0 && now >= 0 && now <= before)
      check.fail(1, fmt::format("element {} is not larger than the one before it in its row", i));
    if (i % longest != 0 && now >= 0 && before < 0) check.fail(1, fmt::format("element {} stands behind a free place", i));
  }
}

// Of masks that keep as many elements of each row.
std::vector<Var> places(Builder& build, const Var& keep, const Call& call) {
  const std::int64_t rows = keep.size(0).constant(), count = call.integer("count");
  if (rows > 0 && count % rows != 0) call.fail(fmt::format("{} elements are not as many in each of {} rows", count, rows));
  const std::int64_t longest = rows == 0 ? 0 : count / rows;
  const Var first = build.calls("top_k", {keep}, {{"k", Shape{longest}}, {"axis", std::int64_t{1}}})[1];
  return {cast(first, DType::i32)};
}

const RegisterLayout ell{{.name = "ell",
                          .about = "rows of one length",
                          .components = {{"values"}, {"columns"}},
                          .points = points,
                          .values_shape = as_places,
                          .place_shapes =
                              [](const Call& call, int first) {
                                return std::vector<Shape>{{call.dims("size")[0], call.size(first, 1)}};
                              },
                          .pack = pack,
                          .check = check,
                          .places = places,
                          .masks = RunningMasks::even_rows}};

}  // namespace
}  // namespace neap::ell_layout
