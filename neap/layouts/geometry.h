// How matrices are cut in layouts of several numbers, for the layouts and for the sparsifiers that make what they store.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "neap/layouts/choice_text.h"
#include "neap/layouts/patterns.h"

namespace neap {

// Grouped n:m: rows in groups of m, columns in chunks in which each pattern of n kept rows has g columns.
struct NmgGeometry {
  std::int64_t n, m, g;
  const std::vector<KeptRows>& patterns;

  // Error as kept_row_patterns, and for a chunk of more than 65,536 columns.
  NmgGeometry(std::int64_t rows_kept, std::int64_t of, std::int64_t columns_of_one);
  static std::vector<ChoiceNumber> numbers();
  std::int64_t pattern_count() const { return static_cast<std::int64_t>(patterns.size()); }
  std::int64_t chunk() const { return pattern_count() * g; }
  // Error, at `place`, where a group or a chunk is not whole.
  void check_whole(std::int64_t rows, std::int64_t columns, std::string_view place) const;
};

// Blocks of r rows and c columns.
struct BlockGeometry {
  std::int64_t r, c;

  static std::vector<ChoiceNumber> numbers();
  void check_whole(std::int64_t rows, std::int64_t columns, std::string_view place) const;  // Error, at `place`, where a block is not
};

}  // namespace neap
