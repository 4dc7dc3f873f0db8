// The system's C++ compiler and linker, started without a shell.
#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "neap/base/machine.h"
#include "neap/base/process.h"

namespace neap {

struct Compiler {
  std::string path;      // found through NEAP_CXX, else g++, c++ or clang++ on PATH
  std::string identity;  // path, size and time of its file: part of the identity of all that it makes
};
const Compiler& system_compiler();      // Error, with the remedy, where there is none
const std::string& compiler_version();  // first line of --version. Error where it does not run

// Flags for kernels of an instruction set, without those that say how much the compiler optimises: -O3, or these of GCC's. Of -O3 they are
// what pays on generated text, which is unrolled and hoisted already, and the vectoriser for its scalar loops: kernels run as fast, and
// compile in 0.6 of the time.
std::vector<std::string> kernel_flags(Isa isa);
const std::vector<std::string>& gcc_levels();

// Compiles these files' texts side by side, one process a file and as many at once as there are cores, and links them into a shared object.
// Error with the compiler's first lines where it fails, is killed, or takes more than NEAP_COMPILE_SECONDS (600).
void compile_library(const std::vector<std::string>& sources, Isa isa, const std::filesystem::path& library);

// A loaded shared object; unloaded when the last handle goes.
class SharedObject {
 public:
  explicit SharedObject(const std::string& path);  // Error with the loader's message
  void* symbol(const std::string& name) const;     // Error if there is none
  const std::shared_ptr<void>& handle() const { return handle_; }

 private:
  std::shared_ptr<void> handle_;
};

}  // namespace neap
