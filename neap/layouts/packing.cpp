#include "neap/layouts/packing.h"

#include <algorithm>
#include <atomic>
#include <numeric>
#include <utility>

#include "neap/base/machine.h"
#include "neap/base/parallel.h"

namespace neap {

std::size_t row_parts(std::int64_t rows, std::int64_t size) {
  constexpr std::int64_t of_part = 1 << 16;      // elements for which a thread is worth starting
  const std::int64_t most = 4 * thread_count();  // few: what is sorted by columns is written by a part in runs
  return static_cast<std::size_t>(std::clamp<std::int64_t>(size / of_part, 1, std::clamp<std::int64_t>(rows, 1, most)));
}

void for_each_rows(std::int64_t rows, std::int64_t size, const std::function<void(const RowRange&)>& work) {
  const std::size_t parts = row_parts(rows, size);
  for_each_index(parts, [&](std::size_t number) {
    const auto part = static_cast<std::int64_t>(number), all = static_cast<std::int64_t>(parts);
    work({part * rows / all, (part + 1) * rows / all, number});
  });
}

const masks::Loops& masks::loops(Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::avx512 && __builtin_cpu_supports("avx512vbmi2")) return loops_vbmi2();
#endif
  return isa == Isa::avx512 ? loops_avx512() : isa == Isa::avx2 ? loops_avx2() : loops_portable();
}

const masks::Loops& masks::loops() {
  static const Loops& best = loops(best_isa());
  return best;
}

Selection::Selection(const Array& dense, const Array& keep) : dense_(dense) {
  if (dense.rank() != 2)
    throw Error(fmt::format("a matrix is wanted, not {}", to_string(dense.sizes())), "sparse layout", "reshape it to rows and columns");
  if (keep.dtype() != DType::boolean || keep.sizes() != dense.sizes())
    throw Error(fmt::format("the mask is {}{}, the matrix {}", name(keep.dtype()), to_string(keep.sizes()), to_string(dense.sizes())),
                "sparse layout", "the mask is bool, of the matrix's sizes");
  keep_ = keep.values<bool>().data();
  rows_ = dense.size(0);
  columns_ = dense.size(1);
}

void Selection::fail_flags() {
  throw Error("the mask has bytes that are neither 0 nor 1", "sparse layout", "make it by a comparison, or cast numbers to bool");
}

void Selection::check_flags(std::int64_t row, std::int64_t rows) const {
  if (!masks::loops().are_flags(rows * columns_, mask_from(row))) fail_flags();
}

Packer::Packer(const Array& dense, const Array& keep)
    : Selection(dense, keep),
      words_(divided_up(columns(), masks::word_bits)),
      bits_(DType::i64, {rows() * words_ + 1}),
      row_offsets_(Array::zeros(DType::i64, {rows() + 1})) {
  auto* const bits = reinterpret_cast<masks::Word*>(bits_.raw());
  std::int64_t* const by_row = row_offsets_.values<std::int64_t>().data();
  std::atomic<bool> any_other(false);
  for_each_part([&](const RowRange& part) {
    bool other = false;
    for (std::int64_t r = part.begin; r < part.end; ++r)
      by_row[r + 1] = masks::loops().to_bits(columns(), mask_from(r), bits + r * words_, other);
    if (other) any_other = true;
  });
  if (any_other) fail_flags();
  std::partial_sum(by_row, by_row + rows() + 1, by_row);
}

// A part's section of a column begins where that of the part before it ends. Words of a column are not a power of two apart, so that a few
// of them do not share a place in a cache.
ColumnPlaces::ColumnPlaces(const Packer& from)
    : from_(from),
      across_(static_cast<std::size_t>(from.words() * masks::word_bits)),
      words_(divided_up(divided_up(from.rows(), static_cast<std::int64_t>(from.parts())), masks::word_bits)),
      stride_(static_cast<std::int64_t>(across_) + 8),
      bits_(DType::i64, {static_cast<std::int64_t>(from.parts()) * words_ * stride_}),
      offsets_(Array::zeros(DType::i64, {from.columns() + 1})),
      sections_(from.parts() * across_) {
  auto* const bits = reinterpret_cast<masks::Word*>(bits_.raw());
  from.for_each_part([&](const RowRange& part) {
    for (std::int64_t i = 0; i < words_; ++i) {
      const std::int64_t top = part.begin + i * masks::word_bits, there = std::clamp<std::int64_t>(part.end - top, 0, masks::word_bits);
      masks::loops().transpose(there, from.words(), from.bits_from(std::min(top, from.rows())), from.words(),
                               bits + word_offset(part.number, i), sections_.data() + part.number * across_);
    }
  });
  std::int64_t* const by_column = offsets_.values<std::int64_t>().data();
  std::int64_t place = 0;
  for (std::int64_t c = 0; c < from.columns(); ++c) {
    for (auto at = static_cast<std::size_t>(c); at < sections_.size(); at += across_) place += std::exchange(sections_[at], place);
    by_column[c + 1] = place;
  }
}

void Packer::kept_in_any(std::int64_t first, std::int64_t count, masks::Word* any) const {
  std::fill_n(any, words_, masks::Word{0});
  for (std::int64_t row = first; row < std::min(first + count, rows()); ++row) {
    const masks::Word* const kept = bits_from(row);
    for (std::int64_t word = 0; word < words_; ++word) any[word] |= kept[word];
  }
}

void Selection::kept_of_columns(std::int64_t top, std::int64_t m, std::int64_t left, std::int64_t count, std::uint64_t* kept) const {
  const std::int64_t there = std::min(count, columns() - left);
  masks::loops().bits(std::min(m, rows() - top), there, mask_from(top) + left, columns(), kept);
  std::fill(kept + there, kept + count, std::uint64_t{0});
}

std::int64_t number_of(const Attributes& numbers, std::string_view name) { return std::get<std::int64_t>(numbers.find(name)->second); }

std::int64_t divided_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

Shape as_places(const Call& call, int first) { return call.input(first).shape; }

Expr position_at(const Definition& d, int input, const std::vector<Expr>& index) { return cast(d.read(input, index), DType::i64); }

Array nonzero(const Array& matrix) {
  Array mask(DType::boolean, matrix.sizes());
  bool* const to = mask.values<bool>().data();
  dispatch(matrix.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    const auto* const from = reinterpret_cast<const T*>(matrix.raw());
    for_each_rows(matrix.count(), matrix.count(), [&](const RowRange& part) {
      for (std::int64_t i = part.begin; i < part.end; ++i) {
        if constexpr (std::is_arithmetic_v<T>) {
          to[i] = from[i] != T{};
        } else {
          to[i] = static_cast<float>(from[i]) != 0;
        }
      }
    });
  });
  return mask;
}

RunningPlaces places_of(Builder& build, const Var& keep, std::int64_t count) {
  const std::vector<Var> found = build.calls("top_k", {reshape(keep, {element_count(keep.shape())})}, {{"k", Shape{count}}});
  return {found[1], found[0]};
}

Var order_by_columns(Builder& build, const RunningPlaces& places, std::int64_t columns) {
  const auto all = static_cast<double>(columns);
  const Var column = places.elements - divided(build, places.elements, columns) * all;
  return build.call("argsort", {where(places.flags, cast(column, DType::i32), build.constant(DType::i32, all))});
}

Var offsets_of(Builder& build, const Var& keep, int axis) {
  const Var counts = sum(cast(keep, DType::i64), {1 - axis});
  const Var ends = build.call("cumulative_sum", {counts}, {{"axis", std::int64_t{0}}});
  return build.call("pad", {ends}, {{"before", Shape{1}}, {"after", Shape{0}}});
}

Var divided(Builder& build, const Var& a, const Dim& by) {
  return build.call("div", {a, build.constant(DType::i64, static_cast<double>(by.constant()))});
}

Var as_matrix(const Var& x) {
  const Shape& shape = x.shape();
  if (shape.size() == 2) return x;
  const Dim columns = shape.empty() ? Dim(1) : shape.back();
  const Dim rows = shape.empty() ? Dim(1) : element_count(Shape(shape.begin(), shape.end() - 1));
  return reshape(x, {rows, columns});
}

std::vector<Var> rows_of_groups(Builder& build, const Var& x) {
  std::vector<Var> rows;
  for (std::int64_t i = 0; i < x.size(1).constant(); ++i) {
    const Var row = build.call("slice", {x}, {{"starts", Shape{i}}, {"stops", Shape{i + 1}}, {"axes", std::vector<std::int64_t>{1}}});
    rows.push_back(reshape(row, {x.size(0), x.size(2), x.size(3)}));
  }
  return rows;
}

void check_values(const Call& call, const SparseLayout& layout, int values, int first_place) {
  const Shape wanted = layout.values_shape(call, first_place);
  if (!(call.input(values).shape == wanted))
    call.fail(fmt::format("values are {}, the places are of {}", call.input(values).to_string(), to_string(wanted)));
}

Expr kept_within(const StoredPoints& points, const Expr& position, const Dim& size) {
  const auto is_it = [&](const Axis& axis) {
    return position->op == Scalar::axis && position->integer == axis.id && axis.ragged == nullptr && axis.extent == size;
  };
  const bool ends = std::any_of(points.axes.begin(), points.axes.end(), is_it);
  return !points.inside || ends ? position : min(position, Expr(size) - Expr(1));
}
Expr where_inside(const StoredPoints& points, const Expr& value) {
  return points.inside ? select(points.inside, value, constant(value.dtype(), 0)) : value;
}

void check_weights(const Call& call, const SparseLayout& layout) {
  const DType x = call.input(0).dtype, values = call.input(1).dtype;
  if (values != x && !(is_float(values) && size_of(values) == 2 && x == DType::f32))
    call.fail(fmt::format("values are {}, x is {}", name(values), name(x)), "cast one of them");
  check_values(call, layout, 1, 2);
}

ComponentCheck::ComponentCheck(std::string_view layout, const std::vector<Array>& components, const std::vector<std::string>& names)
    : layout_(layout), components_(components), names_(names) {
  if (components.size() != names.size())
    throw Error(fmt::format("{} components where {} are wanted", components.size(), names.size()), "layout " + layout_);
}

void ComponentCheck::fail(std::size_t component, const std::string& problem) const {
  throw Error(fmt::format("{}: {}", names_[component], problem), "layout " + layout_,
              "the components were changed or cut; pack the dense matrix again");
}

void ComponentCheck::sizes(std::size_t component, const Sizes& wanted) const {
  if (components_[component].sizes() != wanted)
    fail(component, fmt::format("sizes are {}, not {}", to_string(components_[component].sizes()), to_string(wanted)));
}

void ComponentCheck::integers(std::size_t component) const {
  if (!is_integer(components_[component].dtype()))
    fail(component, fmt::format("elements are {}, not integers", name(components_[component].dtype())));
}

void ComponentCheck::range(std::size_t component, std::int64_t least, std::int64_t below) const {
  integers(component);
  const Array& all = components_[component];
  for (std::int64_t i = 0; i < all.count(); ++i) {
    const std::int64_t one = all.get_int(i);
    if (one < least || one >= below) fail(component, fmt::format("element {} is {}, outside of {} to {}", i, one, least, below - 1));
  }
}

void ComponentCheck::offsets(std::size_t component, std::int64_t rows, std::int64_t entries) const {
  sizes(component, {rows + 1});
  range(component, 0, entries + 1);
  const Array& all = components_[component];
  if (all.get_int(0) != 0 || all.get_int(rows) != entries) fail(component, fmt::format("they do not go from 0 to {}", entries));
  for (std::int64_t i = 0; i < rows; ++i) {
    if (all.get_int(i) > all.get_int(i + 1)) fail(component, fmt::format("element {} is smaller than the one before", i + 1));
  }
}

void ComponentCheck::rising(std::size_t offsets, std::size_t component) const {
  const Array &bounds = components_[offsets], &all = components_[component];
  for (std::int64_t row = 0; row + 1 < bounds.count(); ++row) {
    for (std::int64_t i = bounds.get_int(row) + 1; i < bounds.get_int(row + 1); ++i) {
      if (all.get_int(i) <= all.get_int(i - 1))
        fail(component, fmt::format("element {} is not larger than the one before it in its row", i));
    }
  }
}

}  // namespace neap
