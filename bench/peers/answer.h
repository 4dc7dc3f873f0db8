// How Neap's programs take their turns beside the peers' (turns.py).
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace neap::bench {

struct Work {
  std::function<void()> run;
  int threads = 2;
};
// What is asked for is made when it is first asked for: compiling takes long.
using Maker = std::function<Work()>;

// Prints "ready". Then a line "NAME CALLS" is answered with the seconds of one call, and "peak NAME" with the bytes that this process holds
// at most while it runs, beyond those that it held when it was ready; "forget all" frees what was made. Error on what it cannot do.
void answer(const std::map<std::string, Maker>& makers);

// What such a program's `main` does: `run` on the arguments; an Error is told by the program's name and ends it with 1.
int run_worker(const char* program, int count, char** arguments, void (*run)(const std::vector<std::string>&));
// For those that take one folder.
std::string only_folder(const char* program, const std::vector<std::string>& arguments);

}  // namespace neap::bench
