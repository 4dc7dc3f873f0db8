// How quickly a matrix that is in memory, not in a cache, is brought into a layout, and back, against copying it by memcpy on all threads:
// a conversion reads or writes all of its elements, too, and a mask or places beside. What takes no more than twice as long goes at the
// speed of memory here. A copy past the caches says what the memory has left.
#include <algorithm>
#include <cstring>
#include <optional>

#include "bench/core/graphs.h"
#include "bench/demo_step.h"
#include "bench/harness.h"
#include "neap/base/parallel.h"
#include "neap/base/stream.h"
#include "neap/layouts/sparse_layout.h"
#include "neap/runtime/at_once.h"
#include "neap/sparse/format.h"

namespace neap::bench::convert_topic {
namespace {

constexpr std::int64_t height = 8192, width = 8192;  // 268 MB
constexpr double memory_speed = 0.5;

// By parts of half a megabyte, which are copied more quickly than larger ones.
template <class Copy>
void copy(const Array& from, Copy copy_bytes) {
  Array to(from.dtype(), from.sizes());
  const std::int64_t bytes = from.bytes(), parts = std::max<std::int64_t>(1, bytes >> 19U);
  for_each_index(static_cast<std::size_t>(parts), [&](std::size_t number) {
    const auto part = static_cast<std::int64_t>(number);
    const std::int64_t begin = part * bytes / parts, end = (part + 1) * bytes / parts;
    copy_bytes(from.raw() + begin, to.raw() + begin, end - begin);
  });
}

// Values that a graph makes sparse while it runs: mask, places and elements are all found in a run.
void while_running(Rows& rows) {
  const Sizes sizes{1024, 3072};
  const Array x = random_array(sizes, 1);
  const auto program = [&](const std::string& format) {
    Graph graph;
    Builder build(graph);
    const Var made = build.call("relu", {build.input("x", type_of(x))});
    graph.add_output(sparse::in_format(build, made, sparse::OutputFormat::parse(format), {}).id(), "y");
    return executable_of(graph);
  };
  const std::vector<std::string> formats{"keep_all", "keep_all | dense | magnitude sparsity=0.9 per_row=1 | csr",
                                         "keep_all | dense | magnitude sparsity=0.9 | csr",
                                         "keep_all | dense | nmg_greedy n=2 m=4 g=16 | nmg n=2 m=4 g=16"};
  std::vector<Executable> programs;
  std::vector<Candidate> candidates;
  for (const std::string& format : formats) programs.push_back(program(format));
  for (std::size_t i = 0; i < formats.size(); ++i) candidates.push_back({formats[i], [&programs, &x, i] { programs[i].run({x}); }});
  const auto seconds = interleave(candidates, {.rounds = 7, .seconds = 0.05});
  for (std::size_t i = 1; i < formats.size(); ++i)
    rows.add(against(fmt::format("1024 x 3072 in a run, {}", formats[i]), "ms", 1e3, seconds[i], seconds[0], "kept dense", {}));
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
  std::vector<Candidate> candidates{
      {"memcpy",
       [&] {
         copy(matrix, [](const void* from, void* to, std::int64_t bytes) { std::memcpy(to, from, static_cast<std::size_t>(bytes)); });
       }},
      {"past the caches", [&] {
         copy(matrix, [](const void* from, void* to, std::int64_t bytes) {
           copy_past_caches(from, to, bytes);
           end_past_caches();
         });
       }}};
  for (std::size_t i = 0; i < masks.size(); ++i) {
    const LayoutChoice choice = LayoutChoice::parse(forms[i].layout);
    candidates.push_back({forms[i].layout, [&matrix, &masks, choice, i] { choice.pack(matrix, masks[i]); }});
    const Graph back = unpacking(choice, packed[i], matrix.sizes());
    candidates.push_back({forms[i].layout, [back, &packed, i] { run_at_once(back, packed[i]); }});
  }
  const auto seconds = interleave(candidates, {.rounds = 7, .seconds = 0.05});
  const auto row = [&](const std::string& what, std::size_t candidate, std::optional<double> target) {
    rows.add(against(fmt::format("{} x {}, {}", height, width, what), "ms", 1e3, seconds[candidate], seconds[0], "memcpy", target));
  };
  row("copied past the caches", 1, {});
  for (std::size_t i = 0; i < masks.size(); ++i) {
    const std::string what = fmt::format("{} ({})", forms[i].layout, forms[i].sparsifier);
    row(what, 2 * i + 2, memory_speed);
    row(what + ", back", 2 * i + 3, memory_speed);
  }
  while_running(rows);
}

const RegisterTopic topic{{"convert", "dense matrices brought into sparse layouts and back, against a copy", run}};

}  // namespace
}  // namespace neap::bench::convert_topic
