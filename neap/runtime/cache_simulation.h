// A cache as a model of one: what a sequence of loads and stores moves from memory and back.
#pragma once
#include <cstdint>
#include <vector>

namespace neap {

// Set-associative, the line of a set that was used longest ago goes first. A line that is stored to is not fetched: what is missing of it
// is read when it is loaded from or leaves (as with stores past the cache, which do not read what they overwrite whole).
class CacheSimulation {
 public:
  explicit CacheSimulation(std::int64_t bytes, int ways = 16);  // rounded down to a power of two of sets, one at least
  void load(const void* address, std::int64_t bytes);
  void store(const void* address, std::int64_t bytes);
  void flush();  // every line leaves

  std::int64_t bytes_read() const { return read_ * line_bytes; }  // from memory, and back to it: whole lines
  std::int64_t bytes_written() const { return written_ * line_bytes; }

  static constexpr std::int64_t line_bytes = 64;

 private:
  struct Line {
    std::uint64_t tag = no_tag;
    std::uint64_t used = 0;   // when last
    std::uint64_t there = 0;  // a bit for each byte that is known
    bool dirty = false;
  };
  static constexpr std::uint64_t no_tag = ~std::uint64_t{0};

  template <class F>
  void each_line(const void* address, std::int64_t bytes, const F& visit);
  Line& line_of(std::uint64_t number);
  void leave(Line& line);

  std::uint64_t sets_;
  std::size_t ways_;
  std::vector<Line> lines_;
  std::uint64_t now_ = 0;
  std::int64_t read_ = 0, written_ = 0;
};

}  // namespace neap
