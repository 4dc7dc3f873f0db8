// library/: implementations of operators by well-kept libraries, and native ones where a definition as loops would be slow. One file a
// family of operators; each registers itself. This file: what all calls of oneDNN share.
#pragma once
#include <functional>
#include <memory>
#include <oneapi/dnnl/dnnl.hpp>
#include <optional>
#include <string>
#include <vector>

#include "neap/runtime/library.h"

namespace neap::onednn {

const dnnl::engine& engine();

// Why oneDNN does not take values of this type (dtype, instruction set, layout); empty where it does.
std::string refuses_type(const Type& type);
// The first reason among the types; absent operands (rank 0 and f32, as Implementation is given them) count as well.
std::string refuses_types(const std::vector<Type>& types);

dnnl::memory::data_type data_type(DType dtype);
dnnl::memory::dims dims(const Shape& shape, const Symbols& symbols);

// A value as oneDNN describes it, in its own layout, blocked ones too.
dnnl::memory::desc describe(const Type& type, const Symbols& symbols);
// Filters [K, C/groups, ...] as [groups, K/groups, C/groups, ...]. Blocked layouts only where K == groups.
dnnl::memory::desc describe_filters(const Type& type, const Symbols& symbols, std::int64_t groups);

// The other way round: a description of oneDNN's as a layout of ours (of filters: where they were described with groups); nothing where it
// is none.
std::optional<Layout> layout_of(const dnnl::memory::desc& desc, int rank, std::int64_t groups = 1);

// Where an argument of a primitive comes from.
struct Place {
  enum Kind { input, output, inner } kind = input;
  int index = 0;
};

// What one call does: primitives in order, with inner buffers between them.
class Steps {
 public:
  struct Argument {
    int name;  // DNNL_ARG_...
    Place place;
    dnnl::memory::desc desc;
    std::int64_t slice_bytes = 0;  // from one slice to the next
    std::int64_t offset = 0;       // of the first, in bytes
  };
  // With `slices` (from 1): parts of the work side by side, each on one thread, for sums that a primitive would split by the number of
  // threads. Such a primitive is made inside `on_one_thread`. 0: the primitive itself uses all threads.
  void add(const dnnl::primitive& primitive, const dnnl::memory::desc& scratchpad, std::vector<Argument> arguments, int slices = 0);
  void add_reorder(const dnnl::memory::desc& from, const Place& at, const dnnl::memory::desc& to, const Place& there);
  void add_sum(const dnnl::memory::desc& desc, const Place& parts, int count, const Place& total);  // of parts side by side, in order
  Place inner(const dnnl::memory::desc& desc, int count = 1);  // a buffer of the call's own, for `count` of these

  struct Step {
    dnnl::primitive primitive;
    dnnl::memory::desc scratchpad;
    std::vector<Argument> arguments;
    int slices = 0;
  };
  const std::vector<Step>& steps() const { return steps_; }
  const std::vector<std::int64_t>& inner_bytes() const { return inner_bytes_; }

 private:
  std::vector<Step> steps_;
  std::vector<std::int64_t> inner_bytes_;
};

dnnl::primitive_attr attributes();  // scratchpads are ours: one for all calls of a thread

void on_one_thread(const std::function<void()>& make);

// Calls `build` with the number of threads set that the call will run with, and again when thread_count() or
// deterministic() has changed.
std::unique_ptr<LibraryCall> make_call(std::function<Steps()> build);

bool is_empty(const std::vector<Type>& inputs, const std::vector<Type>& outputs, const Symbols& symbols);  // an operand or a result
// The definition itself, with its epilogue where there is one, for calls with an empty operand or result (null where there is none): no
// library agrees about those.
std::unique_ptr<LibraryCall> definition_where_empty(const Call& call, const std::vector<Type>& inputs, const std::vector<Type>& outputs,
                                                    const Symbols& symbols, const Map* epilogue = nullptr);

}  // namespace neap::onednn
