// Memory of arrays. Large blocks that are given back are kept for the next array of about their size: the system would take their pages
// away and clear new ones, which costs as much as a pass over them.
#pragma once
#include <cstddef>
#include <memory>

namespace neap {

constexpr std::size_t least_large_block = std::size_t{4} << 20;  // bytes: from here on blocks are in large pages

// At least `bytes` bytes, aligned to 64; null where there is no memory.
std::shared_ptr<void> allocate_block(std::size_t bytes);

// Of blocks that are kept at the moment; and giving all of them back to the system.
std::size_t kept_block_bytes();
void release_kept_blocks();

}  // namespace neap
