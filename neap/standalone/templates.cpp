#include "neap/standalone/templates.h"

namespace neap::standalone {

const char* const header =
    R"NEAP(// A network, written out as loops by `neap build`. Needs a C++20 compiler of the GCC or Clang family and nothing else.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace neap_@NAME@ {

struct Tensor {
  std::string name;
  std::string dtype;  // "f32", "i64", ...
  std::vector<std::int64_t> sizes;
  std::size_t bytes = 0;  // row-major, without gaps
};
const std::vector<Tensor>& inputs();
const std::vector<Tensor>& outputs();

class Network {
 public:
  // Throws std::runtime_error unless the file is the one that was written with this source.
  explicit Network(const std::string& weights_path);
  ~Network();
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  // Elements in the order of inputs() and outputs(). One run at a time; several threads where compiled with OpenMP, with the same bits.
  // Throws std::runtime_error where an index in the data is out of bounds.
  void run(const std::vector<const void*>& inputs, const std::vector<void*>& outputs, int threads = 1);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace neap_@NAME@
)NEAP";

const char* const kernels = R"NEAP(// Which kernels the compiler's flags allow, and how they are called.
#pragma once

#if defined(__AVX512F__) && defined(__AVX512DQ__) && defined(__AVX512BW__) && defined(__AVX512VL__) && defined(__FMA__) && defined(__F16C__)
#define @GUARD@_AVX512
#elif defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
#define @GUARD@_AVX2
#else
#define @GUARD@_PORTABLE
#endif

namespace neap_@NAME@ {

// Work is cut into chunks that any thread may run in any order; where there are partial results, one thread combines them after.
struct Kernel {
  __INT64_TYPE__ (*chunks)(const __INT64_TYPE__* sizes);
  __INT64_TYPE__ (*scratch)(const __INT64_TYPE__* sizes);
  __INT64_TYPE__ (*run)(void* const* buffers, const __INT64_TYPE__* sizes, void* scratch, __INT64_TYPE__ begin, __INT64_TYPE__ end);
  void (*combine)(void* const* buffers, const __INT64_TYPE__* sizes, void* scratch);
};
extern const Kernel kernel_of_call[];  // in the order of the calls

}  // namespace neap_@NAME@
)NEAP";

const char* const source = R"NEAP(#include "@NAME@.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <new>
#include <stdexcept>

#include "kernels.h"

namespace neap_@NAME@ {
namespace {

// Where a kernel finds an operand: 'i', 'o': an input, an output by number; 'w', 'a': a byte of the weights, of the arena; '-': absent.
struct Place {
  char where;
  std::int64_t at;
};
struct Call {
  int first, count;  // of its places
};
struct Copy {
  int output;
  Place from;
};

const std::vector<Place> places = {@PLACES@};
const std::vector<Call> calls = {
@CALLS@};
const std::vector<Copy> copies = {@COPIES@};
const std::vector<std::int64_t> sizes = {@SIZES@};
constexpr std::int64_t weight_bytes = @WEIGHT_BYTES@, arena_bytes = @ARENA_BYTES@;
constexpr std::uint64_t weight_checksum = @CHECKSUM@u;
constexpr std::align_val_t alignment{64};

struct Release {
  void operator()(std::byte* memory) const { ::operator delete(memory, alignment); }
};
using Memory = std::unique_ptr<std::byte, Release>;
Memory allocate(std::int64_t bytes) {
  return Memory(static_cast<std::byte*>(::operator new(static_cast<std::size_t>(bytes) + 64, alignment)));
}

std::uint64_t checksum(const unsigned char* bytes, std::int64_t count) {  // FNV-1a
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (std::int64_t i = 0; i < count; ++i) hash = (hash ^ bytes[i]) * 0x100000001b3u;
  return hash;
}

Memory read_weights(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) throw std::runtime_error("cannot read the weights: " + path);
  if (file.tellg() != std::streampos(weight_bytes)) throw std::runtime_error("not the weights of this network: " + path);
  Memory memory = allocate(weight_bytes);
  file.seekg(0);
  file.read(reinterpret_cast<char*>(memory.get()), weight_bytes);
  if (!file || checksum(reinterpret_cast<unsigned char*>(memory.get()), weight_bytes) != weight_checksum) {
    throw std::runtime_error("damaged, or not the weights of this network: " + path);
  }
  return memory;
}

}  // namespace

const std::vector<Tensor>& inputs() {
  static const std::vector<Tensor> all = {@INPUTS@};
  return all;
}
const std::vector<Tensor>& outputs() {
  static const std::vector<Tensor> all = {@OUTPUTS@};
  return all;
}

struct Network::State {
  Memory weights, arena, scratch;
  std::vector<std::int64_t> chunks, scratch_bytes;  // by call

  void* address(const Place& place, const std::vector<const void*>& in, const std::vector<void*>& out) const {
    switch (place.where) {
      case 'i':
        return const_cast<void*>(in[static_cast<std::size_t>(place.at)]);
      case 'o':
        return out[static_cast<std::size_t>(place.at)];
      case 'w':
        return weights.get() + place.at;
      case 'a':
        return arena.get() + place.at;
      default:
        return nullptr;
    }
  }

  void run(std::size_t call, void* const* buffers, [[maybe_unused]] int threads) const {
    const Kernel& kernel = kernel_of_call[call];
    const std::int64_t all = chunks[call];
    std::int64_t failed = 0;
#ifdef _OPENMP
    const std::int64_t team = std::max<std::int64_t>(1, std::min<std::int64_t>(threads, all));
#pragma omp parallel for num_threads(static_cast<int>(team)) reduction(max : failed) if (team > 1)
    for (std::int64_t me = 0; me < team; ++me) {
      failed = std::max(failed, kernel.run(buffers, sizes.data(), scratch.get(), all * me / team, all * (me + 1) / team));
    }
#else
    failed = kernel.run(buffers, sizes.data(), scratch.get(), 0, all);
#endif
    if (failed != 0) throw std::runtime_error("an index in the data is out of bounds");
    if (scratch_bytes[call] > 0) kernel.combine(buffers, sizes.data(), scratch.get());
  }
};

Network::Network(const std::string& weights_path) : state_(std::make_unique<State>()) {
  state_->weights = read_weights(weights_path);
  state_->arena = allocate(arena_bytes);
  std::int64_t most = 0;
  for (std::size_t call = 0; call < calls.size(); ++call) {
    state_->chunks.push_back(kernel_of_call[call].chunks(sizes.data()));
    state_->scratch_bytes.push_back(kernel_of_call[call].scratch(sizes.data()));
    most = std::max(most, state_->scratch_bytes.back());
  }
  state_->scratch = allocate(most);
}

Network::~Network() = default;

void Network::run(const std::vector<const void*>& in, const std::vector<void*>& out, int threads) {
  if (in.size() != inputs().size() || out.size() != outputs().size()) throw std::runtime_error("another number of inputs or outputs");
  std::vector<void*> buffers;
  for (std::size_t call = 0; call < calls.size(); ++call) {
    buffers.clear();
    for (int k = 0; k < calls[call].count; ++k) {
      buffers.push_back(state_->address(places[static_cast<std::size_t>(calls[call].first + k)], in, out));
    }
    state_->run(call, buffers.data(), threads);
  }
  for (const Copy& copy : copies) {
    const std::size_t bytes = outputs()[static_cast<std::size_t>(copy.output)].bytes;
    if (bytes > 0) std::memcpy(out[static_cast<std::size_t>(copy.output)], state_->address(copy.from, in, out), bytes);
  }
}

}  // namespace neap_@NAME@
)NEAP";

const char* const program =
    R"NEAP(// Runs the network on files: each input and output is a file, npy or raw elements. Files that hold several batches, one after the
// other, are run batch by batch.
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "@NAME@.h"

namespace {

using namespace neap_@NAME@;

std::string npy_dtype(const std::string& dtype) {
  if (dtype == "f32") return "<f4";
  if (dtype == "f64") return "<f8";
  if (dtype == "f16") return "<f2";
  if (dtype == "bf16") return "<V2";
  if (dtype == "bool") return "|b1";
  if (dtype == "u8") return "|u1";
  if (dtype == "i8") return "|i1";
  return "<i" + std::to_string(std::stoi(dtype.substr(1)) / 8);
}

std::string read_elements(const std::string& path, const Tensor& tensor) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path);
  std::string bytes{std::istreambuf_iterator<char>(file), {}};
  if (bytes.compare(0, 6, "\x93NUMPY") == 0 && bytes.size() > 12) {
    const bool wide = bytes[6] > 1;
    std::size_t length = 0;
    for (int i = wide ? 3 : 1; i >= 0; --i) length = length << 8 | static_cast<unsigned char>(bytes[8 + static_cast<std::size_t>(i)]);
    const std::size_t start = (wide ? 12 : 10) + length;
    if (start > bytes.size()) throw std::runtime_error("cut short: " + path);
    const std::string head = bytes.substr(0, start);
    if (head.find("'" + npy_dtype(tensor.dtype) + "'") == std::string::npos || head.find("'fortran_order': False") == std::string::npos) {
      throw std::runtime_error("not row-major " + tensor.dtype + ": " + path);
    }
    bytes.erase(0, start);
  }
  if (tensor.bytes == 0 ? !bytes.empty() : bytes.empty() || bytes.size() % tensor.bytes != 0) {
    throw std::runtime_error(std::to_string(bytes.size()) + " bytes where batches of " + std::to_string(tensor.bytes) + " belong: " + path);
  }
  return bytes;
}

void write_elements(const std::string& path, const Tensor& tensor, const std::string& bytes, std::size_t batches) {
  std::ofstream file(path, std::ios::binary);
  if (path.size() > 4 && path.compare(path.size() - 4, 4, ".npy") == 0) {
    std::string shape;
    for (std::size_t axis = 0; axis < tensor.sizes.size(); ++axis) {
      shape += std::to_string(tensor.sizes[axis] * static_cast<std::int64_t>(axis == 0 ? batches : 1)) + ",";
    }
    std::string head = "{'descr': '" + npy_dtype(tensor.dtype) + "', 'fortran_order': False, 'shape': (" + shape + "), }";
    head.resize((head.size() + 10 + 64) / 64 * 64 - 11, ' ');
    head += '\n';
    file << "\x93NUMPY" << '\1' << '\0' << static_cast<char>(head.size() & 255) << static_cast<char>(head.size() >> 8) << head;
  }
  file << bytes;
  if (!file.flush()) throw std::runtime_error("cannot write " + path);
}

void run(int count, char** arguments) {
  const std::size_t in = inputs().size(), out = outputs().size();
  if (static_cast<std::size_t>(count) != 2 + in + out) {
    std::fprintf(stderr, "usage: %s WEIGHTS INPUT... OUTPUT...   (%zu inputs, %zu outputs; .npy or raw)\n", arguments[0], in, out);
    std::exit(2);
  }
  Network network(arguments[1]);
  std::vector<std::string> given, made(out);
  std::size_t batches = 1;
  for (std::size_t i = 0; i < in; ++i) {
    given.push_back(read_elements(arguments[2 + i], inputs()[i]));
    const std::size_t mine = inputs()[i].bytes == 0 ? 1 : given[i].size() / inputs()[i].bytes;
    if (i > 0 && mine != batches) throw std::runtime_error("the inputs hold different numbers of batches");
    batches = mine;
  }
  for (std::size_t i = 0; i < out; ++i) made[i].resize(outputs()[i].bytes * batches);
  const char* wanted = std::getenv("OMP_NUM_THREADS");
  const int threads = wanted == nullptr ? 1 : std::atoi(wanted);
  for (std::size_t batch = 0; batch < batches; ++batch) {
    std::vector<const void*> from;
    std::vector<void*> to;
    for (std::size_t i = 0; i < in; ++i) from.push_back(given[i].data() + batch * inputs()[i].bytes);
    for (std::size_t i = 0; i < out; ++i) to.push_back(made[i].data() + batch * outputs()[i].bytes);
    network.run(from, to, threads);
  }
  for (std::size_t i = 0; i < out; ++i) write_elements(arguments[2 + in + i], outputs()[i], made[i], batches);
}

}  // namespace

int main(int count, char** arguments) {
  try {
    run(count, arguments);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 3;
  }
}
)NEAP";

const char* const makefile = R"NEAP(cmake_minimum_required(VERSION 3.16)
project(@NAME@ LANGUAGES CXX)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
option(NATIVE "use every instruction of this machine" OFF)

set(kernels
  @KERNELS@)
add_library(@NAME@ STATIC @NAME@.cpp ${kernels})
target_include_directories(@NAME@ PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
target_compile_features(@NAME@ PUBLIC cxx_std_20)
# The kernels round alike on every instruction set only with these flags.
target_compile_options(@NAME@ PRIVATE -ffp-contract=off -fno-math-errno -fno-trapping-math -w)
# Kernels are unrolled and hoisted already: of GCC's -O3 this is what pays.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  set_source_files_properties(${kernels} PROPERTIES COMPILE_OPTIONS "@LEVELS@")
endif()
if(NATIVE)
  target_compile_options(@NAME@ PRIVATE -march=native)
endif()
find_package(OpenMP)
if(OpenMP_CXX_FOUND)
  target_link_libraries(@NAME@ PRIVATE OpenMP::OpenMP_CXX)
endif()

add_executable(@NAME@_example main.cpp)
target_link_libraries(@NAME@_example PRIVATE @NAME@)
)NEAP";

}  // namespace neap::standalone
