#include "neap/base/environment.h"

#include <cstdlib>

namespace neap {

std::string environment_value(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool is_switched_on(const char* name) {
  const std::string value = environment_value(name);
  return !value.empty() && value != "0";
}

}  // namespace neap
