// Functions of tensors to their gradients: functions again, so that they nest (second order) and compile.
#pragma once
#include <functional>
#include <type_traits>
#include <utility>
#include <vector>

#include "neap/tensor/tensor.h"

namespace neap {

// What transforms take and give: tensors to tensors.
using Tensors = std::vector<Tensor>;
using Function = std::function<Tensors(const Tensors&)>;

struct ValueAndGradients {
  Tensor value;
  Tensors gradients;  // one for each argument asked for
  Tensors further;    // f's other results
};
struct OutputsAndGradients {
  Tensors outputs;
  Tensors gradients;
};

// A function of one to four tensors, or of a list of them, that gives a tensor or a list.
template <class F>
Function as_function(F f) {
  const auto listed = [](auto&& result) {
    if constexpr (std::is_convertible_v<decltype(result), Tensor>) {
      return Tensors{Tensor(result)};
    } else {
      return Tensors(result);
    }
  };
  using T = const Tensor&;
  if constexpr (std::is_invocable_v<F, const Tensors&>) {
    return [f, listed](const Tensors& x) { return listed(f(x)); };
  } else if constexpr (std::is_invocable_v<F, T>) {
    return [f, listed](const Tensors& x) { return listed(f(x.at(0))); };
  } else if constexpr (std::is_invocable_v<F, T, T>) {
    return [f, listed](const Tensors& x) { return listed(f(x.at(0), x.at(1))); };
  } else if constexpr (std::is_invocable_v<F, T, T, T>) {
    return [f, listed](const Tensors& x) { return listed(f(x.at(0), x.at(1), x.at(2))); };
  } else {
    static_assert(std::is_invocable_v<F, T, T, T, T>, "a function of up to four tensors, or of a list of tensors");
    return [f, listed](const Tensors& x) { return listed(f(x.at(0), x.at(1), x.at(2), x.at(3))); };
  }
}

// The first result of f, and its gradients with respect to `arguments` (positions). It must be one floating-point number; Error otherwise.
std::function<ValueAndGradients(const Tensors&)> value_and_gradients(Function f, std::vector<int> arguments = {0});
// Gradients alone.
Function gradients(Function f, std::vector<int> arguments = {0});
// f's results, and what flows back to all floating-point arguments from these cotangents, one a result (empty tensors for the others).
std::function<OutputsAndGradients(const Tensors& arguments, const Tensors& cotangents)> vector_jacobian(Function f);

// A function's gradient with respect to its first argument, called as the function itself is.
class Gradient {
 public:
  explicit Gradient(Function f) : gradients_(gradients(std::move(f))) {}
  Tensor operator()(const Tensors& x) const { return gradients_(x).front(); }
  template <class... Arguments>
  requires(std::is_convertible_v<const Arguments&, Tensor>&&...) Tensor operator()(const Arguments&... x) const {
    return gradients_(Tensors{Tensor(x)...}).front();
  }

 private:
  Function gradients_;
};

// grad([](const Tensor& x) { return sum(x * x); })(x)
template <class F>
Gradient grad(F f) {
  return Gradient(as_function(std::move(f)));
}

}  // namespace neap
