// Grouped n:m (Ivanov et al. 2023, arXiv:2304.07613): n of every m rows of a column are stored. Columns are cut into chunks of C(m, n) * g,
// in which each pattern of kept rows holds exactly g columns, which stand together: a kernel knows a column's pattern from its place alone.
// Rows beyond the last whole group of m, and columns beyond the last whole chunk, are padding of zeros.
#include <algorithm>
#include <limits>

#include "neap/base/revolving_door.h"
#include "neap/layouts/geometry.h"
#include "neap/layouts/packing.h"

namespace neap::nmg_layout {
namespace {

const std::vector<std::string> component_names = {"values", "index", "patterns"};

// Values are [row groups, chunks, patterns, g, n]; the index (a column within its chunk) is as they are, without n.
struct Geometry : NmgGeometry {
  explicit Geometry(const Attributes& numbers) : NmgGeometry(number_of(numbers, "n"), number_of(numbers, "m"), number_of(numbers, "g")) {}
  DType index_type() const { return chunk() <= std::numeric_limits<std::int16_t>::max() ? DType::i16 : DType::i32; }
  Sizes index_sizes(const Sizes& size) const { return {divided_up(size[0], m), divided_up(size[1], chunk()), pattern_count(), g}; }
  Sizes value_sizes(const Sizes& size) const {
    Sizes sizes = index_sizes(size);
    sizes.push_back(n);
    return sizes;
  }
};

// The last component.
Array pattern_rows(const Geometry& geometry) {
  const std::vector<KeptRows>& patterns = geometry.patterns;
  Array rows(DType::i8, {geometry.pattern_count(), geometry.n});
  for (std::int64_t i = 0; i < rows.count(); ++i)
    rows.set_int(i, patterns[static_cast<std::size_t>(i / geometry.n)][static_cast<std::size_t>(i % geometry.n)]);
  return rows;
}

StoredPoints points(Definition& d, int first) {
  const Geometry geometry(d.call().attributes());
  const Shape& size = d.call().dims("size");
  const Axis group = d.axis("r", ceil_div(size[0], geometry.m)), chunk = d.axis("k", ceil_div(size[1], geometry.chunk()));
  const Axis pattern = d.axis("p", Dim(geometry.pattern_count())), slot = d.axis("s", Dim(geometry.g)), kept = d.axis("j", Dim(geometry.n));
  std::vector<Expr> place = positions({group, chunk, pattern, slot});
  const Expr column = axis_position(chunk) * Expr(geometry.chunk()) + position_at(d, first, place);
  const Expr row = axis_position(group) * Expr(geometry.m) + position_at(d, first + 1, positions({pattern, kept}));
  place.push_back(axis_position(kept));
  return {
      {group, chunk, pattern, slot, kept}, row, column, place, make(Scalar::logical_and, {row < Expr(size[0]), column < Expr(size[1])})};
}

std::vector<Shape> place_shapes(const Call& call, int) {
  const Geometry geometry(call.attributes());
  const Shape& size = call.dims("size");
  const Dim patterns = geometry.pattern_count();
  return {{ceil_div(size[0], geometry.m), ceil_div(size[1], geometry.chunk()), patterns, Dim(geometry.g)}, {patterns, Dim(geometry.n)}};
}

Shape values_shape(const Call& call, int first) {
  Shape shape = call.input(first).shape;
  shape.emplace_back(call.integer("n"));
  return shape;
}

// Gives each column of a chunk a pattern that holds all its kept rows, each pattern g times: a matching by augmenting paths.
class Matching {
 public:
  Matching(const std::vector<std::vector<int>>& fitting, std::int64_t patterns, std::int64_t quota)
      : fitting_(fitting), holds_(static_cast<std::size_t>(patterns)), quota_(static_cast<std::size_t>(quota)) {}

  // By pattern, its columns in rising order; empty where there is no such matching.
  std::vector<std::vector<int>> find() {
    for (int column = 0; column < static_cast<int>(fitting_.size()); ++column) {
      tried_.assign(holds_.size(), false);
      if (!place(column)) return {};
    }
    for (auto& columns : holds_) std::sort(columns.begin(), columns.end());
    return holds_;
  }

 private:
  bool place(int column) {
    const auto& patterns = fitting_[static_cast<std::size_t>(column)];
    for (const int p : patterns) {
      auto& columns = holds_[static_cast<std::size_t>(p)];
      if (columns.size() < quota_) {
        columns.push_back(column);
        return true;
      }
    }
    for (const int p : patterns) {
      if (tried_[static_cast<std::size_t>(p)]) continue;
      tried_[static_cast<std::size_t>(p)] = true;
      auto& columns = holds_[static_cast<std::size_t>(p)];
      for (std::size_t i = 0; i < columns.size(); ++i) {
        if (!place(columns[i])) continue;
        columns[i] = column;
        return true;
      }
    }
    return false;
  }

  const std::vector<std::vector<int>>& fitting_;
  std::vector<std::vector<int>> holds_;
  std::size_t quota_;
  std::vector<bool> tried_;
};

// Patterns by their rows as bits.
struct Patterns {
  static constexpr std::int64_t most_rows = 16;  // for which there are numbers
  static constexpr int none = -1;
  std::vector<std::uint64_t> bits;
  std::vector<int> numbers;  // by rows, of the pattern of just these; of no pattern, how many there are

  Patterns(const std::vector<KeptRows>& patterns, std::int64_t m) : bits(patterns.size(), 0) {
    for (std::size_t p = 0; p < patterns.size(); ++p) {
      for (const int row : patterns[p]) bits[p] |= std::uint64_t{1} << row;
    }
    if (m > most_rows) return;
    numbers.assign(std::size_t{1} << m, static_cast<int>(bits.size()));
    for (std::size_t p = 0; p < bits.size(); ++p) numbers[bits[p]] = static_cast<int>(p);
  }
};

// The columns of a chunk in the order of their slots.
class Slots {
 public:
  Slots(const Packer& from, const Geometry& geometry, const Patterns& patterns)
      : from_(from),
        geometry_(geometry),
        patterns_(patterns),
        rows_(pattern_rows(geometry)),
        alike_{geometry.m, geometry.n, geometry.pattern_count(), geometry.g, rows_.values<std::int8_t>().data()},
        kept_(static_cast<std::size_t>(geometry.chunk())),
        fitting_(static_cast<std::size_t>(geometry.chunk())),
        exact_(2 * fitting_.size() + masks::word_bits),
        next_(patterns.bits.size() + 1) {}

  // Null where its columns do not fit the patterns.
  const int* of(std::int64_t group, std::int64_t chunk) {
    const std::int64_t top = group * geometry_.m, first = chunk * geometry_.chunk();
    full_ = find_whole(top, first);
    if (full_) return exact_.data();
    from_.kept_of_columns(top, geometry_.m, first, geometry_.chunk(), kept_.data());
    if (find_exact(kept_.data())) return exact_.data();
    find_fitting(kept_.data());
    return columns_.empty() ? nullptr : columns_.data();
  }
  // Whether each column keeps just the rows of its pattern; `alike` says which they are.
  bool full() const { return full_; }
  const masks::Patterns& alike() const { return alike_; }
  // Otherwise: of each column of the chunk, its rows as bits.
  const std::uint64_t* kept() const { return kept_.data(); }

 private:
  // The most common: a whole chunk in which each pattern has as many columns, and there are few patterns, which are looked for one by one.
  bool find_whole(std::int64_t top, std::int64_t first) {
    constexpr std::int64_t few = 32;
    if (alike_.count > few || top + geometry_.m > from_.rows() || first + geometry_.chunk() > from_.columns()) return false;
    return masks::loops().columns_of_patterns(alike_, from_.bits_from(top) + first / masks::word_bits, from_.words(),
                                              first % masks::word_bits, exact_.data());
  }

  // As masks of the sparsifier are: every column keeps the rows of one pattern, each pattern has as many. Of a chunk that is cut off, the
  // columns that are left take the slots that are left. Whether that is so is seen in the end: columns too many of a pattern go on behind
  // its slots.
  bool find_exact(const std::uint64_t* kept) {
    if (patterns_.numbers.empty()) return false;
    const auto chunk = static_cast<int>(fitting_.size()), g = static_cast<int>(geometry_.g);
    int end = chunk;
    while (end > 0 && kept[end - 1] == 0) --end;
    int *const columns = exact_.data(), *const next = next_.data();
    if (end < chunk) std::fill_n(columns, chunk, Patterns::none);
    for (std::size_t p = 0; p < next_.size(); ++p) next[p] = static_cast<int>(p) * g;
    const int* const numbers = patterns_.numbers.data();
    for (int column = 0; column < end; ++column) columns[next[numbers[kept[column]]]++] = column;
    bool fits = next_.back() == chunk;  // none keeps the rows of no pattern
    for (int p = 0, most = g; most <= chunk; ++p, most += g) fits &= next[p] <= most;
    if (!fits) return false;
    full_ = end == chunk;
    for (int slot = 0; end < chunk; ++slot) {
      if (columns[slot] == Patterns::none) columns[slot] = end++;
    }
    return true;
  }

  void find_fitting(const std::uint64_t* kept) {
    for (std::size_t k = 0; k < fitting_.size(); ++k) {
      fitting_[k].clear();
      for (std::size_t p = 0; p < patterns_.bits.size(); ++p) {
        if ((kept[k] & ~patterns_.bits[p]) == 0) fitting_[k].push_back(static_cast<int>(p));
      }
    }
    columns_.clear();
    for (const std::vector<int>& columns : Matching(fitting_, geometry_.pattern_count(), geometry_.g).find())
      columns_.insert(columns_.end(), columns.begin(), columns.end());
  }

  const Packer& from_;
  const Geometry& geometry_;
  const Patterns& patterns_;
  Array rows_;
  masks::Patterns alike_;
  std::vector<std::uint64_t> kept_;
  std::vector<std::vector<int>> fitting_;
  std::vector<int> exact_;  // as columns_, with room for as many that keep the rows of no pattern
  std::vector<int> next_, columns_;
  bool full_ = false;
};

// Error where nearly all would be padding: a narrow matrix of many rows in wide chunks.
void check_padding(const Geometry& geometry, const Sizes& size) {
  constexpr std::int64_t most_times = 64, is_little = 1 << 24;
  std::int64_t padded = 1;
  for (const std::int64_t one : geometry.value_sizes(size)) padded *= one;
  if (padded > most_times * size[0] * size[1] + is_little)
    throw Error(
        fmt::format("{} columns in chunks of {} are {} values for a matrix of {}", size[1], geometry.chunk(), padded, size[0] * size[1]),
        "layout nmg", "use a smaller g");
}

// The values of a chunk of which not every column keeps just the rows of its pattern; of padding there is nothing to read.
template <class Element>
void fill_some(const Geometry& geometry, const std::uint64_t* kept, const Element* elements, std::int64_t stride, const int* columns,
               Element* stored) {
  std::fill_n(stored, geometry.chunk() * geometry.n, Element{0});
  for (const KeptRows& pattern : geometry.patterns) {
    for (std::int64_t i = 0; i < geometry.g; ++i, ++columns) {
      for (const int row : pattern) {
        if ((kept[*columns] >> row & 1) != 0) *stored = elements[row * stride + *columns];
        ++stored;
      }
    }
  }
}

// The values and the index of one chunk.
template <class Element, class Column>
void fill_chunk(const Packer& from, const Geometry& geometry, std::int64_t group, std::int64_t chunk, Slots& slots, const Element* elements,
                Element* stored, Column* index) {
  const std::int64_t m = geometry.m, width = geometry.chunk(), first = chunk * width;
  const int* const columns = slots.of(group, chunk);
  if (columns == nullptr)
    throw Error(fmt::format("the mask is not {}:{} in groups of {}: rows {} to {}, columns {} to {}", geometry.n, m, geometry.g, group * m,
                            (group + 1) * m - 1, first, first + width - 1),
                "layout nmg", "make the mask with the sparsifier nmg");
#pragma omp simd
  for (std::int64_t slot = 0; slot < width; ++slot) index[slot] = static_cast<Column>(columns[slot]);
  const Element* const of_chunk = elements + group * m * from.columns() + first;
  if (slots.full()) {
    masks::loops().take_patterns[from.element()](slots.alike(), of_chunk, from.columns(), columns, stored);
  } else {
    fill_some(geometry, slots.kept(), of_chunk, from.columns(), columns, stored);
  }
}

std::vector<Array> pack(const Array& dense, const Array& keep, const Attributes& numbers) {
  const Packer from(dense, keep);
  const Geometry geometry(numbers);
  check_padding(geometry, dense.sizes());
  Array values = from.values(geometry.value_sizes(dense.sizes()));
  Array index(geometry.index_type(), geometry.index_sizes(dense.sizes()));
  const Patterns patterns(geometry.patterns, geometry.m);
  const auto fill = [&](const auto* elements, auto* stored, auto* index_of) {
    for_each_rows(index.size(0), dense.count(), [&](const RowRange& part) {
      Slots slots(from, geometry, patterns);
      for (std::int64_t group = part.begin; group < part.end; ++group) {
        for (std::int64_t chunk = 0; chunk < index.size(1); ++chunk) {
          const std::int64_t slot = (group * index.size(1) + chunk) * geometry.chunk();
          fill_chunk(from, geometry, group, chunk, slots, elements, stored + slot * geometry.n, index_of + slot);
        }
      }
    });
  };
  from.with_elements(values, [&](const auto* elements, auto* stored) {
    if (index.dtype() == DType::i16) {
      fill(elements, stored, index.values<std::int16_t>().data());
    } else {
      fill(elements, stored, index.values<std::int32_t>().data());
    }
  });
  return {values, index, pattern_rows(geometry)};
}

// The patterns of a mask that keeps n of every m rows (Patterns::most_rows at most) of each column, [row groups, columns]; empty where it
// keeps others.
std::vector<int> exact_patterns(const Packer& from, std::int64_t n, std::int64_t m) {
  const Patterns patterns(kept_row_patterns(n, m), m);
  std::vector<int> all;
  std::vector<std::uint64_t> kept(static_cast<std::size_t>(from.columns()));
  for (std::int64_t group = 0; group < from.rows() / m; ++group) {
    from.kept_of_columns(group * m, m, 0, from.columns(), kept.data());
    for (const std::uint64_t each : kept) {
      all.push_back(patterns.numbers[each]);
      if (all.back() == static_cast<int>(patterns.bits.size())) return {};
    }
  }
  return all;
}

// Whether every chunk has each pattern g times; the last one, where it is cut off, at most.
bool in_groups(const std::vector<int>& patterns, std::int64_t columns, std::int64_t count, std::int64_t g) {
  std::vector<std::int64_t> seen(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    if (static_cast<std::int64_t>(i) % columns % (count * g) == 0) std::fill(seen.begin(), seen.end(), 0);
    if (++seen[static_cast<std::size_t>(patterns[i])] > g) return false;
  }
  return true;
}

// Of masks that the sparsifier makes: n of m rows are kept everywhere, and of all g the smallest that fits is the one that it had.
std::vector<Attributes> fits(const Array& keep) {
  constexpr std::int64_t most_patterns = 1024;  // see kept_row_patterns
  const Packer from(keep, keep);
  std::vector<Attributes> all;
  for (std::int64_t m = 2; m <= Patterns::most_rows && m <= from.rows(); ++m) {
    std::int64_t n = 0;
    for (std::int64_t i = 0; i < m; ++i) n += from.kept(i, 0) ? 1 : 0;
    const std::int64_t count = binomial(static_cast<int>(m), static_cast<int>(n));
    if (from.rows() % m != 0 || n == 0 || n == m || count > std::min(from.columns(), most_patterns)) continue;
    const std::vector<int> patterns = exact_patterns(from, n, m);
    for (std::int64_t g = 1; !patterns.empty() && g * count <= from.columns(); ++g) {
      if (!in_groups(patterns, from.columns(), count, g)) continue;
      all.push_back({{"n", n}, {"m", m}, {"g", g}});
      break;
    }
  }
  return all;
}

void check(const std::vector<Array>& components, const Sizes& size, const Attributes& numbers) {
  const ComponentCheck check("nmg", components, component_names);
  const Geometry geometry(numbers);
  check.sizes(0, geometry.value_sizes(size));
  check.sizes(1, geometry.index_sizes(size));
  check.range(1, 0, geometry.chunk());
  check.sizes(2, {geometry.pattern_count(), geometry.n});
  check.integers(2);
  const std::vector<KeptRows>& patterns = geometry.patterns;
  for (std::int64_t i = 0; i < components[2].count(); ++i) {
    if (components[2].get_int(i) != patterns[static_cast<std::size_t>(i / geometry.n)][static_cast<std::size_t>(i % geometry.n)])
      check.fail(2, fmt::format("they are not those of {}:{}", geometry.n, geometry.m));
  }
  std::vector<std::int64_t> seen(static_cast<std::size_t>(geometry.chunk()), -1);
  for (std::int64_t i = 0; i < components[1].count(); ++i) {
    std::int64_t& last = seen[static_cast<std::size_t>(components[1].get_int(i))];
    if (last == i / geometry.chunk()) check.fail(1, fmt::format("element {} names a column that its chunk has already", i));
    last = i / geometry.chunk();
  }
}

// Columns in the order of their patterns, of each of which a chunk has as many.
std::vector<Var> places(Builder& build, const Var& keep, const Call& call) {
  const Geometry geometry(call.attributes());
  const std::int64_t rows = keep.size(0).constant(), columns = keep.size(1).constant(), m = geometry.m;
  geometry.check_whole(rows, columns, call.op().name);
  const Shape chunks{rows / m, columns / geometry.chunk(), geometry.chunk()};
  const std::vector<Var> kept = rows_of_groups(build, reshape(keep, {rows / m, m, chunks[1], chunks[2]}));
  Var number = build.full(DType::i64, chunks, 0);
  for (std::int64_t p = 1; p < geometry.pattern_count(); ++p) {
    const KeptRows& pattern = geometry.patterns[static_cast<std::size_t>(p)];
    Var holds = kept[static_cast<std::size_t>(pattern[0])];
    for (std::size_t j = 1; j < pattern.size(); ++j) holds = build.call("logical_and", {holds, kept[static_cast<std::size_t>(pattern[j])]});
    number = where(holds, build.constant(DType::i64, static_cast<double>(p)), number);
  }
  const Var order = build.call("argsort", {number}, {{"axis", std::int64_t{2}}});
  return {cast(reshape(order, {chunks[0], chunks[1], geometry.pattern_count(), geometry.g}), geometry.index_type()),
          build.constant(pattern_rows(geometry))};
}

const RegisterLayout nmg{{.name = "nmg",
                          .about = "n of every m rows, columns in groups of g of one pattern",
                          .components = {{"values"}, {"index"}, {"patterns"}},
                          .numbers = NmgGeometry::numbers(),
                          .points = points,
                          .values_shape = values_shape,
                          .place_shapes = place_shapes,
                          .pack = pack,
                          .fits = fits,
                          .check = check,
                          .places = places,
                          .masks = RunningMasks::known}};

}  // namespace
}  // namespace neap::nmg_layout
