// What a value is: its element type, its sizes, and how its elements lie in memory.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "neap/base/array.h"
#include "neap/base/dtype.h"
#include "neap/ir/dim.h"

namespace neap {

// How the elements of a tensor lie in memory, outermost first. Written as oneDNN does: a letter an axis ('a' is axis 0); "acdb" is
// channels-last of NCHW; a capital with a later "8b" is an axis cut into blocks of 8 ("aBcd8b": NCHW8c; the last block is padded).
// Default: row-major ("abcd"), whatever the rank.
struct Layout {
  struct Level {
    int axis = 0;
    std::int64_t block = 0;  // 0: the whole axis, or what is left of it when an inner level holds a block; b: the inner part, b wide
    bool operator==(const Level&) const = default;
  };
  std::vector<Level> levels;  // empty: row-major

  bool row_major() const { return levels.empty(); }
  static Layout parse(std::string_view tag, int rank);  // Error naming the tag; row-major tags give the default
  std::string tag(int rank) const;
  static Layout channels_last(int rank);  // axis 1 innermost; row-major for rank < 3
  bool operator==(const Layout&) const = default;
};

struct Type {
  DType dtype = DType::f32;
  Shape shape;
  Layout layout;

  int rank() const { return static_cast<int>(shape.size()); }
  Type with(DType other) const { return {other, shape, layout}; }
  std::string to_string() const;  // "f32[N,3,28,28]" and the layout's tag after it where it is not row-major: "f32[N,8,4,4] acdb"
  static Type parse(std::string_view text);
  bool operator==(const Type&) const = default;
};

Type type_of(const Array& array);  // row-major

// Elements that the storage holds (with the padding of blocks).
Dim storage_count(const Type& type);
Dim storage_bytes(const Type& type);

// The extents of the layout's levels, and for each level its stride in elements: storage order, outermost first.
struct Storage {
  std::vector<std::int64_t> extent, stride;  // one per level
  std::vector<Layout::Level> levels;         // row-major layouts spelled out
  std::int64_t count = 0;
  std::int64_t offset(const std::vector<std::int64_t>& index) const;  // of a logical index
};
Storage storage(const Type& type, const Symbols& symbols);

}  // namespace neap
