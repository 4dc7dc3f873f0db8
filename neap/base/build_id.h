// Which build of this program runs.
#pragma once
#include <string>

namespace neap {

// The identity that the linker gave to the program or shared object that holds this code (hexadecimal): another wherever anything in it was
// changed. Empty where the linker gave none.
const std::string& build_id();

}  // namespace neap
