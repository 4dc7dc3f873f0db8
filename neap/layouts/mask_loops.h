// Loops over masks, bytes of 0 and 1, and over their bits, 64 in a word, that branch on none of them: which element is kept nobody
// foresees, and a branch that was foreseen wrongly takes longer than a line of the matrix needs to come. Compiled once for each
// instruction set; nothing of the standard library may be in those files, so that no shared function is compiled for a newer CPU.
#pragma once
#include <cstdint>

#include "neap/base/machine.h"

namespace neap::masks {

using Count = std::int64_t;
using Flags = const std::uint8_t*;
using Word = std::uint64_t;  // flag i of a row is bit i % 64 of its word i / 64; the last word ends with zeros

constexpr Count strip = 64, word_bits = 64;

// Of a group of m rows: patterns of n kept rows, [count, n], each of which a chunk has in as many columns.
struct Patterns {
  Count m, n, count, columns;
  const std::int8_t* rows;
};

struct Loops {
  bool (*are_flags)(Count count, Flags bytes);  // whether all are 0 or 1
  // Flags as bits; how many are true. `other` becomes true where a byte is neither 0 nor 1.
  Count (*to_bits)(Count count, Flags flags, Word* bits, bool& other);
  Count (*count)(Count words, const Word* bits);  // of those that are 1
  // The numbers of the bits that are 1, in order; how many. What stands behind them, up to `room`, may be overwritten.
  Count (*positions)(Count words, const Word* bits, std::int32_t* to, Count room);
  // The same, with their elements: stored[i] = from[to[i]]. By the logarithm of an element's bytes.
  Count (*take[4])(Count words, const Word* bits, const void* from, void* stored, std::int32_t* to, Count room);
  // The columns of a chunk, in order, by the pattern that they keep: columns[count, columns], behind which as many and 64 more may be
  // overwritten. Rows of bits are `stride` apart; the chunk begins `shift` bits on, and a word behind it can be read. False where some
  // column keeps no pattern's rows alone, where a pattern has more or fewer columns, and where there are more than 4096 of them.
  bool (*columns_of_patterns)(const Patterns& patterns, const Word* bits, Count stride, Count shift, std::int32_t* columns);
  // Their elements, of rows that are `stride` apart: to[count, columns, n].
  void (*take_patterns[4])(const Patterns& patterns, const void* elements, Count stride, const std::int32_t* columns, void* to);
  // Of rows of bits, 64 at most and `stride` apart, columns as bits: row i is bit i. counts[column] grows by those that are 1.
  void (*transpose)(Count rows, Count words, const Word* bits, Count stride, Word* columns, Count* counts);
  // to[i] = flags[i] ? from[i] : 0, by the logarithm of an element's bytes. Past the caches: of what is larger than they are.
  void (*masked[4])(Count count, Flags flags, const void* from, void* to, bool past_caches);
  // Rows of flags, `stride` apart, as bits of a number for each column: row i is bit i, of 64 at most.
  void (*bits)(Count rows, Count columns, Flags flags, Count stride, std::uint64_t* to);
  // Of some columns (`strip` at most) of a group of m rows, `there` of which there are: row_of[column, n] and elements[column, n] of the
  // rows that each keeps, rising, then of the others, falling, with 0. Rows of flags and of elements are `stride` apart. How many columns
  // there are ahead of the first that keeps more than n: where that is not all, nothing is stored. By the logarithm of an element's bytes.
  Count (*take_rows[4])(Count n, Count m, Count there, Count columns, Flags flags, Count stride, const void* elements, void* stored,
                        std::int8_t* row_of);
  // Back: a group's rows, `there` of which there are, made of what they store and where, [columns, n]. What is to go to another row counts
  // for nothing; what goes to the same one is added.
  void (*put_rows)(Count n, Count there, Count columns, const float* values, const std::int8_t* row_of, float* to, Count stride,
                   bool past_caches);
};

const Loops& loops(Isa isa);
const Loops& loops();  // for best_isa()
const Loops& loops_portable();
const Loops& loops_avx2();
const Loops& loops_avx512();
const Loops& loops_vbmi2();  // AVX-512, and what compresses bytes

}  // namespace neap::masks
