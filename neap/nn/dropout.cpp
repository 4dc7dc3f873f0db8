#include "neap/nn/dropout.h"

#include "neap/base/error.h"
#include "neap/base/hash.h"

namespace neap {
namespace {
thread_local RandomSeed* innermost = nullptr;
}

RandomSeed::RandomSeed(Tensor seed) : seed_(std::move(seed)), outer_(innermost) {
  if (!is_integer(seed_.dtype()) || seed_.rank() != 0) throw Error("a seed is one integer, not " + seed_.type().to_string());
  innermost = this;
}

RandomSeed::~RandomSeed() { innermost = outer_; }

const Tensor& RandomSeed::use() {
  if (innermost == nullptr) throw Error("there is no seed to draw from", Scope::current(), "make a RandomSeed around the call");
  innermost->used_ = true;
  return innermost->seed_;
}

bool RandomSeed::there() { return innermost != nullptr; }

Tensor Dropout::forward(const Tensor& x) {
  if (!training() || rate_ == 0) return x;
  const auto stream = static_cast<std::int64_t>(hash_bytes(path()).low >> 1);
  return call("dropout", {x, RandomSeed::use()}, {{"rate", rate_}, {"stream", stream}});
}

}  // namespace neap
