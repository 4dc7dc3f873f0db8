// Memory that is asked for by what comes from outside: refused before it is taken.
#pragma once
#include <cstdint>
#include <string>

namespace neap {

// Bytes: the machine's memory, or what a limit of this process (`ulimit -v`) leaves. 0: nobody says.
std::int64_t memory_left();

// Error saying the bytes that `what` needs and those there are: `limit`, or (0) memory_left().
void check_memory(double bytes, const std::string& what, const std::string& place, std::int64_t limit = 0);

}  // namespace neap
