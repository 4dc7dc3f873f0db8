// Environment variables: one that is set to nothing counts as not set.
#pragma once
#include <string>

namespace neap {

std::string environment_value(const char* name);  // empty: not set
bool is_switched_on(const char* name);            // set, and not to 0

}  // namespace neap
