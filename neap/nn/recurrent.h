// Recurrent layers over time: LSTM (Hochreiter and Schmidhuber 1997) and GRU (Cho et al. 2014, arXiv:1406.1078).
#pragma once
#include "neap/nn/module.h"

namespace neap {

struct RecurrentOptions {
  bool bidirectional = false;
  DType dtype = DType::f32;
};

// x [T, N, in] -> [T, N, D * hidden], D = 2 where bidirectional; T is a known size.
class Recurrent : public Layer {
 public:
  struct Result {
    Tensor output;               // [T, N, D * hidden]
    std::vector<Tensor> states;  // at the end, each [D, N, hidden]: h, and c of an LSTM
  };
  using Layer::operator();  // the output alone, from states of zeros
  Result run(const Tensor& x, const std::vector<Tensor>& states = {});

 protected:
  Recurrent(std::string op, std::int64_t gates, std::int64_t in, std::int64_t hidden, RecurrentOptions options);
  Tensor forward(const Tensor& x) override;

 private:
  Result step_through(const Tensor& x, const std::vector<Tensor>& states);
  std::string op_;
  RecurrentOptions options_;
  std::int64_t hidden_;
  Parameter *input_ = nullptr, *recurrent_ = nullptr,
            *bias_ = nullptr;  // weights [D, gates * hidden, in], [..., hidden]; [D, 2 * gates * hidden]
};

class Lstm : public Recurrent {
 public:
  Lstm(std::int64_t in, std::int64_t hidden, RecurrentOptions options = {}) : Recurrent("lstm", 4, in, hidden, options) {}
};
class Gru : public Recurrent {
 public:
  Gru(std::int64_t in, std::int64_t hidden, RecurrentOptions options = {}) : Recurrent("gru", 3, in, hidden, options) {}
};

}  // namespace neap
