// An optimizer's history in a few lines.
#pragma once
#include <string>

#include "neap/transform/optimizer.h"

namespace neap {

// For each transformation: level, number of edits, the bytes that they save; in which part of the network how many of them; then the
// commonest reasons why others were not made.
std::string edit_summary(const Optimizer& optimizer);

}  // namespace neap
