// Functions of tensors to compiled ones: traced once for each signature, optimised, generated, kept.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "neap/runtime/executable.h"
#include "neap/tensor/grad.h"
#include "neap/transform/sparse_dispatch.h"

namespace neap {

struct CompileOptions {
  std::string name = "main";
  int level = 4;  // of the optimizer; 0: as written, without a compiler
  // Types of the arguments with symbols for sizes that vary ("f32[N,1,28,28]"): one compile serves them all. Empty: one for each signature.
  std::vector<Type> arguments;
};

// What `compile` gives; called while another function is traced, it is traced too. Tensors that the function uses besides its arguments are
// frozen into it as they are when it is first called.
class Compiled {
 public:
  Compiled(Function f, CompileOptions options);
  Tensors operator()(const Tensors& arguments) const;
  template <class... Arguments>
  requires(std::is_convertible_v<const Arguments&, Tensor>&&...) Tensor operator()(const Arguments&... arguments) const {
    return (*this)(Tensors{Tensor(arguments)...}).front();
  }
  Graph graph(const Tensors& arguments) const;  // as it is run for arguments of these types
  int signatures() const;                       // compiled so far

 private:
  struct State;
  std::shared_ptr<State> state_;
};

template <class F>
Compiled compile(F f, CompileOptions options = {}) {
  return {as_function(std::move(f)), std::move(options)};
}

// A graph of operators, made runnable: optimised at this level, library calls bound, the rest generated. Level 0 runs it as written: each
// operator a library call or precompiled loops, no compiler. What is done where sparse matrices are made dense is for levels 3 and 4, which
// multiply them as they are; below, everything is dense, and refused if it is to be.
Executable make_executable(const Graph& graph, int level = 4, DenseFallback fallback = DenseFallback::said);

}  // namespace neap
