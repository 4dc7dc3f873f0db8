// Writing lines of memory whole, past the caches: none of them is read first, and what is in the caches stays there.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace neap {

// Whether so many bytes are so much of the caches that nobody finds them there later.
bool is_past_caches(std::int64_t bytes);

// Copies bytes. Other threads may see them, in the order of other stores, behind end_past_caches().
void copy_past_caches(const void* from, void* to, std::int64_t bytes);
void end_past_caches();

// Where a piece of a large result is made: in a buffer, which stands in a cache and goes past them when the piece is whole, or, of what is
// not past the caches, where it is to stand.
class Outgoing {
 public:
  explicit Outgoing(bool past_caches) : past_caches_(past_caches) {}
  ~Outgoing() { end_past_caches(); }
  Outgoing(const Outgoing&) = delete;
  Outgoing& operator=(const Outgoing&) = delete;

  template <class Element>
  Element* begin(Element* to, std::int64_t count) {
    to_ = to;
    bytes_ = count * static_cast<std::int64_t>(sizeof(Element));
    if (!past_caches_) return to;
    if (static_cast<std::int64_t>(buffer_.size()) < bytes_) buffer_.resize(static_cast<std::size_t>(bytes_));
    return reinterpret_cast<Element*>(buffer_.data());
  }
  void end() const {
    if (past_caches_) copy_past_caches(buffer_.data(), to_, bytes_);
  }

 private:
  bool past_caches_;
  void* to_ = nullptr;
  std::int64_t bytes_ = 0;
  std::vector<std::byte> buffer_;
};

}  // namespace neap
