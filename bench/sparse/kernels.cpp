// Sparse products against dense ones by oneDNN, in the shapes of BERT's linear layers: all that a call packs is in its time. Then the
// products that gradients take, and the crossover over densities.
#include <fmt/format.h>

#include <cmath>
#include <map>

#include "bench/core/bare.h"
#include "bench/core/graphs.h"
#include "bench/demo_step.h"
#include "bench/harness.h"
#include "neap/base/error.h"
#include "neap/library/sparse_kernels.h"
#include "tests/library/sparse_matrices.h"

namespace neap::bench::kernels_topic {
namespace {

using sparse::Count;

struct Shape {
  Count rows, columns, tokens;
  std::string text() const { return fmt::format("{}x{}, {} tokens", rows, columns, tokens); }
};

// x, y and dy of a shape, and W with all its elements.
struct Dense {
  Shape shape;
  Array w, x, dy, y;

  explicit Dense(const Shape& of)
      : shape(of),
        w(random_array({of.rows, of.columns}, 1)),
        x(random_array({of.columns, of.tokens}, 2)),
        dy(random_array({of.rows, of.tokens}, 3)),
        y(DType::f32, {std::max(of.rows, of.columns), of.tokens}) {}

  sparse::Product product(bool transposed) {
    return {.x = (transposed ? dy : x).values<float>().data(),
            .x_stride = shape.tokens,
            .y = y.values<float>().data(),
            .y_stride = shape.tokens,
            .width = shape.tokens,
            .threads = thread_count()};
  }
};

// A sparse matrix of some kind, of a shape, whose values stand in large pages, as those of a graph do.
struct Sparse {
  std::string name;
  std::shared_ptr<sparse::RandomMatrix> matrix;
  std::function<void(const sparse::Product&)> multiply, multiply_transposed;
  std::function<void(const sparse::SampledProduct&)> multiply_sampled;

  template <class Matrix>
  Sparse(std::string called, std::shared_ptr<Matrix> of) : name(std::move(called)), matrix(of) {
    Array values(DType::f32, {static_cast<Count>(of->values.size())});
    std::copy(of->values.begin(), of->values.end(), values.values<float>().begin());
    const auto laid = [of, values] {
      auto made = of->matrix();
      made.values = values.values<float>().data();
      return made;
    };
    multiply = [laid](const auto& product) { sparse::multiply(laid(), product); };
    multiply_transposed = [laid](const auto& product) { sparse::multiply_transposed(laid(), product); };
    multiply_sampled = [laid](const auto& product) { sparse::multiply_sampled(laid(), product); };
  }
};
Sparse nmg(const Shape& shape, int n, int m, Count g) {
  return {fmt::format("{}:{}:{}", n, m, g), std::make_shared<sparse::RandomNmg>(shape.rows, shape.columns, n, m, g)};
}
Sparse blocks(const Shape& shape, int height, double density) {
  const std::string kind = height == 1 ? "CSR" : fmt::format("{}x1 blocks", height);
  return {fmt::format("{} at density {:g}", kind, density),
          std::make_shared<sparse::RandomBlocks>(shape.rows, shape.columns, height, 1, density)};
}

// A result is checked before it is timed: y or the gradient of x in a few of its elements.
void check(const Sparse& of, const Dense& dense, bool transposed) {
  const auto x = (transposed ? dense.dy : dense.x).values<float>(), y = dense.y.values<float>();
  std::map<Count, double> wanted;
  const Count last = (transposed ? dense.shape.columns : dense.shape.rows) - 1;
  for (const sparse::Stored& each : of.matrix->stored) {
    const Count to = transposed ? each.column : each.row, from = transposed ? each.row : each.column;
    if (to != 0 && to != last) continue;
    wanted[to] += static_cast<double>(of.matrix->values[static_cast<std::size_t>(each.place)]) *
                  x[static_cast<std::size_t>((from + 1) * dense.shape.tokens - 1)];
  }
  for (const auto& [row, sum] : wanted) {
    const float ours = y[static_cast<std::size_t>((row + 1) * dense.shape.tokens - 1)];
    if (!(std::abs(ours - sum) < 1e-2)) throw Error(fmt::format("{}: {} in place of {}", of.name, ours, sum), "bench sparse kernels");
  }
}

// Seconds by round of oneDNN's product, the faster of its two ways, and of others beside it.
struct Timed {
  std::vector<double> dense;
  std::vector<std::vector<double>> others;
};
Timed timed(const Array& a, const Array& b, const std::vector<Candidate>& others, Clock clock) {
  BareMatmul primitive(a, b);
  Array y(DType::f32, {a.size(0), b.size(1)});
  const auto sgemm = [&] {
    dnnl_sgemm('N', 'N', a.size(0), b.size(1), a.size(1), 1, a.values<float>().data(), a.size(1), b.values<float>().data(), b.size(1), 0,
               y.values<float>().data(), b.size(1));
  };
  std::vector<Candidate> candidates{{"primitive", [&] { primitive.run(); }}, {"sgemm", sgemm}};
  candidates.insert(candidates.end(), others.begin(), others.end());
  std::vector<std::vector<double>> seconds = interleave(candidates, {.rounds = 15, .seconds = 0.01, .clock = clock});
  const bool better = median(seconds[0]) < median(seconds[1]);
  return {seconds[better ? 0 : 1], {seconds.begin() + 2, seconds.end()}};
}

double best(const std::vector<double>& seconds) { return *std::min_element(seconds.begin(), seconds.end()); }

struct Judged {
  Sparse of;
  std::optional<double> target;  // of medians
  std::optional<double> of_best = std::nullopt;
};

void forward(Rows& rows, const Shape& shape) {
  Dense dense(shape);
  const std::vector<Judged> all = {{nmg(shape, 2, 4, 16), 1.4, 1.7},    {nmg(shape, 2, 8, 14), 2.6},   {nmg(shape, 1, 10, 16), 4.0},
                                   {blocks(shape, 4, 0.5), 1.7},        {blocks(shape, 4, 0.25), 3.0}, {blocks(shape, 4, 0.1), 5.5},
                                   {blocks(shape, 1, 0.25), 2.2},       {blocks(shape, 1, 0.1), 4.0},  {blocks(shape, 8, 1), 0.95},
                                   {nmg(shape, 1, 4, 16), std::nullopt}};
  std::vector<Candidate> candidates;
  for (const Judged& each : all) {
    each.of.multiply(dense.product(false));
    check(each.of, dense, false);
    candidates.push_back({each.of.name, [&] { each.of.multiply(dense.product(false)); }});
  }
  candidates.push_back({"dense", [&] {
                          sparse::multiply(sparse::DenseMatrix{shape.rows, shape.columns, dense.w.values<float>().data(), shape.columns},
                                           dense.product(false));
                        }});
  const Timed seconds = timed(dense.w, dense.x, candidates, thread_count() == 1 ? Clock::thread : Clock::wall);
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const std::vector<double>& ours = seconds.others[i];
    const std::optional<double> target = i < all.size() ? all[i].target : std::nullopt;
    const std::string name = i < all.size() ? all[i].of.name : "dense, packed in the call";
    rows.add(against(fmt::format("{}{}, {}", threads_text(), shape.text(), name), "us", 1e6, ours, seconds.dense, "oneDNN dense", target));
    if (i < all.size() && all[i].of_best) {
      Row row = rows.all().back();
      row.name += ", best";
      row.ours = best(ours) * 1e6;
      row.other = best(seconds.dense) * 1e6;
      row.ratio = best(seconds.dense) / best(ours);
      row.target = all[i].of_best;
      rows.add(std::move(row));
    }
  }
}

// What gradients take: dx = W^T dy, and dW = dy x^T at the stored places.
void backward(Rows& rows, const Shape& shape) {
  Dense dense(shape);
  const std::vector<Sparse> all = {nmg(shape, 2, 4, 16), nmg(shape, 2, 8, 14), blocks(shape, 4, 0.5), blocks(shape, 4, 0.1),
                                   blocks(shape, 1, 0.1)};
  std::vector<Candidate> transposed, sampled;
  std::vector<Array> values;
  for (const Sparse& each : all) {
    each.multiply_transposed(dense.product(true));
    check(each, dense, true);
    transposed.push_back({each.name, [&] { each.multiply_transposed(dense.product(true)); }});
    values.emplace_back(DType::f32, Sizes{static_cast<Count>(each.matrix->values.size())});
    sampled.push_back({each.name, [&, to = values.back().values<float>().data()] {
                         each.multiply_sampled({.dy = dense.dy.values<float>().data(),
                                                .dy_stride = shape.tokens,
                                                .x = dense.x.values<float>().data(),
                                                .x_stride = shape.tokens,
                                                .values = to,
                                                .width = shape.tokens,
                                                .threads = thread_count()});
                       }});
  }
  const auto turned = [](const Array& from) {
    Array to(DType::f32, {from.size(1), from.size(0)});
    for (Count i = 0; i < from.count(); ++i) to.set(i % from.size(1) * from.size(0) + i / from.size(1), from.get(i));
    return to;
  };
  const Timed dx = timed(turned(dense.w), dense.dy, transposed, Clock::thread),
              dw = timed(dense.dy, turned(dense.x), sampled, Clock::thread);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::string name = fmt::format("{}, {}", shape.text(), all[i].name);
    rows.add(against(name + ", dx", "us", 1e6, dx.others[i], dx.dense, "oneDNN dense", std::nullopt));
    rows.add(against(name + ", dw", "us", 1e6, dw.others[i], dw.dense, "oneDNN dense", std::nullopt));
  }
}

void crossover(Rows& rows) {
  const Shape shape{768, 768, 384};
  Dense dense(shape);
  std::vector<Sparse> all;
  for (const double density : {1.0, 0.7, 0.5, 0.35, 0.25, 0.1, 0.05, 0.02, 0.01}) {
    all.push_back(blocks(shape, 1, density));
    all.push_back(blocks(shape, 4, density));
  }
  std::vector<Candidate> candidates;
  for (const Sparse& each : all) candidates.push_back({each.name, [&] { each.multiply(dense.product(false)); }});
  const Timed seconds = timed(dense.w, dense.x, candidates, Clock::thread);
  for (std::size_t i = 0; i < all.size(); ++i)
    rows.add(against("crossover, " + all[i].name, "us", 1e6, seconds.others[i], seconds.dense, "oneDNN dense", std::nullopt));
}

void run(Rows& rows) {
  {
    const Threads one(1);
    for (const Shape& shape : {Shape{768, 768, 192},
                               {768, 768, 384},
                               {768, 768, 1024},
                               {3072, 768, 384},
                               {768, 3072, 384},
                               {3072, 768, 1024},
                               {768, 3072, 1024}})
      forward(rows, shape);
    backward(rows, {768, 768, 384});
    crossover(rows);
  }
  if (machine().cores > 1) {
    const Threads two(2);
    for (const Shape& shape : {Shape{768, 768, 1024}, {3072, 768, 1024}, {768, 3072, 1024}}) forward(rows, shape);
  }
}

const RegisterTopic topic{{"kernels", "sparse products against dense ones, one thread and two", run}};

}  // namespace
}  // namespace neap::bench::kernels_topic
