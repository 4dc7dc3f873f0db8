// What layouts share when they pack dense matrices, and when they look at components from outside.
#pragma once
#include <algorithm>
#include <array>
#include <string_view>

#include "neap/base/flags.h"
#include "neap/layouts/sparse_layout.h"

namespace neap {

// Rows, or columns, of a matrix that are packed by one thread.
struct RowRange {
  std::int64_t begin, end;
};
// Work on parts of so many rows, `size` elements in all, side by side where they are many.
void for_each_rows(std::int64_t rows, std::int64_t size, const std::function<void(const RowRange& part)>& work);

// A dense matrix and which of its elements are to be stored.
class Packer {
 public:
  Packer(const Array& dense, const Array& keep);  // Error unless both are matrices of one size, and `keep` is bool, of bytes 0 and 1

  std::int64_t rows() const { return rows_; }
  std::int64_t columns() const { return columns_; }
  bool kept(std::int64_t row, std::int64_t column) const { return row < rows() && column < columns() && keep_[row * columns() + column]; }
  // From a row on, as bytes of 0 and 1: loops over them become vector instructions.
  const std::uint8_t* mask_from(std::int64_t row) const { return reinterpret_cast<const std::uint8_t*>(keep_ + row * columns()); }
  // found(column, element) for the kept elements of a row, in order. They are asked for ahead: few of a line are read, which machines do
  // not foresee.
  template <class Element, class Found>
  void for_each_kept(std::int64_t row, const Element* elements, Found found) const {
    constexpr std::int64_t ahead = 2048, line = 64, step = line / static_cast<std::int64_t>(sizeof(Element));
    const Element* const all = elements + row * columns();
    for (std::int64_t first = 0; first < columns(); first += step) {
      __builtin_prefetch(reinterpret_cast<const char*>(all + first) + ahead);
      for_each_flag(mask_from(row) + first, std::min(step, columns() - first), true,
                    [&](std::int64_t i) { found(first + i, all[first + i]); });
    }
  }
  // Whether any of some rows from `first` on keeps a column: any[columns], bytes of 0 and 1. Rows beyond the last keep nothing.
  void kept_in_any(std::int64_t first, std::int64_t rows, std::uint8_t* any) const;
  // Where each row begins when kept elements are stored row by row, and the end: i64 [rows + 1].
  Array row_offsets() const;
  Array column_offsets() const;  // the same column by column: i64 [columns + 1]
  // work(part), for parts of the rows side by side.
  template <class Work>
  void for_each_part(Work work) const {
    for_each_rows(rows_, dense_.count(), work);
  }
  // found(place, row, column, element) for all kept elements, on all threads; places are counted from row_offsets.
  template <class Element, class Found>
  void for_each_across(const Array& offsets, const Element* elements, Found found) const;
  // found(row, column, place) for the kept elements of some columns, down a few of them at a time, so that what is written by places goes
  // on in few runs; places are counted from column_offsets. ask(row, column, count): of what some columns of a row need, which comes soon.
  template <class Found, class Ask>
  void for_each_down(const RowRange& columns, const std::int64_t* offsets, Found found, Ask ask) const;
  // Which of m rows (64 at most) from `first` on each column keeps, as bits: kept[columns]. Rows beyond the last are not kept.
  void kept_of_columns(std::int64_t first, std::int64_t m, std::uint64_t* kept) const;

  Array values(Sizes sizes) const { return {dense_.dtype(), std::move(sizes)}; }  // that are still to be set, padding too
  // The element where it is kept, by the mask's byte; 0 elsewhere.
  template <class Element>
  static Element masked(Element element, std::uint8_t keep) {
    return static_cast<Element>(element & -static_cast<Element>(keep));
  }
  // work(elements, values): the matrix and `values` as unsigned integers as large as an element, so that copying one is an assignment.
  template <class Work>
  void with_elements(Array& values, Work work) const;

 private:
  void check_bytes() const;
  std::int64_t count_in_row(std::int64_t row) const;

  const Array& dense_;
  const bool* keep_ = nullptr;
  std::int64_t rows_ = 0, columns_ = 0;
};

template <class Element, class Found>
void Packer::for_each_across(const Array& offsets, const Element* elements, Found found) const {
  const std::int64_t* const by_row = offsets.values<std::int64_t>().data();
  for_each_part([&](const RowRange& part) {
    std::int64_t place = by_row[part.begin];
    for (std::int64_t r = part.begin; r < part.end; ++r)
      for_each_kept(r, elements, [&](std::int64_t c, Element element) { found(place++, r, c, element); });
  });
}

template <class Found, class Ask>
void Packer::for_each_down(const RowRange& range, const std::int64_t* offsets, Found found, Ask ask) const {
  constexpr std::int64_t few = 64, ahead = 32;  // a line of the mask; rows
  std::array<std::int64_t, few> place{};
  for (std::int64_t first = range.begin; first < range.end; first += few) {
    const std::int64_t count = std::min(few, range.end - first);
    std::copy_n(offsets + first, count, place.begin());
    for (std::int64_t r = 0; r < rows(); ++r) {
      __builtin_prefetch(mask_from(r + ahead) + first);
      ask(r + ahead, first, count);
      for_each_flag(mask_from(r) + first, count, true, [&](std::int64_t i) { found(r, first + i, place[static_cast<std::size_t>(i)]++); });
    }
  }
}

template <class Work>
void Packer::with_elements(Array& values, Work work) const {
  const auto as = [&](auto like) {
    using Element = decltype(like);
    work(reinterpret_cast<const Element*>(dense_.raw()), reinterpret_cast<Element*>(values.raw()));
  };
  switch (size_of(dense_.dtype())) {
    case 1:
      return as(std::uint8_t{});
    case 2:
      return as(std::uint16_t{});
    case 4:
      return as(std::uint32_t{});
    default:
      return as(std::uint64_t{});
  }
}

std::int64_t number_of(const Attributes& numbers, std::string_view name);
std::int64_t divided_up(std::int64_t a, std::int64_t b);  // rounded up, as `ceil_div` does for sizes

// Of values that stand in as many places as there are elements of the first place.
Shape as_places(const Call& call, int first);

// A position read from operand `input`, as i64.
Expr position_at(const Definition& d, int input, const std::vector<Expr>& index);

Array nonzero(const Array& matrix);  // a mask (bool) of what is not 0

// In a graph: of a mask, the numbers in row-major order of `count` elements for which it is true (i64), with flags that are true. Of a mask
// that keeps fewer, the first of the others follow, with flags that are false; of one that keeps more, the last are left out.
struct RunningPlaces {
  Var elements, flags;
};
RunningPlaces places_of(Builder& build, const Var& keep, std::int64_t count);
// The order of such places by columns, of `columns` in all; those that are none of the mask's come last.
Var order_by_columns(Builder& build, const RunningPlaces& places, std::int64_t columns);
// Offsets of rows (axis 0) or columns (axis 1) from a mask: 0, then how many true elements stand in those so far (i64).
Var offsets_of(Builder& build, const Var& keep, int axis = 0);
Var divided(Builder& build, const Var& a, const Dim& by);  // whole numbers, rounded down
Var as_matrix(const Var& x);                               // [..., n] as [rows, n]; a number as [1, 1]
// Of [groups, m, chunks, columns], of known sizes: row i of all groups, [groups, chunks, columns] each.
std::vector<Var> rows_of_groups(Builder& build, const Var& x);

// Error unless operand `values` has the sizes that the places from `first_place` on say.
void check_values(const Call& call, const SparseLayout& layout, int values, int first_place);
// The same of a product's values, operand 1, beside x, operand 0: of x's dtype, or stored in 16 bits beside an x of f32.
void check_weights(const Call& call, const SparseLayout& layout);

// A position that padding may carry past the end, kept within; what stands there counts for nothing then. An axis of that size ends there.
Expr kept_within(const StoredPoints& points, const Expr& position, const Dim& size);
Expr where_inside(const StoredPoints& points, const Expr& value);

// Components from outside, as a check sees them.
class ComponentCheck {
 public:
  ComponentCheck(std::string_view layout, const std::vector<Array>& components, const std::vector<std::string>& names);

  [[noreturn]] void fail(std::size_t component, const std::string& problem) const;
  void sizes(std::size_t component, const Sizes& wanted) const;
  void integers(std::size_t component) const;
  // Every element in [least, below).
  void range(std::size_t component, std::int64_t least, std::int64_t below) const;
  // Offsets from 0 to `entries`, not decreasing, of `rows` rows.
  void offsets(std::size_t component, std::int64_t rows, std::int64_t entries) const;
  // Within each row that `offsets` tells apart, every element of `component` is larger than the one before it.
  void rising(std::size_t offsets, std::size_t component) const;

 private:
  std::string layout_;
  const std::vector<Array>& components_;
  const std::vector<std::string>& names_;
};

}  // namespace neap
