// Which build of this program runs.
#pragma once
#include <string>
#include <string_view>

namespace neap {

// The identity that the linker gave to the program or shared object that holds this code (hexadecimal): another wherever anything in it was
// changed. Empty where the linker gave none.
const std::string& build_id();

// Neap's version, as CMakeLists.txt has it: "0.1.0".
std::string_view version();

}  // namespace neap
