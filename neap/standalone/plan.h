// A graph as a list of kernel calls on known places in memory: what the stand-alone C++ is written from.
#pragma once
#include <array>
#include <string>
#include <vector>

#include "neap/codegen/kernel.h"
#include "neap/standalone/standalone.h"

namespace neap {

constexpr std::array standalone_isas = {Isa::portable, Isa::avx2, Isa::avx512};

struct StandalonePlan {
  struct Tensor {
    std::string name;
    DType dtype;
    Sizes sizes;
    std::int64_t bytes;
  };
  // 'i': input number `at`; 'o': output number `at`; 'w', 'a': byte `at` of the weights, of the arena; '-': an operand that is absent.
  struct Place {
    char where = '-';
    std::int64_t at = 0;
  };
  struct Call {
    std::string about;  // plain text: which operators it came from
    std::vector<Place> places;
    std::array<int, standalone_isas.size()> kernel{};  // index into `kernels` of each instruction set
  };
  struct Copy {  // outputs that no kernel writes
    int output = 0;
    Place from;
  };

  std::vector<Tensor> inputs, outputs;
  std::vector<std::int64_t> sizes;  // of the graph's symbols, in order
  std::vector<Call> calls;
  std::vector<Copy> copies;
  std::array<std::vector<std::string>, standalone_isas.size()> kernels;  // texts, in which a kernel's name is PREFIX and its index
  std::string weights;
  std::int64_t arena_bytes = 0;
};

// `prefix` begins the kernels' names. The graph is lowered: maps only.
StandalonePlan plan_standalone(const Graph& graph, const Symbols& symbols, const std::string& prefix);

// Letters, digits and "_-./: ,+" of a text, others as '_'; at most 100: safe in a comment or a literal.
std::string plain_text(std::string_view text);

}  // namespace neap
