// The text at the head of every file of generated kernels (prelude/kernel.h, carried by the library).
#pragma once

namespace neap {
extern const char* const kernel_prelude;
}  // namespace neap
