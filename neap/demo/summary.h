// An optimizer's history in a few lines.
#pragma once
#include <string>

#include "neap/transform/optimizer.h"

namespace neap {

// A line for each transformation: level, number of edits, what they save; then the commonest reasons why others were not made.
std::string edit_summary(const Optimizer& optimizer);

}  // namespace neap
