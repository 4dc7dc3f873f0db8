// What layouts share when they pack dense matrices, and when they look at components from outside.
#pragma once
#include <algorithm>
#include <bit>
#include <string_view>

#include "neap/layouts/mask_loops.h"
#include "neap/layouts/sparse_layout.h"

namespace neap {

// Rows of a matrix that are packed by one thread.
struct RowRange {
  std::int64_t begin, end;
  std::size_t number;  // among the parts
};
std::size_t row_parts(std::int64_t rows, std::int64_t size);  // into how many so many rows, `size` elements in all, are cut
// Work on these parts, side by side where they are many.
void for_each_rows(std::int64_t rows, std::int64_t size, const std::function<void(const RowRange& part)>& work);

// A dense matrix and which of its elements are to be stored.
class Selection {
 public:
  Selection(const Array& dense, const Array& keep);  // Error unless both are matrices of one size, and `keep` is bool

  std::int64_t rows() const { return rows_; }
  std::int64_t columns() const { return columns_; }
  bool kept(std::int64_t row, std::int64_t column) const { return row < rows() && column < columns() && keep_[row * columns() + column]; }
  // From a row on, as bytes of 0 and 1: loops over them become vector instructions.
  const std::uint8_t* mask_from(std::int64_t row) const { return reinterpret_cast<const std::uint8_t*>(keep_ + row * columns()); }
  // Error if the bytes of some rows are others: what finds elements takes bytes in different ways, which agree on 0 and 1 alone.
  void check_flags(std::int64_t row, std::int64_t rows) const;
  // work(part), for parts of the rows side by side.
  template <class Work>
  void for_each_part(Work work) const {
    for_each_rows(rows_, dense_.count(), work);
  }
  std::size_t parts() const { return row_parts(rows_, dense_.count()); }
  // Which of m rows (64 at most) from `top` on each of some columns from `left` on keeps, as bits: kept[count]. What is beyond the matrix
  // is not kept.
  void kept_of_columns(std::int64_t top, std::int64_t m, std::int64_t left, std::int64_t count, std::uint64_t* kept) const;

  Array values(Sizes sizes) const { return {dense_.dtype(), std::move(sizes)}; }  // that are still to be set, padding too
  // The element where it is kept, by the mask's byte; 0 elsewhere.
  template <class Element>
  static Element masked(Element element, std::uint8_t keep) {
    return static_cast<Element>(element & -static_cast<Element>(keep));
  }
  // The logarithm of an element's bytes, as masks::Loops count them.
  std::size_t element() const { return static_cast<std::size_t>(std::countr_zero(static_cast<std::uint64_t>(size_of(dense_.dtype())))); }
  // work(elements, values): the matrix and `values` as unsigned integers as large as an element, so that copying one is an assignment.
  template <class Work>
  void with_elements(Array& values, Work work) const;

 protected:
  [[noreturn]] static void fail_flags();

 private:
  const Array& dense_;
  const bool* keep_ = nullptr;
  std::int64_t rows_ = 0, columns_ = 0;
};

// The same, with the mask as bits.
class Packer : public Selection {
 public:
  Packer(const Array& dense, const Array& keep);  // Error if a byte of the mask is neither 0 nor 1

  // From a row on, `words` of them a row; a word behind the last can be read.
  const masks::Word* bits_from(std::int64_t row) const { return reinterpret_cast<const masks::Word*>(bits_.raw()) + row * words_; }
  std::int64_t words() const { return words_; }
  // For as many elements as a row has, and as loops over its bits may overwrite behind them.
  std::int64_t row_room() const { return (words_ + 1) * masks::word_bits; }
  // The kept columns of a row, in order, and their elements; how many. What stands behind them, up to `room`, may be overwritten.
  template <class Element>
  std::int64_t take_row(std::int64_t row, const Element* elements, Element* stored, std::int32_t* to, std::int64_t room) const {
    return masks::loops().take[element()](words_, bits_from(row), elements + row * columns(), stored, to, room);
  }
  // Whether any of some rows from `first` on keeps a column: any[words]. Rows beyond the last keep nothing.
  void kept_in_any(std::int64_t first, std::int64_t rows, masks::Word* any) const;
  // Where each row begins when kept elements are stored row by row, and the end: i64 [rows + 1].
  const Array& row_offsets() const { return row_offsets_; }

 private:
  std::int64_t words_ = 0;
  Array bits_, row_offsets_;
};

// Where kept elements stand when they are stored column by column, each column by rising rows. Each part of the rows has a section in every
// column, so that parts are written side by side; a column's rows are read from the mask's bits, mirrored.
class ColumnPlaces {
 public:
  explicit ColumnPlaces(const Packer& from);

  const Array& offsets() const { return offsets_; }  // where each column begins, and the end: i64 [columns + 1]
  // work(place, row, element) for all of them: element number `element`, row by row, of the matrix stands at that place. soon(place) some
  // time before the work on each line of places: a section is too short for the machine to see which lines come.
  template <class Work, class Soon>
  void for_each(Work work, Soon soon) const {
    constexpr std::int64_t columns_ahead = 4;
    const std::int64_t* const by_row = from_.row_offsets().values<std::int64_t>().data();
    const std::int64_t count = by_row[from_.rows()];
    from_.for_each_part([&](const RowRange& part) {
      std::vector<std::int64_t> next(by_row + part.begin, by_row + part.end);  // of each row, its next element
      std::vector<std::int32_t> rows(static_cast<std::size_t>((words_ + 1) * masks::word_bits));
      std::vector<masks::Word> bits(static_cast<std::size_t>(words_));
      for (std::int64_t column = 0; column < from_.columns(); ++column) {
        const auto room = static_cast<std::int64_t>(rows.size());
        const std::size_t section = part.number * across_ + static_cast<std::size_t>(column);
        for (std::int64_t i = 0; i < words_; ++i) bits[static_cast<std::size_t>(i)] = bits_of(part.number, i)[column];
        const std::int64_t found = masks::loops().positions(words_, bits.data(), rows.data(), room), first = sections_[section];
        if (column + columns_ahead < from_.columns()) {
          const std::int64_t then = sections_[section + columns_ahead], end = std::min(then + found, count);
          for (std::int64_t place = then; place < end; place += line_places) soon(place);
        }
        for (std::int64_t i = 0; i < found; ++i) {
          const std::int32_t row = rows[static_cast<std::size_t>(i)];
          work(first + i, part.begin + row, next[static_cast<std::size_t>(row)]++);
        }
      }
    });
  }

  static constexpr std::int64_t line_places = 16;

 private:
  // Where word number `word` of all columns of a part begins.
  std::int64_t word_offset(std::size_t part, std::int64_t word) const {
    return (static_cast<std::int64_t>(part) * words_ + word) * stride_;
  }
  const masks::Word* bits_of(std::size_t part, std::int64_t word) const {
    return reinterpret_cast<const masks::Word*>(bits_.raw()) + word_offset(part, word);
  }

  const Packer& from_;
  std::size_t across_;           // columns as whole words have them
  std::int64_t words_, stride_;  // of a section; from one word of a column to the next
  Array bits_, offsets_;
  std::vector<std::int64_t> sections_;  // [parts, across]: where each begins
};

template <class Work>
void Selection::with_elements(Array& values, Work work) const {
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
