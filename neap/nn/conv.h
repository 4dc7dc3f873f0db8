// Convolution over 1 to 3 spatial axes: [N, in, ...] -> [N, out, ...]. As many groups as channels make it depthwise.
#pragma once
#include <initializer_list>

#include "neap/nn/module.h"

namespace neap {

// One number for each spatial axis, or one for all of them.
struct PerAxis {
  std::vector<std::int64_t> numbers;
  PerAxis(std::int64_t all) : numbers{all} {}                           // NOLINT
  PerAxis(int all) : numbers{all} {}                                    // NOLINT
  PerAxis(std::initializer_list<std::int64_t> each) : numbers(each) {}  // NOLINT
  std::vector<std::int64_t> on(int axes, const char* what) const;       // Error unless there are 1 or `axes` of them
};

struct ConvOptions {
  PerAxis stride = 1;
  PerAxis padding = -1;  // on both sides; -1: half the kernel, so that stride 1 keeps the size of odd kernels
  PerAxis dilation = 1;
  std::int64_t groups = 1;
  bool bias = true;
  DType dtype = DType::f32;
};

class Conv : public Layer {
 public:
  // weight [out, in / groups, kernel...], bias [out]. Error where the channels do not divide into the groups.
  Conv(int spatial_axes, std::int64_t in, std::int64_t out, PerAxis kernel, ConvOptions options = {});

 protected:
  Tensor forward(const Tensor& x) override;

 private:
  Attributes attributes_;
  Parameter* weight_ = nullptr;
  Parameter* bias_ = nullptr;
};

class Conv1d : public Conv {
 public:
  Conv1d(std::int64_t in, std::int64_t out, PerAxis kernel, ConvOptions options = {}) : Conv(1, in, out, kernel, options) {}
};
class Conv2d : public Conv {
 public:
  Conv2d(std::int64_t in, std::int64_t out, PerAxis kernel, ConvOptions options = {}) : Conv(2, in, out, kernel, options) {}
};
class Conv3d : public Conv {
 public:
  Conv3d(std::int64_t in, std::int64_t out, PerAxis kernel, ConvOptions options = {}) : Conv(3, in, out, kernel, options) {}
};

}  // namespace neap
