// How quickly a matrix is brought into a layout, and back, against copying it: a conversion reads or writes all of its elements, too.
#include <cstring>

#include "bench/demo_step.h"
#include "bench/harness.h"
#include "neap/base/parallel.h"
#include "neap/layouts/sparse_layout.h"
#include "neap/runtime/at_once.h"
#include "neap/sparse/sparsifier.h"

namespace neap::bench::convert_topic {
namespace {

constexpr std::int64_t height = 3072, width = 3072;  // 38 MB, out of the caches

// By parts, on all threads.
void copy(const Array& from, Array& to) {
  constexpr std::size_t parts = 64;
  const std::size_t bytes = static_cast<std::size_t>(from.bytes());
  for_each_index(parts, [&](std::size_t part) {
    const std::size_t begin = part * bytes / parts, end = (part + 1) * bytes / parts;
    std::memcpy(to.raw() + begin, from.raw() + begin, end - begin);
  });
}

void run(Rows& rows) {
  struct Form {
    const char *layout, *sparsifier;
  };
  const Form forms[] = {{"csr", "magnitude sparsity=0.95"},
                        {"csc", "magnitude sparsity=0.95"},
                        {"coo", "magnitude sparsity=0.95"},
                        {"ell", "magnitude sparsity=0.95"},
                        {"blocks r=4 c=1", "blocks sparsity=0.9 r=4 c=1"},
                        {"masked", "magnitude sparsity=0.9"},
                        {"nm n=2 m=4", "nm n=2 m=4"},
                        {"nmg n=2 m=4 g=16", "nmg n=2 m=4 g=16"}};
  const Array matrix = random_array({height, width}, 1);
  std::vector<Array> masks;
  std::vector<std::vector<Array>> packed;
  for (const Form& form : forms) {
    masks.push_back(sparse::SparsifierChoice::parse(form.sparsifier).keep({.weights = matrix}));
    packed.push_back(LayoutChoice::parse(form.layout).pack(matrix, masks.back()));
  }
  std::vector<Candidate> candidates{{"copy", [&] {
                                       Array to(DType::f32, {height, width});
                                       copy(matrix, to);
                                     }}};
  for (std::size_t i = 0; i < masks.size(); ++i) {
    const LayoutChoice choice = LayoutChoice::parse(forms[i].layout);
    candidates.push_back({forms[i].layout, [&matrix, &masks, choice, i] { choice.pack(matrix, masks[i]); }});
    const Graph back = unpacking(choice, packed[i], matrix.sizes());
    candidates.push_back({forms[i].layout, [back, &packed, i] { run_at_once(back, packed[i]); }});
  }
  const auto seconds = interleave(candidates, {.rounds = 7, .seconds = 0.05});
  for (std::size_t i = 0; i < masks.size(); ++i) {
    const std::string what = fmt::format("{} x {}, {} ({})", height, width, forms[i].layout, forms[i].sparsifier);
    rows.add(against(what, "ms", 1e3, seconds[2 * i + 1], seconds[0], "copy", {}));
    rows.add(against(what + ", back", "ms", 1e3, seconds[2 * i + 2], seconds[0], "copy", {}));
  }
}

const RegisterTopic topic{{"convert", "dense matrices brought into sparse layouts and back, against a copy", run}};

}  // namespace
}  // namespace neap::bench::convert_topic
