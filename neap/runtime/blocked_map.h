// Maps without a compiler: blocks of points that stay in cache, one precompiled loop (block_loops.h) for each scalar operation.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "neap/ir/graph.h"

namespace neap {

namespace blocks {
struct Plan;
}

// A map made ready for known sizes; row-major operands. Runs on thread_count() threads; its bits do not depend on how many.
class BlockedMap {
 public:
  // Null, with the reason in `why`, where the map has to be left to the interpreter (scopes, ragged axes of the map itself).
  static std::unique_ptr<const BlockedMap> make(const Map& map, const std::vector<Type>& inputs, const std::vector<Type>& outputs,
                                                const Symbols& symbols, std::string* why = nullptr);
  ~BlockedMap();
  BlockedMap(const BlockedMap&) = delete;
  BlockedMap& operator=(const BlockedMap&) = delete;

  // Outputs must not overlap inputs. Error, as the interpreter's, for an index out of bounds.
  void run(std::span<const void* const> inputs, std::span<void* const> outputs) const;

 private:
  explicit BlockedMap(std::unique_ptr<const blocks::Plan> plan);
  std::unique_ptr<const blocks::Plan> plan_;
};

// One map on row-major arrays, as interpret_map: in blocks where it fits, else in the interpreter.
std::vector<Array> run_map(const Map& map, const std::vector<Array>& operands, const std::vector<Type>& outputs, const Symbols& symbols);

}  // namespace neap
