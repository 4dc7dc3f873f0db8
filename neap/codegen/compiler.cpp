#include "neap/codegen/compiler.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <thread>

#include "neap/base/error.h"
#include "neap/base/file.h"
#include "neap/base/hash.h"
#include "neap/codegen/cache.h"

extern char** environ;

namespace neap {
namespace {

std::string find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return ::access(name.c_str(), X_OK) == 0 ? name : "";
  const char* path = std::getenv("PATH");
  std::string_view rest = path == nullptr ? "/usr/bin:/bin" : path;
  while (!rest.empty()) {
    const std::size_t colon = rest.find(':');
    const std::string candidate = std::string(rest.substr(0, colon)) + "/" + name;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
    rest = colon == std::string_view::npos ? "" : rest.substr(colon + 1);
  }
  return "";
}

std::string first_lines(const std::string& text, int count) {
  std::size_t at = 0;
  for (int i = 0; i < count && at != std::string::npos; ++i) at = text.find('\n', at + 1);
  return text.substr(0, at);
}

Compiler find_compiler() {
  const char* wanted = std::getenv("NEAP_CXX");
  std::vector<std::string> names = {"g++", "c++", "clang++"};
  if (wanted != nullptr && *wanted != '\0') names = {wanted};
  for (const std::string& name : names) {
    const std::string path = find_program(name);
    std::string output;
    if (!path.empty() && run_program({path, "--version"}, output, 10) == 0) return {path, first_lines(output, 1)};
  }
  throw Error("there is no C++ compiler that runs", wanted != nullptr ? fmt::format("NEAP_CXX={}", wanted) : "PATH",
              "install g++ (apt-get install g++), or set NEAP_CXX");
}

}  // namespace

int run_program(const std::vector<std::string>& arguments, std::string& output, double seconds_limit) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw Error("cannot make a pipe");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  pid_t child = 0;
  const int failed = ::posix_spawn(&child, arguments[0].c_str(), &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  if (failed != 0) {
    ::close(ends[0]);
    return 127;
  }
  const auto limit = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds_limit);
  char buffer[4096];
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(limit - std::chrono::steady_clock::now()).count();
    struct pollfd wait {
      ends[0], POLLIN, 0
    };
    if (left <= 0 || ::poll(&wait, 1, static_cast<int>(left)) == 0) {
      ::kill(child, SIGKILL);
      break;
    }
    const ssize_t got = ::read(ends[0], buffer, sizeof buffer);
    if (got <= 0) break;
    if (output.size() < (1U << 20)) output.append(buffer, static_cast<std::size_t>(got));
  }
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

const Compiler& system_compiler() {
  static const Compiler compiler = find_compiler();
  return compiler;
}

std::vector<std::string> kernel_flags(Isa isa) {
  // No -ffast-math: NaN, infinities and signed zeros keep their meaning. Contraction is off, so that every instruction set rounds alike;
  // kernels that want fused multiply-add ask for it by name.
  std::vector<std::string> flags = {
      "-std=c++20",        "-O3",      "-fPIC", "-fno-exceptions", "-fno-rtti", "-fno-math-errno", "-fno-trapping-math",
      "-ffp-contract=off", "-fno-plt", "-w"};
#if defined(__x86_64__)
  if (isa == Isa::avx2) flags.insert(flags.end(), {"-mavx2", "-mfma", "-mf16c"});
  if (isa == Isa::avx512)
    flags.insert(flags.end(), {"-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl", "-mfma", "-mf16c", "-mprefer-vector-width=512"});
#endif
  return flags;
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

SharedObject compile_kernels(const std::vector<std::string>& sources, Isa isa) {
  const Compiler& compiler = system_compiler();
  Hasher key;
  key.add(compiler.path).add(compiler.version).add(machine().cpu);
  for (const std::string& flag : kernel_flags(isa)) key.add(flag);
  for (const std::string& source : sources) key.add(source);
  KernelCache cache;
  const std::string name = key.finish().hex();
  if (const std::string found = cache.find(name); !found.empty()) {
    try {
      return SharedObject(found);
    } catch (const Error&) {  // another process has removed it since
    }
  }

  if (const char* keep = std::getenv("NEAP_KEEP_KERNELS"); keep != nullptr && *keep != '\0') {
    for (std::size_t i = 0; i < sources.size(); ++i)
      write_file(std::filesystem::path(keep) / fmt::format("{}_{}.cpp", name, i), sources[i]);
  }
  const TemporaryFolder folder;
  std::vector<std::string> objects;
  std::vector<std::future<std::string>> jobs;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const std::string stem = (folder.path() / fmt::format("kernels{}", i)).string();
    write_file(stem + ".cpp", sources[i]);
    objects.push_back(stem + ".o");
    jobs.push_back(std::async(std::launch::async, [&compiler, isa, stem] {
      std::vector<std::string> arguments = {compiler.path};
      for (std::string& flag : kernel_flags(isa)) arguments.push_back(std::move(flag));
      arguments.insert(arguments.end(), {"-c", stem + ".cpp", "-o", stem + ".o"});
      std::string output;
      const int code = run_program(arguments, output, 600);
      if (code == 0) return std::string();
      return fmt::format("exit code {}{}\n{}", code, code == 137 ? " (killed, or over ten minutes)" : "", first_lines(output, 12));
    }));
  }
  std::string failure;
  for (auto& job : jobs) {
    const std::string message = job.get();
    if (failure.empty()) failure = message;
  }
  if (!failure.empty())
    throw Error("the compiler failed on a generated kernel: " + failure, compiler.path,
                "please report this with `NEAP_KEEP_KERNELS=DIR` set");
  const std::string library = (folder.path() / "kernels.so").string();
  // The linker is called directly: the compiler's driver takes longer than the link.
  std::vector<std::string> link;
  const std::string linker = find_program("ld");
  if (!linker.empty()) {
    link = {linker, "-shared", "-o", library};
  } else {
    link = {compiler.path, "-shared", "-o", library};
  }
  link.insert(link.end(), objects.begin(), objects.end());
  link.insert(link.end(), {"-L/usr/lib/x86_64-linux-gnu", "-L/usr/lib/aarch64-linux-gnu", "-L/lib64", "-L/usr/lib", "-lm"});
  std::string output;
  if (run_program(link, output, 120) != 0) {
    output.clear();
    std::vector<std::string> driver = {compiler.path, "-shared", "-o", library};
    driver.insert(driver.end(), objects.begin(), objects.end());
    driver.push_back("-lm");
    if (run_program(driver, output, 120) != 0) throw Error("linking generated kernels failed: " + first_lines(output, 12), linker);
  }
  cache.store(name, library);
  return SharedObject(library);  // not what the cache keeps: another process may take that away
}

}  // namespace neap
