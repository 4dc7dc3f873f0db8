#include "neap/codegen/compiler.h"

#include <dlfcn.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>

#include "neap/base/environment.h"
#include "neap/base/error.h"
#include "neap/base/file.h"
#include "neap/base/parallel.h"

namespace neap {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

std::string first_lines(const std::string& text, int count) {
  std::size_t at = 0;
  for (int i = 0; i < count && at != std::string::npos; ++i) at = text.find('\n', at + 1);
  return text.substr(0, at);
}

Compiler find_compiler() {
  const std::string wanted = environment_value("NEAP_CXX");
  const bool given = !wanted.empty();
  for (const std::string& name : given ? Words{wanted} : Words{"g++", "c++", "clang++"}) {
    const std::string path = find_program(name);
    struct stat status {};
    if (path.empty() || ::stat(path.c_str(), &status) != 0) continue;
    return {path, fmt::format("{} {} {}.{}", path, status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec)};
  }
  throw Error("there is no C++ compiler", given ? fmt::format("NEAP_CXX={}", wanted) : "PATH",
              "install g++ (apt-get install g++), or set NEAP_CXX");
}

double seconds_limit() {
  const double seconds = std::atof(environment_value("NEAP_COMPILE_SECONDS").c_str());
  return seconds > 0 ? seconds : 600;
}

// GCC's driver starts a compiler and an assembler. They are called directly, which is quicker, and lets them end with us: who ends the
// driver leaves what it started running. Empty: another compiler, which does both itself.
struct Tools {
  std::string compiler, assembler;
};

Tools find_tools(const std::string& driver) {
  std::string output;
  if (run_program({driver, "-print-search-dirs"}, output, std::min(10.0, seconds_limit())) != 0) return {};
  const std::string head = "programs: =";
  const std::size_t start = output.find(head);
  if (start == std::string::npos) return {};
  const std::string line = first_lines(output.substr(start + head.size()), 1);
  Tools tools;
  for (std::size_t at = 0; at < line.size();) {
    const std::size_t end = std::min(line.find(':', at), line.size());
    const std::string folder = line.substr(at, end - at) + "/";
    at = end + 1;
    if (tools.compiler.empty()) tools.compiler = find_program(folder + "cc1plus");
    if (tools.assembler.empty()) tools.assembler = find_program(folder + "as");
  }
  if (tools.assembler.empty()) tools.assembler = find_program("as");
  return tools.compiler.empty() || tools.assembler.empty() ? Tools{} : tools;
}

const Tools& system_tools() {
  static const Tools tools = find_tools(system_compiler().path);
  return tools;
}

std::string failure_text(int code, const std::string& output) {
  std::string why = fmt::format("exit code {}", code);
  if (code == took_too_long) why += fmt::format(" (took more than {} s)", seconds_limit());
  if (code > 128) why += " (killed)";
  return why + "\n" + first_lines(output, 12);
}

// STEM.cpp to STEM.o; gives why it failed, or "".
std::string compile_file(const std::string& stem, const Words& flags) {
  const Tools& tools = system_tools();
  std::string output;
  if (!tools.compiler.empty()) {
    Words command{tools.compiler, "-quiet", stem + ".cpp", "-o", stem + ".s"};
    command.insert(command.end(), flags.begin(), flags.end());
    command.insert(command.end(), gcc_levels().begin(), gcc_levels().end());
    int code = run_program(command, output, seconds_limit());
    if (code == 0) code = run_program({tools.assembler, stem + ".s", "-o", stem + ".o"}, output, seconds_limit());
    if (code == 0) return "";
    if (code >= took_too_long && code != not_started) return failure_text(code, output);
  }
  output.clear();
  Words command{system_compiler().path};
  command.insert(command.end(), flags.begin(), flags.end());
  command.insert(command.end(), {"-O3", "-c", stem + ".cpp", "-o", stem + ".o"});
  const int code = run_program(command, output, seconds_limit());
  return code == 0 ? "" : failure_text(code, output);
}

// The linker directly, with libm by its file where it has the usual name (the driver takes longer than the link); else the driver.
void link(const Words& objects, const std::string& library) {
  const std::string linker = find_program("ld");
  std::string output;
  for (const std::string libm : {"-l:libm.so.6", "-lm"}) {
    if (linker.empty()) break;
    Words command{linker, "-shared", "-s", "-z", "noseparate-code", "-o", library};
    command.insert(command.end(), objects.begin(), objects.end());
    command.insert(command.end(),
                   {"-L/usr/lib/x86_64-linux-gnu", "-L/usr/lib/aarch64-linux-gnu", "-L/lib64", "-L/usr/lib", "--as-needed", libm});
    output.clear();
    if (run_program(command, output, seconds_limit()) == 0) return;
  }
  Words command{system_compiler().path, "-shared", "-o", library};
  command.insert(command.end(), objects.begin(), objects.end());
  command.push_back("-lm");
  output.clear();
  const int code = run_program(command, output, seconds_limit());
  if (code != 0) throw Error("linking generated kernels failed: " + failure_text(code, output), system_compiler().path);
}

}  // namespace

const Compiler& system_compiler() {
  static const Compiler compiler = find_compiler();
  return compiler;
}

const std::string& compiler_version() {
  static const std::string version = [] {
    const std::string& path = system_compiler().path;
    std::string output;
    if (run_program({path, "--version"}, output, 10) != 0)
      throw Error("the C++ compiler does not run", path, "install g++ (apt-get install g++), or set NEAP_CXX");
    return first_lines(output, 1);
  }();
  return version;
}

const std::vector<std::string>& gcc_levels() {
  static const Words flags = {"-O1",
                              "-fexpensive-optimizations",
                              "-fschedule-insns2",
                              "-fstrict-aliasing",
                              "-fno-tree-bit-ccp",
                              "-ftree-loop-vectorize",
                              "-fvect-cost-model=dynamic"};
  return flags;
}

std::vector<std::string> kernel_flags(Isa isa) {
  // No -ffast-math: NaN, infinities and signed zeros keep their meaning. Contraction is off, so that every instruction set rounds alike;
  // kernels that want fused multiply-add ask for it by name.
  Words flags = {"-std=c++20", "-fPIC", "-fno-exceptions", "-fno-rtti", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off",
                 "-fno-plt",   "-w"};
#if defined(__x86_64__)
  if (isa == Isa::avx2) flags.insert(flags.end(), {"-mavx2", "-mfma", "-mf16c"});
  if (isa == Isa::avx512)
    flags.insert(flags.end(), {"-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl", "-mfma", "-mf16c", "-mprefer-vector-width=512"});
#endif
  return flags;
}

void compile_library(const std::vector<std::string>& sources, Isa isa, const fs::path& library) {
  const Words flags = kernel_flags(isa);
  const TemporaryFolder folder;
  const auto stem = [&](std::size_t i) { return (folder.path() / fmt::format("kernels{}", i)).string(); };
  std::vector<std::string> objects;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    write_file(stem(i) + ".cpp", sources[i], false);
    objects.push_back(stem(i) + ".o");
  }
  const auto compile = [&](std::size_t i) {
    const std::string failure = compile_file(stem(i), flags);
    if (failure.empty()) return;
    throw Error("the compiler failed on a generated kernel: " + failure, system_compiler().path,
                "if there was memory, and room for temporary files (TMPDIR), please report this with `NEAP_KEEP_KERNELS=DIR` set");
  };
  for_each_index(sources.size(), compile, machine().cores);
  link(objects, library.string());
}

SharedObject::SharedObject(const std::string& path) {
  void* loaded = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (loaded == nullptr) throw Error(fmt::format("cannot load a compiled kernel: {}", ::dlerror()), path);
  handle_ = std::shared_ptr<void>(loaded, ::dlclose);
}

void* SharedObject::symbol(const std::string& name) const {
  void* found = ::dlsym(handle_.get(), name.c_str());
  if (found == nullptr) throw Error(fmt::format("a compiled module has no '{}'", name));
  return found;
}

}  // namespace neap
