// Pooling over the spatial axes of [N, C, ...].
#pragma once
#include "neap/nn/conv.h"

namespace neap {

struct PoolOptions {
  PerAxis stride = 0;  // 0: the window's size
  PerAxis padding = 0;
};

// The largest, or the mean, of each window: [N, C, H, W] -> [N, C, H', W'], for as many spatial axes as the input has.
class Pool : public Layer {
 public:
  Pool(std::string op, PerAxis window, PoolOptions options)
      : op_(std::move(op)), window_(std::move(window)), options_(std::move(options)) {}

 protected:
  Tensor forward(const Tensor& x) override;

 private:
  std::string op_;
  PerAxis window_;
  PoolOptions options_;
};

class MaxPool : public Pool {
 public:
  explicit MaxPool(PerAxis window, PoolOptions options = {}) : Pool("max_pool", std::move(window), std::move(options)) {}
};
class AveragePool : public Pool {
 public:
  explicit AveragePool(PerAxis window, PoolOptions options = {}) : Pool("average_pool", std::move(window), std::move(options)) {}
};

// [N, C, ...] -> [N, C]: the mean of each channel.
class GlobalAveragePool : public Layer {
 protected:
  Tensor forward(const Tensor& x) override;
};

}  // namespace neap
