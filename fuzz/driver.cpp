// Runs a fuzz target where libFuzzer is not there:  fuzz_NAME [-runs=N] [-seed=S] FILE_OR_FOLDER...
// Every seed as it is, then N random mutations of them. The input that is running is kept in memory; a crash writes it to crash-input.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

#if defined(__SANITIZE_ADDRESS__)
extern "C" void __sanitizer_set_death_callback(void (*callback)());
#endif

namespace {

std::string running;  // NOLINT: read by the signal handler

void keep() {
  const int file = ::open("crash-input", O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (file < 0) return;
  const char text[] = "the input is in crash-input\n";
  if (::write(file, running.data(), running.size()) < 0 || ::write(2, text, sizeof text - 1) < 0) ::_exit(2);
  ::close(file);
}

void on_signal(int signal) {
  keep();
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void run(std::string input) {
  running = std::move(input);
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(running.data()), running.size());
}

class Mutator {
 public:
  Mutator(std::vector<std::string> seeds, unsigned seed) : seeds_(std::move(seeds)), random_(seed) {}

  std::string next() {
    std::string text = pick();
    for (std::size_t changes = 1 + below(4); changes > 0; --changes) change(text);
    return text;
  }

 private:
  std::size_t below(std::size_t n) { return n == 0 ? 0 : random_() % n; }
  const std::string& pick() { return seeds_[below(seeds_.size())]; }

  std::string part_of(const std::string& text) {
    const std::size_t at = below(text.size());
    return text.substr(at, 1 + below(std::min<std::size_t>(text.size() - std::min(at, text.size()), 64)));
  }

  void change(std::string& text) {
    static const std::string digits[] = {"0", "1", "-1", "2147483648", "9223372036854775807", "-9223372036854775808", "1e999"};
    const std::size_t at = below(text.size() + 1);
    const std::size_t length = std::min(text.size() - at, 1 + below(32));
    switch (below(8)) {
      case 0:
        if (at < text.size()) text[at] = static_cast<char>(text[at] ^ (1 << below(8)));
        break;
      case 1:
        if (at < text.size()) text[at] = static_cast<char>(random_());
        break;
      case 2:
        text.erase(at, length);
        break;
      case 3:
        text.insert(at, part_of(text));
        break;
      case 4:
        text.insert(at, part_of(pick()));
        break;
      case 5:
        text.replace(at, length, part_of(pick()));
        break;
      case 6:
        text.insert(at, digits[below(std::size(digits))]);
        break;
      default:
        text.resize(at);
    }
  }

  std::vector<std::string> seeds_;
  std::mt19937 random_;
};

std::string contents(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

int main(int argc, char** argv) {
  unsigned long runs = 10000, seed = 1;
  std::vector<std::filesystem::path> paths;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument.rfind("-runs=", 0) == 0) {
      runs = std::strtoul(argument.c_str() + 6, nullptr, 10);
    } else if (argument.rfind("-seed=", 0) == 0) {
      seed = std::strtoul(argument.c_str() + 6, nullptr, 10);
    } else if (std::filesystem::is_directory(argument)) {
      for (const auto& entry : std::filesystem::directory_iterator(argument)) paths.push_back(entry.path());
    } else {
      paths.emplace_back(argument);
    }
  }
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> seeds;
  for (const auto& path : paths) seeds.push_back(contents(path));
  if (seeds.empty()) seeds.emplace_back();
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_set_death_callback(keep);
#endif
  for (const int signal : {SIGSEGV, SIGABRT, SIGFPE, SIGBUS, SIGILL}) std::signal(signal, on_signal);
  for (const std::string& text : seeds) run(text);
  Mutator mutator(seeds, static_cast<unsigned>(seed));
  for (unsigned long i = 0; i < runs; ++i) run(mutator.next());
  std::printf("%zu seeds and %lu mutations of them: nothing found\n", seeds.size(), runs);
  return 0;
}
