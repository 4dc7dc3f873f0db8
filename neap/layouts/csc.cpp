// Compressed sparse columns: for each column its elements, by rising rows.
#include "neap/base/prefetch.h"
#include "neap/layouts/packing.h"

namespace neap::csc_layout {
namespace {

const std::vector<std::string> component_names = {"values", "offsets", "rows"};

StoredPoints points(Definition& d, int first) {
  const Axis column = d.axis("c", d.call().dims("size")[1]);
  const auto bound = [&](int next) { return position_at(d, first, {axis_position(column) + Expr(next)}); };
  const Axis entry = d.axis_ragged("e", d.size(first + 1, 0), bound(0), bound(1));
  return {{column, entry}, position_at(d, first + 1, {axis_position(entry)}), axis_position(column), {axis_position(entry)}, {}};
}

// Row by row first, as lines of the matrix are read whole.
std::vector<Array> pack(const Array& dense, const Array& keep, const Attributes&) {
  const Packer from(dense, keep);
  const ColumnPlaces places(from);
  const std::int64_t* const by_row = from.row_offsets().values<std::int64_t>().data();
  const std::int64_t count = by_row[from.rows()];
  Array values = from.values({count}), by_rows = from.values({count}), rows(DType::i32, {count});
  std::int32_t* const row_of = rows.values<std::int32_t>().data();
  from.with_elements(by_rows, [&](const auto* elements, auto* stored) {
    from.for_each_part([&](const RowRange& part) {
      std::vector<std::int32_t> columns(static_cast<std::size_t>(from.row_room()));
      for (std::int64_t r = part.begin; r < part.end; ++r)
        from.take_row(r, elements, stored + by_row[r], columns.data(), std::min(from.row_room(), by_row[part.end] - by_row[r]));
    });
  });
  from.with_elements(values, [&]<class Element>(const Element*, Element* stored) {
    const Element* const elements = reinterpret_cast<const Element*>(by_rows.raw());
    places.for_each(
        [&](std::int64_t place, std::int64_t row, std::int64_t element) {
          row_of[place] = static_cast<std::int32_t>(row);
          stored[place] = elements[element];
          __builtin_prefetch(elements + element + ColumnPlaces::line_places);  // the row's next line, for a column that is near
        },
        [&](std::int64_t place) {
          prefetch_to_write(row_of + place);
          prefetch_to_write(stored + place);
        });
  });
  return {values, places.offsets(), rows};
}

void check(const std::vector<Array>& components, const Sizes& size, const Attributes&) {
  const ComponentCheck check("csc", components, component_names);
  const std::int64_t count = components[0].count();
  check.sizes(0, {count});
  check.offsets(1, size[1], count);
  check.sizes(2, {count});
  check.range(2, 0, size[0]);
  check.rising(1, 2);
}

std::vector<Var> places(Builder& build, const Var& keep, const Call& call) {
  const std::int64_t columns = keep.size(1).constant();
  const RunningPlaces found = places_of(build, keep, call.integer("count"));
  const Var rows = build.call("gather", {divided(build, found.elements, columns), order_by_columns(build, found, columns)});
  return {offsets_of(build, keep, 1), cast(rows, DType::i32)};
}

const RegisterLayout csc{{.name = "csc",
                          .about = "compressed sparse columns",
                          .components = {{"values"}, {"offsets"}, {"rows"}},
                          .points = points,
                          .values_shape = [](const Call& call, int first) { return Shape{call.size(first + 1, 0)}; },
                          .place_shapes =
                              [](const Call& call, int first) {
                                return std::vector<Shape>{{call.dims("size")[1] + Dim(1)}, {call.size(first + 1, 0)}};
                              },
                          .pack = pack,
                          .check = check,
                          .places = places}};

}  // namespace
}  // namespace neap::csc_layout
