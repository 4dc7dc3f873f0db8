// Coordinates: each element with its row and its column, in row-major order.
#include "neap/layouts/packing.h"

namespace neap::coo_layout {
namespace {

const std::vector<std::string> component_names = {"values", "rows", "columns"};

StoredPoints points(Definition& d, int first) {
  const Axis entry = d.axis("e", d.size(first, 0));
  const Expr e = axis_position(entry);
  return {{entry}, position_at(d, first, {e}), position_at(d, first + 1, {e}), {e}, {}};
}

std::vector<Array> pack(const Array& dense, const Array& keep, const Attributes&) {
  const Packer from(dense, keep);
  const std::int64_t* const by_row = from.row_offsets().values<std::int64_t>().data();
  const std::int64_t count = by_row[from.rows()];
  Array values = from.values({count}), rows(DType::i32, {count}), columns(DType::i32, {count});
  std::int32_t *const row_of = rows.values<std::int32_t>().data(), *const column_of = columns.values<std::int32_t>().data();
  from.with_elements(values, [&](const auto* elements, auto* stored) {
    from.for_each_part([&](const RowRange& part) {
      for (std::int64_t r = part.begin; r < part.end; ++r) {
        const std::int64_t first = by_row[r];
        const std::int64_t found = from.take_row(r, elements, stored + first, column_of + first, by_row[part.end] - first);
        std::fill_n(row_of + first, found, static_cast<std::int32_t>(r));
      }
    });
  });
  return {values, rows, columns};
}

void check(const std::vector<Array>& components, const Sizes& size, const Attributes&) {
  const ComponentCheck check("coo", components, component_names);
  const std::int64_t count = components[0].count();
  check.sizes(0, {count});
  check.sizes(1, {count});
  check.range(1, 0, size[0]);
  check.sizes(2, {count});
  check.range(2, 0, size[1]);
  for (std::int64_t e = 1; e < count; ++e) {
    const auto place = [&](std::int64_t i) { return components[1].get_int(i) * size[1] + components[2].get_int(i); };
    if (place(e) <= place(e - 1)) check.fail(1, fmt::format("element {} does not come after the one before it", e));
  }
}

std::vector<Var> places(Builder& build, const Var& keep, const Call& call) {
  const std::int64_t count = call.integer("count");
  const Var elements = places_of(build, keep, count).elements, rows = divided(build, elements, keep.size(1));
  const Var columns = elements - rows * static_cast<double>(keep.size(1).constant());
  return {cast(rows, DType::i32), cast(columns, DType::i32)};
}

const RegisterLayout coo{{.name = "coo",
                          .about = "coordinates",
                          .components = {{"values"}, {"rows"}, {"columns"}},
                          .points = points,
                          .values_shape = as_places,
                          .place_shapes =
                              [](const Call& call, int first) {
                                const Shape entries{call.size(first, 0)};
                                return std::vector<Shape>{entries, entries};
                              },
                          .pack = pack,
                          .check = check,
                          .places = places}};

}  // namespace
}  // namespace neap::coo_layout
