// Results that a kernel sums into: which chunk of the work has which copy of them, how copies begin and how they become one.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "neap/codegen/nest.h"

namespace neap {

constexpr std::int64_t most_partial_chunks = 16, most_partial_bytes = 4 << 20;

class Accumulation {
 public:
  // The nests are those of the map's stages, within the loops `outer`; work is cut along `chunked`. What they add to results is
  // pointed at the copies. `first_output` is the first result's place in the kernel's buffers.
  Accumulation(Emitter& emit, const Map& map, const std::vector<Type>& outputs, std::size_t first_output, std::vector<Axis> outer,
               std::optional<Axis> chunked, std::vector<Nest>& nests);

  bool serial() const { return serial_; }    // one thread does everything
  bool partial() const { return partial_; }  // there are copies to combine
  // Of a scope's loops, the one over rows whose sums are held while the loops inside run; loops outside of it come back to each row.
  std::size_t row() const { return row_; }
  std::string scratch_bytes() const;  // of all chunks' copies, an expression
  // Sets what this chunk accumulates into to the start.
  std::string start();
  // Within a scope's loop over rows: the buffers of a row's sums, and what takes them to their places.
  void start_rows(LoopLevel& here) const;
  void finish_rows(LoopLevel& here) const;
  // Folds the chunks' copies into the results, in order.
  std::string combine() const;

 private:
  // Each chunk has elements of its own; each has a copy, combined in order at the end; or one thread does everything.
  enum class Sharing : std::uint8_t { own, partial, serial };
  struct Target {
    int output = 0;
    Accumulate accumulate{};
    std::vector<Expr> index;
    std::vector<Axis> axes;  // loops that the index may use, outermost first
    Sharing sharing = Sharing::own;
    Dim count = 0;  // elements of the storage
    Type type;      // as accumulated: f32 for 16-bit floats
    DType stored{};
    bool held = false;  // own, and summed in a buffer while a scope's inner loops run over a row
    std::string name() const;
  };

  void add_targets(const std::vector<Nest>& nests);
  void redirect(std::vector<Nest>& nests);
  bool owns(const Target& target) const;
  bool can_hold(const Target& target) const;
  static Type row_type(const Target& target);
  std::string partial_bytes(const Target& target) const;
  std::string partial_pointer(const Target& wanted, const std::string& chunk) const;
  std::string start_own(const Target& target);
  std::string row_text(const Target& target, const std::string& statement) const;

  Emitter& emit_;
  const std::vector<Type>& outputs_;
  std::size_t first_output_;
  bool scope_;
  std::vector<Axis> outer_;
  std::optional<Axis> chunked_;
  std::size_t row_ = 0;
  std::vector<Target> targets_;
  bool serial_ = false, partial_ = false;
};

// Elements of a buffer on the stack whose last vector is whole.
std::int64_t padded_count(std::int64_t count, DType dtype);

}  // namespace neap
