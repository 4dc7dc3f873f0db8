// oneDNN called bare: primitives made once, filters reordered beforehand, memory bound.
#pragma once
#include <oneapi/dnnl/dnnl.hpp>
#include <string>
#include <unordered_map>
#include <vector>

#include "neap/base/array.h"
#include "neap/runtime/executable.h"

namespace neap::bench {

class BarePrimitive {
 public:
  void run();  // and waits
  // Error unless `wanted`, whose elements lie row-major or channels-last like the result, is close.
  void check(const Array& wanted, const std::string& what) const;

 protected:
  dnnl::memory give(const Array& elements, const dnnl::memory::desc& have, const dnnl::memory::desc& want);
  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  dnnl::primitive primitive_;
  std::unordered_map<int, dnnl::memory> arguments_;
  dnnl::memory result_;
};

// Stride 1, one picture, padded to the same size; bias and swish where wanted. `tag`: of activations; any: what oneDNN prefers.
class BareConvolution : public BarePrimitive {
 public:
  struct Shape {
    std::int64_t in, out, groups = 1, size, kernel;
    bool swish = false;
  };
  // `x` holds elements channels-last, `w` row-major.
  BareConvolution(const Shape& shape, dnnl::memory::format_tag tag, const Array& x, const Array& w, const Array& bias);
};

// What ours takes, and the better of oneDNN's convolutions on activations channels-last and in the layout that it prefers; checked first.
struct AgainstBare {
  std::vector<double> ours, other;  // seconds by round, of CPU time
  std::string other_name;
};
AgainstBare against_bare(const std::string& what, Executable& ours, const BareConvolution::Shape& shape, const Array& x, const Array& w,
                         const Array& bias);

class BareMatmul : public BarePrimitive {
 public:
  BareMatmul(const Array& a, const Array& b);
};

}  // namespace neap::bench
