// Compressed sparse rows: for each row its elements, by rising columns. The same places by columns stand beside them, so that products
// with the transpose, and so gradients, scatter nothing: products are those of ops/spmm.cpp.
#include "neap/base/prefetch.h"
#include "neap/layouts/packing.h"

namespace neap::csr_layout {
namespace {

const std::vector<std::string> component_names = {"values", "offsets", "columns", "t_offsets", "t_rows", "t_order"};

StoredPoints points(Definition& d, int first) {
  const Axis row = d.axis("r", d.call().dims("size")[0]);
  const auto bound = [&](int next) { return position_at(d, first, {axis_position(row) + Expr(next)}); };
  const Axis entry = d.axis_ragged("e", d.size(first + 1, 0), bound(0), bound(1));
  return {{row, entry}, axis_position(row), position_at(d, first + 1, {axis_position(entry)}), {axis_position(entry)}, {}};
}

std::vector<Array> pack(const Array& dense, const Array& keep, const Attributes&) {
  const Packer from(dense, keep);
  const ColumnPlaces places(from);
  const std::int64_t* const by_row = from.row_offsets().values<std::int64_t>().data();
  const std::int64_t count = by_row[from.rows()];
  Array values = from.values({count}), columns(DType::i32, {count}), t_rows(DType::i32, {count}), t_order(DType::i64, {count});
  std::int32_t *const column_of = columns.values<std::int32_t>().data(), *const row_of = t_rows.values<std::int32_t>().data();
  std::int64_t* const order = t_order.values<std::int64_t>().data();
  from.with_elements(values, [&](const auto* elements, auto* stored) {
    from.for_each_part([&](const RowRange& part) {
      for (std::int64_t r = part.begin; r < part.end; ++r)
        from.take_row(r, elements, stored + by_row[r], column_of + by_row[r], by_row[part.end] - by_row[r]);
    });
  });
  places.for_each(
      [&](std::int64_t place, std::int64_t row, std::int64_t element) {
        row_of[place] = static_cast<std::int32_t>(row);
        order[place] = element;
      },
      [&](std::int64_t place) {
        prefetch_to_write(row_of + place);
        prefetch_to_write(order + place);
        prefetch_to_write(order + place + ColumnPlaces::line_places / 2);
      });
  return {values, from.row_offsets(), columns, places.offsets(), t_rows, t_order};
}

void check(const std::vector<Array>& components, const Sizes& size, const Attributes&) {
  const ComponentCheck check("csr", components, component_names);
  const std::int64_t count = components[0].count();
  check.sizes(0, {count});
  check.offsets(1, size[0], count);
  check.sizes(2, {count});
  check.range(2, 0, size[1]);
  check.rising(1, 2);
  check.offsets(3, size[1], count);
  check.sizes(4, {count});
  check.range(4, 0, size[0]);
  check.rising(3, 4);
  check.sizes(5, {count});
  check.range(5, 0, count);
  for (std::int64_t c = 0; c < size[1]; ++c) {
    for (std::int64_t k = components[3].get_int(c); k < components[3].get_int(c + 1); ++k) {
      const std::int64_t e = components[5].get_int(k), row = components[4].get_int(k);
      if (components[2].get_int(e) != c || e < components[1].get_int(row) || e >= components[1].get_int(row + 1))
        check.fail(5, fmt::format("element {} is not where rows and columns say", k));
    }
  }
}

// The operands of csr_matmul and csr_sample are those of spmm and sddmm.
Var product(Builder& build, const std::vector<Var>& operands, const Call& call) {
  const bool turn = call.flag("features_first");
  std::vector<Var> all = operands;
  if (turn) all[0] = transpose(as_matrix(all[0]), {1, 0});
  all[1] = cast(all[1], all[0].dtype());
  const Var y = build.call("spmm", all, {{"transpose", call.flag("transpose")}});
  if (!turn) return y;
  const Var rows = transpose(y, {1, 0});
  Shape shape = operands[0].shape();
  shape.back() = y.size(0);
  return shape.size() == 2 ? rows : reshape(rows, shape);
}
Var sample(Builder& build, const std::vector<Var>& operands, const Call&) { return build.call("sddmm", operands); }

std::vector<Var> places(Builder& build, const Var& keep, const Call& call) {
  const std::int64_t columns = keep.size(1).constant();
  const RunningPlaces found = places_of(build, keep, call.integer("count"));
  const Var row = divided(build, found.elements, columns), at = found.elements - row * static_cast<double>(columns);
  const Var order = order_by_columns(build, found, columns), t_row = build.call("gather", {row, order});
  return {offsets_of(build, keep), cast(at, DType::i32), offsets_of(build, keep, 1), cast(t_row, DType::i32), order};
}

const RegisterLayout csr{{.name = "csr",
                          .about = "compressed sparse rows",
                          .components = {{"values"}, {"offsets"}, {"columns"}, {"t_offsets"}, {"t_rows"}, {"t_order"}},
                          .points = points,
                          .values_shape = [](const Call& call, int first) { return Shape{call.size(first + 1, 0)}; },
                          .place_shapes =
                              [](const Call& call, int first) {
                                const Shape &size = call.dims("size"), entries{call.size(first + 1, 0)};
                                return std::vector<Shape>{{size[0] + Dim(1)}, entries, {size[1] + Dim(1)}, entries, entries};
                              },
                          .pack = pack,
                          .fits = [](const Array&) { return std::vector<Attributes>(1); },
                          .check = check,
                          .product = product,
                          .sample = sample,
                          .places = places}};

}  // namespace
}  // namespace neap::csr_layout
