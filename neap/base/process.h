// Other programs, started without a shell: they end with us, whatever ends us.
#pragma once
#include <string>
#include <vector>

namespace neap {

constexpr int not_started = 127, took_too_long = 124;  // exit codes of our own, as shells and timeout(1) give them

// Runs a program (arguments[0]: its path) and waits for it; what it writes (both streams, the first MiB) is appended to `output`. Gives its
// exit code, 128 + n for signal n. The program has no input and a process group of its own: keys on the terminal do not reach it. It is
// killed, with the rest of its group, after `seconds_limit`, and by the kernel when the calling thread ends.
int run_program(const std::vector<std::string>& arguments, std::string& output, double seconds_limit);

// The path of a program by PATH (names with a slash: that file); empty where there is none that may be run.
std::string find_program(const std::string& name);

}  // namespace neap
