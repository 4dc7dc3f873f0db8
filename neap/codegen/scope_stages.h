// The stages of a scope within its loops: nests one after the other, and loops over the entries of rows with the nests inside of them.
#pragma once
#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "neap/codegen/entry_blocks.h"
#include "neap/codegen/nest.h"

namespace neap {

class ScopeStages {
 public:
  // Both must live as long.
  ScopeStages(Emitter& emit, ScopeLoops& loops) : emit_(emit), loops_(loops), map_(loops.map) {}

  // Plans the nests; `assignment` says where a stage's values go.
  void plan(const std::function<Assignment(const Stage&)>& assignment);
  std::vector<Nest>& nests() { return nests_; }
  // When each nest runs, in order: those of one loop over entries at the same step.
  std::vector<std::size_t> steps() const;

  // Error where buffers have sizes that are not known, or are too large for a stack.
  void write(LoopLevel& here);
  // Of a scope whose innermost loop is one over entries: that loop.
  void write_entries(LoopLevel& here, const Axis& axis, const std::pair<std::string, std::string>& range);

 private:
  using Range = std::pair<std::string, std::string>;

  // The loop over entries that a nest is in (null: none). What a block's nests make of its buffers alone has a loop of its own, over the
  // entries or, with so many elements of each, over all elements.
  struct Around {
    const EntryLoop* loop = nullptr;
    bool apart = false;
    std::int64_t elements = 0;
  };

  void plan_nests(const std::function<Assignment(const Stage&)>& assignment);
  void plan_fill(const EntryLoop& loop, std::size_t from, std::size_t to, const std::function<Assignment(const Stage&)>& assignment);
  void plan_apart(const EntryLoop& loop, const FillApart& fill, Assignment made);
  bool choose_blocks();
  const EntryLoop* loop_of(std::size_t stage) const;
  std::size_t end_of_loops(std::size_t stage) const;
  void write_entries(LoopLevel& here, const Axis& axis, const Range& range, std::size_t from, std::size_t to, const EntryLoop* loop);
  void write_pairs_ahead(LoopLevel& around, const Range& range, const std::vector<std::vector<Nest>>& nests, const EntryLoop& loop);
  void write_blocks(LoopLevel& here, const Range& range, std::size_t from, std::size_t to);
  std::int64_t elements_of_local(std::int64_t operand) const;
  std::set<std::string> buffers_of_entry(const EntryLoop* loop) const;
  bool is_of(const EntryLoop* loop, std::size_t local) const;
  void write_stage(LoopLevel& here, const Nest& nest, const Ranges& ranges = {});
  // Which rows of tables are fetched: of a block, those that its buffers are filled from, or the others.
  enum class Rows : std::uint8_t { all, of_fills, of_sums };
  void fetch_entries(LoopLevel& here, const Axis& axis, const EntryLoop* loop, int entries, Rows which = Rows::all);
  void declare_locals(LoopLevel& here, const EntryLoop* of) const;

  Emitter& emit_;
  ScopeLoops& loops_;
  const Map& map_;
  std::vector<Nest> nests_;
  std::vector<Around> around_;  // of each nest
};

}  // namespace neap
