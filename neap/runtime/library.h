// runtime/: a graph made runnable: generated kernels and library calls, memory from a plan, time and bytes per node.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "neap/ops/operator.h"

namespace neap {

// A call made ready for known sizes. Operands in the node's order; absent ones are null.
class LibraryCall {
 public:
  virtual ~LibraryCall() = default;
  virtual void run(std::span<const void* const> inputs, std::span<void* const> outputs) = 0;
};

// A library's way to compute an operator. Always tested against the definition.
struct Implementation {
  std::string name;  // "onednn"
  std::string op;
  // Why it does not take the call (types with their layouts, outputs likewise); empty where it does.
  std::function<std::string(const Call& call, const std::vector<Type>& inputs, const std::vector<Type>& outputs)> refuses;
  std::function<std::unique_ptr<LibraryCall>(const Call& call, const std::vector<Type>& inputs, const std::vector<Type>& outputs,
                                             const Symbols& symbols)>
      prepare;
  // Why it does not take this epilogue (a map on its result before that is stored, see Node), whose further operands are of these types;
  // empty where it does. Null: it takes none.
  std::function<std::string(const Call& call, const Map& epilogue, const std::vector<Type>& operands, const Type& output)>
      refuses_epilogue = nullptr;
  // As `prepare`, with an epilogue that it takes: its operands stand behind the call's own, here and in `run`.
  std::function<std::unique_ptr<LibraryCall>(const Call& call, const Map& epilogue, const std::vector<Type>& inputs,
                                             const std::vector<Type>& outputs, const Symbols& symbols)>
      prepare_fused = nullptr;
  // Flops of elementwise loops that take as long as an epilogue does there, beyond its own, for each element; null: none.
  std::function<double(const Map& epilogue)> epilogue_flops = nullptr;
  // How operand number `operand`, if it is a constant, had best lie, at these sizes; nothing where it does not matter. Null: never does.
  std::function<std::optional<Layout>(const Call& call, const std::vector<Type>& inputs, const std::vector<Type>& outputs,
                                      const Symbols& symbols, int operand)>
      constant_layout = nullptr;
  // The width of the blocks of channels (axis 1) in which it would best have its first operand and its first result, at these sizes; 0: it
  // does not matter. Null: never does.
  std::function<std::int64_t(const Call& call, const std::vector<Type>& inputs, const std::vector<Type>& outputs, const Symbols& symbols)>
      channel_block = nullptr;
  // Bytes that it reads and writes beside operands and results, before and after its work: for operands in a layout that it does not work
  // in. Null: none.
  std::function<Dim(const Call& call, const std::vector<Type>& inputs, const std::vector<Type>& outputs)> conversion_bytes = nullptr;
  // Whether it takes operands in channels-last layout without loss.
  bool any_layout = false;
  // The fraction of the machine's peak flops that it reaches on a call bound by arithmetic, for choosing between candidates; null: 0.8.
  std::function<double(const Call& call, const std::vector<Type>& inputs, const std::vector<Type>& outputs)> efficiency = nullptr;
};

struct RegisterImplementation {
  explicit RegisterImplementation(Implementation implementation);
};
const std::vector<const Implementation*>& implementations_of(const std::string& op);      // by name
const Implementation& find_implementation(const std::string& op, std::string_view name);  // Error where there is none

// Why the implementation does not take the node's call, or its epilogue where it has one; empty where it takes both.
std::string refusal(const Implementation& implementation, const Graph& graph, const Node& node);

// The first implementation that takes the node's call; null where none does, with each one's reason in `why`.
const Implementation* choose_implementation(const Graph& graph, const Node& node, std::string* why = nullptr);
const Implementation* choose_implementation(const Call& call, const std::vector<Type>& inputs, const std::vector<Type>& outputs,
                                            std::string* why = nullptr);

}  // namespace neap
