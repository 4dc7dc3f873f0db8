// What tuning of kernels and of whole passes have in common.
#pragma once
#include <string_view>

#include "neap/base/hash.h"
#include "neap/runtime/executable.h"

namespace neap {

// Error, saying what cannot be measured, where there is no compiler: precompiled loops do not stand for kernels.
Executable measurable(const Graph& graph, std::string_view what);

// Begun with what of this machine decides on times: CPU, instruction set, threads.
Hasher on_this_machine();

}  // namespace neap
