// Graphs from lists of edges, with policies for what lists of edges hold by accident or on purpose.
#pragma once
#include "neap/gnn/graph.h"

namespace neap::gnn {

// Edge i goes from sources[i] to targets[i].
struct EdgeList {
  std::int64_t vertices = 0;
  Array sources, targets;          // [edges], i32 or i64
  Array edge_types, vertex_types;  // i32; without elements: all of one type
  std::vector<std::string> edge_type_names, vertex_type_names;
  NamedArrays edge_features;  // [edges, ...]
  std::int64_t edges() const { return sources.count(); }
};

// Edges of one type from the same source to the same target. sum: one edge, with the sums of their features; "weight" is made (f32, the
// number of edges) where there is none. drop: the first of the list stays.
enum class Duplicates : std::uint8_t { keep, sum, drop, error };
// add: every vertex without one gets one, of the type "self" where edges have types, with "weight" 1 and all other features 0.
enum class SelfLoops : std::uint8_t { keep, drop, add };

struct BuildOptions {
  Duplicates duplicates = Duplicates::keep;
  SelfLoops self_loops = SelfLoops::keep;
  bool symmetrize = false;        // the reverse of every edge but self loops is appended to the list, before duplicates are looked for
  std::int64_t memory_limit = 0;  // bytes; 0: the machine's memory
};

// Edges of a vertex in the order of sources, then of the list. Error naming `place` and the edge on: ids below 0 or not below `vertices`,
// lengths that differ, duplicates where they are an error, a graph that does not fit the memory.
Graph build(EdgeList edges, const BuildOptions& options = {}, const std::string& place = "edges");

// The edges in the order of `graph.incoming()`, in arrays of their own: a list may be written into, a graph never is.
EdgeList edge_list(const Graph& graph);

// Both directions of every edge, each once.
Graph symmetrized(const Graph& graph);
Graph with_self_loops(const Graph& graph);

}  // namespace neap::gnn
