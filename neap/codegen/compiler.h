// The system's C++ compiler, started without a shell; what it makes is kept in the cache (cache.h) and loaded.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "neap/base/machine.h"

namespace neap {

struct Compiler {
  std::string path;     // found through NEAP_CXX, else g++, c++ or clang++ on PATH
  std::string version;  // first line of --version: part of a cache entry's key
};
const Compiler& system_compiler();  // Error, with the remedy, where there is none that runs

// Flags for kernels of an instruction set.
std::vector<std::string> kernel_flags(Isa isa);

// A loaded shared object; unloaded when the last handle goes.
class SharedObject {
 public:
  SharedObject() = default;
  explicit SharedObject(const std::string& path);  // Error with the loader's message
  void* symbol(const std::string& name) const;     // Error if there is none
  const std::shared_ptr<void>& handle() const { return handle_; }

 private:
  std::shared_ptr<void> handle_;
};

// Compiles one shared object from these files' texts (each compiled by a process of its own, side by side) and loads it; from the cache
// where it is there. Error with the compiler's first lines where it fails, is killed, or takes more than ten minutes.
SharedObject compile_kernels(const std::vector<std::string>& sources, Isa isa);

// Runs a program with these arguments, without a shell; its output (both streams) goes to `output`. Gives the exit code; 128 + n for signal
// n.
int run_program(const std::vector<std::string>& arguments, std::string& output, double seconds_limit);

}  // namespace neap
