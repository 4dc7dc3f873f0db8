#include "neap/base/blocks.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <list>
#include <mutex>

namespace neap {
namespace {

constexpr std::size_t line = 64, large_page = std::size_t{2} << 20;
constexpr std::size_t least_kept = std::size_t{256} << 10;  // the C library keeps smaller ones itself
constexpr std::size_t part_of_memory = 16;                  // of the machine's memory that kept blocks may take
constexpr std::size_t most_spare = 8;                       // a block serves an array that leaves no more than one eighth of it unused

// Checkers of memory are to see each array begin and end.
#if defined(NEAP_SANITIZED)
constexpr bool keeps = false;
#else
constexpr bool keeps = true;
#endif

class KeptBlocks {
 public:
  // Of those that fit, the one given back last: its lines may still be in a cache.
  void* take(std::size_t bytes, std::size_t& got) {
    const std::lock_guard lock(mutex_);
    const auto found = std::find_if(blocks_.begin(), blocks_.end(), [&](const Block& block) {
      return block.bytes >= bytes && block.bytes - bytes <= block.bytes / most_spare;
    });
    if (found == blocks_.end()) return nullptr;
    void* memory = found->memory;
    got = found->bytes;
    total_ -= found->bytes;
    blocks_.erase(found);
    return memory;
  }

  void give(void* memory, std::size_t bytes) {
    static const std::size_t most =
        static_cast<std::size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) / part_of_memory;
    const std::lock_guard lock(mutex_);
    if (!keeps || bytes > most) {
      std::free(memory);
      return;
    }
    blocks_.push_front({memory, bytes});
    total_ += bytes;
    while (total_ > most) drop_last();
  }

  void release() {
    const std::lock_guard lock(mutex_);
    while (!blocks_.empty()) drop_last();
  }

  std::size_t total() {
    const std::lock_guard lock(mutex_);
    return total_;
  }

 private:
  struct Block {
    void* memory;
    std::size_t bytes;
  };
  void drop_last() {
    total_ -= blocks_.back().bytes;
    std::free(blocks_.back().memory);
    blocks_.pop_back();
  }
  std::mutex mutex_;
  std::list<Block> blocks_;  // given back last first
  std::size_t total_ = 0;
};

KeptBlocks& kept() {
  static auto* const blocks = new KeptBlocks;  // arrays may outlive whatever is destroyed at the end
  return *blocks;
}

}  // namespace

std::shared_ptr<void> allocate_block(std::size_t bytes) {
  std::size_t size = (bytes + line) / line * line;  // never zero
  void* memory = nullptr;
  if (bytes < least_kept) {
    if (posix_memalign(&memory, line, size) != 0) return nullptr;
    return {memory, std::free};
  }
  // Large pages: reads at random places, and first touches, then cost the page tables far less.
  const bool is_large = bytes >= least_large_block;
  memory = kept().take(bytes, size);
  if (memory == nullptr && posix_memalign(&memory, is_large ? large_page : line, size) != 0) {
    release_kept_blocks();
    if (posix_memalign(&memory, is_large ? large_page : line, size) != 0) return nullptr;
  }
  if (is_large) madvise(memory, size, MADV_HUGEPAGE);  // advice: where it is not taken, nothing is lost
  return {memory, [size](void* block) { kept().give(block, size); }};
}

std::size_t kept_block_bytes() { return kept().total(); }
void release_kept_blocks() { kept().release(); }

}  // namespace neap
