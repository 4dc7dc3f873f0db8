// What every fuzz target does: give a reader the bytes, and let it refuse them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "neap/base/error.h"

namespace neap {

template <class Read>
int give_bytes(const std::uint8_t* data, std::size_t size, const Read& read) {
  try {
    read(std::string_view(reinterpret_cast<const char*>(data), size));
  } catch (const Error&) {  // the one way to refuse; whatever else is thrown ends the run as a find
  }
  return 0;
}

}  // namespace neap
