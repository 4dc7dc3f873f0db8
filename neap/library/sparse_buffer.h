// What the drivers of sparse products share.
#pragma once
#include <memory>
#include <new>

#include "neap/library/sparse_tiles.h"

namespace neap::sparse {

inline Count divided_up(Count a, Count b) { return (a + b - 1) / b; }

// Memory of a thread that is kept between calls, at the beginning of a line.
class Buffer {
 public:
  float* of(Count count) {
    if (count > count_) {
      memory_.reset(static_cast<float*>(::operator new(static_cast<std::size_t>(count) * sizeof(float), alignment)));
      count_ = count;
    }
    return memory_.get();
  }

 private:
  static constexpr std::align_val_t alignment{64};
  struct Free {
    void operator()(float* memory) const { ::operator delete(memory, alignment); }
  };
  std::unique_ptr<float, Free> memory_;
  Count count_ = 0;
};

}  // namespace neap::sparse
