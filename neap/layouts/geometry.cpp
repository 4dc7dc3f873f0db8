#include "neap/layouts/geometry.h"

#include "neap/base/error.h"

namespace neap {

NmgGeometry::NmgGeometry(std::int64_t rows_kept, std::int64_t of, std::int64_t columns_of_one)
    : n(rows_kept), m(of), g(columns_of_one), patterns(kept_row_patterns(n, m)) {
  constexpr std::int64_t most_columns = 65536;
  if (chunk() > most_columns)
    throw Error(fmt::format("a chunk of {}:{}:{} is {} columns, {} are the most", n, m, g, chunk(), most_columns), "layout nmg",
                "use a smaller g");
}

std::vector<ChoiceNumber> NmgGeometry::numbers() {
  return {{"n", "rows kept", 2, 1, 64, true},
          {"m", "of so many", 4, 1, 64, true},
          {"g", "columns of one pattern in a chunk", 16, 1, 65536, true}};
}

void NmgGeometry::check_whole(std::int64_t rows, std::int64_t columns, std::string_view place) const {
  if (rows % m != 0 || columns % chunk() != 0)
    throw Error(fmt::format("{} rows are not in groups of {}, or {} columns not in chunks of {}", rows, m, columns, chunk()),
                std::string(place), "choose n, m and g for the sizes, or use nm");
}

std::vector<ChoiceNumber> BlockGeometry::numbers() {
  return {{"r", "rows of a block", 4, 1, 64, true}, {"c", "columns of a block", 1, 1, 64, true}};
}

void BlockGeometry::check_whole(std::int64_t rows, std::int64_t columns, std::string_view place) const {
  if (rows % r != 0 || columns % c != 0)
    throw Error(fmt::format("{} rows and {} columns are not in blocks of {} x {}", rows, columns, r, c), std::string(place),
                "choose r and c for the sizes");
}

}  // namespace neap
