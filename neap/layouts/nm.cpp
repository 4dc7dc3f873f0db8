// Plain n:m: n of every m rows of each column are stored, whichever they are.
#include <bit>

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

// The values and the rows of one group, from the elements of its first row on; `kept`: of each column, as bits. How many columns there are
// ahead of the first that keeps too many.
template <class Element>
std::int64_t pack_group(std::int64_t n, std::int64_t m, std::int64_t columns, const Element* elements, const std::uint64_t* kept,
                        Element* stored, std::int8_t* row_of) {
  for (std::int64_t c = 0; c < columns; ++c, stored += n, row_of += n) {
    std::uint64_t left = kept[c];
    std::int64_t j = 0;
    for (; left != 0 && j < n; left &= left - 1, ++j) {
      const std::int64_t i = std::countr_zero(left);
      stored[j] = elements[i * columns + c];
      row_of[j] = static_cast<std::int8_t>(i);
    }
    if (left != 0) return c;
    // Places that are left take rows that nothing is stored for, with 0; those behind the matrix's end first.
    for (std::int64_t i = m - 1; j < n; --i) {
      if ((kept[c] >> i & 1) != 0) continue;
      stored[j] = 0;
      row_of[j++] = static_cast<std::int8_t>(i);
    }
  }
  return columns;
}

std::vector<Array> pack(const Array& dense, const Array& keep, const Attributes& numbers) {
  const Packer from(dense, keep);
  const std::int64_t n = number_of(numbers, "n"), m = number_of(numbers, "m"), groups = divided_up(from.rows(), m);
  check_kept_rows(n, m, "layout nm");
  Array values = from.values({groups, from.columns(), n}), rows(DType::i8, {groups, from.columns(), n});
  std::int8_t* const row_of = rows.values<std::int8_t>().data();
  const std::int64_t columns = from.columns();
  from.with_elements(values, [&](const auto* elements, auto* stored) {
    for_each_rows(groups, dense.count(), [&](const RowRange& part) {
      std::vector<std::uint64_t> kept(static_cast<std::size_t>(columns));
      for (std::int64_t group = part.begin; group < part.end; ++group) {
        from.kept_of_columns(group * m, m, kept.data());
        const std::int64_t place = group * columns * n;
        const std::int64_t done = pack_group(n, m, columns, elements + group * m * columns, kept.data(), stored + place, row_of + place);
        if (done < columns)
          throw Error(
              fmt::format("the mask is not {}:{}: rows {} to {} of column {} keep more", n, m, group * m, (group + 1) * m - 1, done),
              "layout nm", "make the mask with the sparsifier nm");
      }
    });
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
