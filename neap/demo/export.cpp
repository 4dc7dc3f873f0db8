#include "neap/demo/export.h"

#include <algorithm>
#include <cstring>

#include "neap/base/clock.h"
#include "neap/base/error.h"
#include "neap/base/file.h"
#include "neap/base/parallel.h"
#include "neap/codegen/compiler.h"
#include "neap/demo/predictions.h"
#include "neap/files/npy.h"
#include "neap/onnx/onnx.h"
#include "neap/sparse/export.h"
#include "neap/tensor/compile.h"
#include "neap/train/step.h"

namespace neap {
namespace {

namespace fs = std::filesystem;

void run_or_fail(const std::vector<std::string>& command, double seconds, const std::string& what) {
  std::string output;
  const int code = run_program(command, output, seconds);
  if (code != 0) throw Error(fmt::format("{} fails with code {}: {}", what, code, output.substr(0, 500)), command.front());
}

// All images as one array whose number is a multiple of `batch`: black ones stand at the end.
Array padded_images(const Dataset& images, std::int64_t batch) {
  const Field& field = images.fields().at(0);
  const std::int64_t count = images.count();
  Sizes sizes{(count + batch - 1) / batch * batch};
  sizes.insert(sizes.end(), field.sizes.begin(), field.sizes.end());
  Array all = Array::zeros(field.dtype, sizes);
  const std::int64_t row = element_count(field.sizes) * size_of(field.dtype);
  for (std::int64_t begin = 0; begin < count; begin += batch) {
    const Array some = images.range(begin, std::min(count, begin + batch)).at(0);
    std::memcpy(all.raw() + begin * row, some.raw(), static_cast<std::size_t>(some.bytes()));
  }
  return all;
}

// The stand-alone network's program, as its CMakeLists.txt compiles it; one process a file.
void compile_program(const StandaloneSummary& summary, const fs::path& folder, const fs::path& work, const std::string& program) {
  const std::string compiler = system_compiler().path;
  std::vector<std::string> files = summary.kernel_sources, link{compiler, "-fopenmp", "-o", program};
  const std::size_t kernels = files.size();
  files.insert(files.begin(), summary.sources.begin(), summary.sources.end());
  for (const std::string& file : files) link.push_back((work / file).string() + ".o");
  for_each_index(files.size(), [&](std::size_t i) {
    std::vector<std::string> command{compiler, "-std=c++20", "-march=native", "-fopenmp", "-w"};
    const std::vector<std::string> rounding{"-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", "-O2"};
    command.insert(command.end(), rounding.begin(), rounding.end());
    if (i + kernels >= files.size()) command.insert(command.end(), gcc_levels().begin(), gcc_levels().end());
    command.insert(command.end(), {"-c", (folder / files[i]).string(), "-o", (work / files[i]).string() + ".o"});
    run_or_fail(command, 600, "compiling the stand-alone network");
  });
  run_or_fail(link, 60, "linking the stand-alone network");
}

}  // namespace

NamedArrays arrays_of(const Module& module) {
  NamedArrays arrays;
  for (const auto& all : {module.parameters(), module.buffers()}) {
    for (const Parameter* parameter : all) arrays[parameter->name()] = parameter->value().array();
  }
  return arrays;
}

void set_arrays(Module& module, const NamedArrays& arrays, const std::string& place) {
  for (const auto& all : {module.parameters(), module.buffers()}) {
    for (Parameter* parameter : all) {
      const auto found = arrays.find(parameter->name());
      const Type& type = parameter->type();
      if (found == arrays.end() || found->second.dtype() != type.dtype || found->second.sizes() != evaluate(type.shape, {})) {
        const std::string problem = found == arrays.end() ? "is missing" : "is " + type_of(found->second).to_string();
        throw Error(fmt::format("the file is of another network: '{}', {}, {}", parameter->name(), type.to_string(), problem), place,
                    "give a file that `neap train` wrote, for data of as many classes");
      }
      parameter->set(Tensor(found->second));
    }
  }
  for (const Parameter* parameter : module.declared(Role::parameter)) parameter->check();
}

namespace {

Graph network_graph(Layer& net, const Dataset& images, bool constants) {
  const Field& field = images.fields().at(0);
  Shape shape{Dim::symbol("N")};
  shape.insert(shape.end(), field.sizes.begin(), field.sizes.end());
  return inference_graph(net, {"images", {field.dtype, shape, {}}}, constants, "scores");
}

}  // namespace

Graph exported(Layer& net, const Dataset& images) { return network_graph(net, images, true); }

void write_network(Layer& net, const Dataset& images, const fs::path& file) {
  const std::vector<Parameter*> all = net.declared(Role::parameter);
  if (std::none_of(all.begin(), all.end(), [](const Parameter* one) { return one->composed(); })) {
    write_onnx(network_graph(net, images, false), file, {.parameters = arrays_of(net)});
    return;
  }
  const sparse::Exported made = sparse::for_export(network_graph(net, images, false), arrays_of(net));
  write_onnx(made.graph, file, {.parameters = made.parameters, .metadata = {{sparse::plan_note, made.plan.to_json()}}});
}

Array logits_through_onnx(const fs::path& file, const Dataset& images) {
  Executable executable = make_executable(read_onnx(file));
  return logits_of(executable, images);
}

StandaloneRun logits_through_standalone(const Graph& network, const std::string& symbol, const fs::path& folder, const Dataset& images,
                                        std::int64_t batch) {
  StandaloneRun result;
  result.summary = write_standalone(network, folder, {.name = "network", .sizes = {{symbol, batch}}});
  const TemporaryFolder work;
  const std::string program = (work.path() / "network").string();
  auto start = Clock::now();
  compile_program(result.summary, folder, work.path(), program);
  result.compile_seconds = seconds_since(start);
  write_npy(work.path() / "images.npy", padded_images(images, batch));
  start = Clock::now();
  run_or_fail({program, (folder / "weights.bin").string(), (work.path() / "images.npy").string(), (work.path() / "logits.npy").string()},
              600, "the stand-alone network");
  result.run_seconds = seconds_since(start);
  result.logits = read_npy(work.path() / "logits.npy").slice_rows(0, images.count());
  return result;
}

}  // namespace neap
