// Runs one call by a library implementation, in given layouts, and holds it against the interpreter's result.
#pragma once
#include <gtest/gtest.h>

#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "neap/ops/builder.h"
#include "neap/ops/interpreter.h"
#include "neap/runtime/library.h"
#include "neap/runtime/relayout.h"
#include "tests/support/results.h"

namespace neap {

struct LibraryCase {
  std::string op;
  std::vector<std::string> inputs;  // types, with layouts; "-": absent
  Attributes attributes = {};
  std::string output_layout = {};  // of the first output; empty: row-major
  double tolerance = 2e-5;
  std::string implementation = {};               // empty: the first that takes it
  std::vector<std::optional<Array>> given = {};  // elements of some inputs
};

inline Array test_elements(DType dtype, const Sizes& sizes, int salt) {
  Array made(dtype, sizes);
  for (std::int64_t i = 0; i < made.count(); ++i) {
    made.set(i, is_float(dtype) ? std::sin(1.3 * static_cast<double>(i * (salt + 1)) + salt) : static_cast<double>((i * 7 + salt) % 5));
  }
  return made;
}

inline Array with_special(const Sizes& sizes) {
  Array x = test_elements(DType::f32, sizes, 1);
  for (std::int64_t i = 0; i < x.count(); i += 7) x.set(i, i % 3 == 0 ? NAN : i % 3 == 1 ? INFINITY : -INFINITY);
  return x;
}

struct LibraryRun {
  Graph graph;
  std::vector<Array> inputs;         // of the operands that are there
  std::vector<Type> types, outputs;  // of the call, with layouts
  const Implementation* implementation = nullptr;
  std::string why;

  explicit LibraryRun(const LibraryCase& c) {
    Builder build(graph);
    std::vector<Var> arguments;
    for (std::size_t i = 0; i < c.inputs.size(); ++i) {
      if (c.inputs[i] == "-") {
        arguments.emplace_back();
        types.emplace_back();
        continue;
      }
      types.push_back(Type::parse(c.inputs[i]));
      arguments.push_back(build.input("x" + std::to_string(i), types.back()));
      const bool given = i < c.given.size() && c.given[i].has_value();
      inputs.push_back(given ? *c.given[i] : test_elements(types.back().dtype, evaluate(types.back().shape, {}), static_cast<int>(i)));
    }
    for (const Var& output : build.calls(c.op, arguments, c.attributes)) {
      graph.add_output(output.id(), "y" + std::to_string(outputs.size()));
      outputs.push_back(output.type());
      outputs.back().layout = {};
    }
    if (!c.output_layout.empty()) outputs[0].layout = Layout::parse(c.output_layout, outputs[0].rank());
    for (std::size_t i = 0; i < outputs.size(); ++i) graph.set_type(graph.outputs[i].value, outputs[i]);
    const Node& node = *graph.nodes().back();
    if (c.implementation.empty()) {
      implementation = choose_implementation(graph, node, &why);
    } else {
      implementation = &find_implementation(c.op, c.implementation);
    }
  }

  std::vector<Array> run() const {
    const Call call = make_call(graph, *graph.nodes().back());
    const auto ready = implementation->prepare(call, types, outputs, {});
    std::vector<Array> storages;
    std::vector<const void*> from;
    std::size_t next = 0;
    for (const Type& type : types) {
      if (!call.has(static_cast<int>(from.size()))) {
        from.push_back(nullptr);
        continue;
      }
      storages.emplace_back(type.dtype, Sizes{storage(type, {}).count});
      from_row_major(inputs[next++], storages.back().raw(), type, {});
      from.push_back(storages.back().raw());
    }
    std::vector<Array> made;
    std::vector<void*> to;
    for (const Type& type : outputs) to.push_back(made.emplace_back(Array::full(type.dtype, {storage(type, {}).count}, 7)).raw());
    ready->run(from, to);
    ready->run(from, to);  // a second time: nothing may be left over from the first
    std::vector<Array> results;
    for (std::size_t i = 0; i < made.size(); ++i) results.push_back(to_row_major(made[i].raw(), outputs[i], {}));
    return results;
  }
};

// Against the definition on 1 and 2 threads, with the same bits on both.
inline void check_library(const LibraryCase& c) {
  std::string what = c.op;
  for (const std::string& input : c.inputs) what += " " + input;
  what += " -> " + c.output_layout;
  SCOPED_TRACE(what);
  const LibraryRun run(c);
  ASSERT_NE(run.implementation, nullptr) << run.why;
  const std::vector<Array> wanted = interpret(run.graph, run.inputs);
  const auto on_threads = [&](int count) {
    const Threads threads(count);
    return run.run();
  };
  const std::vector<Array> one = on_threads(1), two = on_threads(2);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    expect_close(one[i], wanted[i], c.tolerance, what + " on 1 thread");
    expect_close(two[i], wanted[i], c.tolerance, what + " on 2 threads");
    EXPECT_TRUE(same_bits(one[i], two[i])) << what << ": 1 and 2 threads differ";
  }
}

}  // namespace neap
