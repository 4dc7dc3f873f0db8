// Plain n:m: n of every m rows of each column are stored, whichever they are.
#include <algorithm>

#include "neap/base/stream.h"
#include "neap/layouts/packing.h"
#include "neap/layouts/patterns.h"

namespace neap::nm_layout {
namespace {

const std::vector<std::string> component_names = {"values", "rows"};

// Values and rows (within their group of m) are [row groups, columns, n].
StoredPoints points(Definition& d, int first) {
  const Shape& size = d.call().dims("size");
  const Axis group = d.axis("r", d.size(first, 0)), column = d.axis("c", d.size(first, 1)), kept = d.axis("j", d.size(first, 2));
  const std::vector<Expr> place = positions({group, column, kept});
  const Expr row = axis_position(group) * Expr(d.call().integer("m")) + position_at(d, first, place);
  return {{group, column, kept}, row, axis_position(column), place, row < Expr(size[0])};
}

std::vector<Array> pack(const Array& dense, const Array& keep, const Attributes& numbers) {
  const Selection from(dense, keep);
  const std::int64_t n = number_of(numbers, "n"), m = number_of(numbers, "m"), groups = divided_up(from.rows(), m);
  check_kept_rows(n, m, "layout nm");
  Array values = from.values({groups, from.columns(), n}), rows(DType::i8, {groups, from.columns(), n});
  std::int8_t* const row_of = rows.values<std::int8_t>().data();
  const std::int64_t columns = from.columns(), bytes = size_of(dense.dtype()), of_group = columns * n;
  const auto take_rows = masks::loops().take_rows[from.element()];
  const bool past_caches = is_past_caches(dense.bytes());
  for_each_rows(groups, dense.count(), [&](const RowRange& part) {
    Outgoing stored(past_caches), places(past_caches);
    for (std::int64_t group = part.begin; group < part.end; ++group) {
      const std::int64_t top = group * m, there = std::min(m, from.rows() - top);
      from.check_flags(top, there);
      std::byte* const to = stored.begin(values.raw() + group * of_group * bytes, of_group * bytes);
      std::int8_t* const place = places.begin(row_of + group * of_group, of_group);
      for (std::int64_t left = 0; left < columns; left += masks::strip) {
        const std::int64_t width = std::min(masks::strip, columns - left);
        const std::int64_t done = take_rows(n, m, there, width, from.mask_from(top) + left, columns,
                                            dense.raw() + (top * columns + left) * bytes, to + left * n * bytes, place + left * n);
        if (done == width) continue;
        from.check_flags(0, from.rows());
        throw Error(fmt::format("the mask is not {}:{}: rows {} to {} of column {} keep more", n, m, top, top + m - 1, left + done),
                    "layout nm", "make the mask with the sparsifier nm");
      }
      stored.end();
      places.end();
    }
  });
  return {values, rows};
}

void check(const std::vector<Array>& components, const Sizes& size, const Attributes& numbers) {
  const ComponentCheck check("nm", components, component_names);
  const std::int64_t n = number_of(numbers, "n"), m = number_of(numbers, "m");
  const Sizes wanted{divided_up(size[0], m), size[1], n};
  check.sizes(0, wanted);
  check.sizes(1, wanted);
  check.range(1, 0, m);
  for (std::int64_t i = 0; i < components[1].count(); ++i) {
    for (std::int64_t k = i / n * n; k < i; ++k) {
      if (components[1].get_int(k) == components[1].get_int(i))
        check.fail(1, fmt::format("element {} names a row that its column has already", i));
    }
  }
}

// Of a group that ends with the matrix, the places that are left are behind the end.
std::vector<Var> places(Builder& build, const Var& keep, const Call& call) {
  const std::int64_t n = call.integer("n"), m = call.integer("m");
  const Dim &rows = keep.size(0), &columns = keep.size(1), groups = ceil_div(rows, m);
  check_kept_rows(n, m, "layout nm");
  const Var whole = build.call("pad", {cast(keep, DType::i8)}, {{"before", Shape{0, 0}}, {"after", Shape{groups * Dim(m) - rows, 0}}});
  const Var grouped = cast(reshape(whole, {groups, m, columns}), DType::boolean);
  const Var first = build.calls("top_k", {grouped}, {{"k", Shape{n}}, {"axis", std::int64_t{1}}})[1];
  return {cast(transpose(first, {0, 2, 1}), DType::i8)};
}

const RegisterLayout nm{{.name = "nm",
                         .about = "n of every m rows of a column",
                         .components = {{"values"}, {"rows"}},
                         .numbers = {{"n", "rows kept", 2, 1, 64, true}, {"m", "of so many", 4, 1, 64, true}},
                         .points = points,
                         .values_shape = as_places,
                         .place_shapes =
                             [](const Call& call, int) {
                               const Shape& size = call.dims("size");
                               return std::vector<Shape>{{ceil_div(size[0], call.integer("m")), size[1], Dim(call.integer("n"))}};
                             },
                         .pack = pack,
                         .check = check,
                         .places = places,
                         .masks = RunningMasks::known}};

}  // namespace
}  // namespace neap::nm_layout
