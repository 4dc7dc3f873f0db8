// What a node's provenance says.
#pragma once
#include <string>
#include <string_view>

namespace neap {

// Where an operator was called: "block1/fc" of "block1/fc: matmul (gradient)".
inline std::string origin_place(std::string_view origin) { return std::string(origin.substr(0, origin.rfind(": "))); }

}  // namespace neap
