#include "neap/base/blocks.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
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

// Large pages: reads at random places, and first touches, then cost the page tables far less. Of memory that nobody has touched: the C
// library's may lie in small pages already, and then stays there.
void* map_large(std::size_t bytes) {
  if (bytes > SIZE_MAX - large_page) return nullptr;
  void* const all = mmap(nullptr, bytes + large_page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (all == MAP_FAILED) return nullptr;
  char* const begin = static_cast<char*>(all);
  const std::size_t ahead = (large_page - reinterpret_cast<std::uintptr_t>(all) % large_page) % large_page;
  if (ahead > 0) munmap(begin, ahead);
  munmap(begin + ahead + bytes, large_page - ahead);
  madvise(begin + ahead, bytes, MADV_HUGEPAGE);  // advice: where it is not taken, nothing is lost
  return begin + ahead;
}

std::size_t whole_pages(std::size_t bytes) {
  static const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return (bytes + page - 1) / page * page;
}

// Whether a block of so many bytes is in large pages. Checkers of memory are to see where it ends.
constexpr bool is_mapped(std::size_t bytes) { return keeps && bytes >= least_large_block; }

void* allocate(std::size_t bytes) {
  if (is_mapped(bytes)) return map_large(bytes);
  void* memory = nullptr;
  return posix_memalign(&memory, line, bytes) == 0 ? memory : nullptr;
}

void give_back(void* memory, std::size_t bytes) {
  if (is_mapped(bytes)) {
    munmap(memory, bytes);
  } else {
    std::free(memory);
  }
}

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
      give_back(memory, bytes);
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
    give_back(blocks_.back().memory, blocks_.back().bytes);
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
  std::size_t size = std::max(line, (bytes + line - 1) / line * line);
  if (bytes < least_kept) {
    void* const memory = allocate(size);
    if (memory == nullptr) return nullptr;
    return {memory, std::free};
  }
  if (is_mapped(size)) size = whole_pages(size);
  void* memory = kept().take(bytes, size);
  if (memory == nullptr) memory = allocate(size);
  if (memory == nullptr) {
    release_kept_blocks();
    memory = allocate(size);
  }
  if (memory == nullptr) return nullptr;
  return {memory, [size](void* block) { kept().give(block, size); }};
}

std::size_t kept_block_bytes() { return kept().total(); }
void release_kept_blocks() { kept().release(); }

}  // namespace neap
