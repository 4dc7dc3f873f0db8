// The prelude's functions of f32 against the C library in double precision, over every 4999th float and the special ones, in the vector and
// the scalar form and for each instruction set: the bounds that neap/codegen/prelude/math.h states.
#include "neap/codegen/prelude.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "neap/base/file.h"
#include "neap/base/machine.h"
#include "neap/codegen/compiler.h"

namespace neap::prelude_test {
namespace {

struct Function {
  const char* name;
  double (*exact)(double);
  double bound, bound_without_fma;  // units in the last place
};

const Function functions[] = {
    {"exp", [](double x) { return std::exp(x); }, 1, 2},
    {"expm1", [](double x) { return std::expm1(x); }, 2, 3},
    {"log", [](double x) { return std::log(x); }, 1, 2},
    {"log1p", [](double x) { return std::log1p(x); }, 2, 3},
    {"tanh", [](double x) { return std::tanh(x); }, 2, 3},
    {"sigmoid", [](double x) { return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x)); }, 3, 3},
    {"erf", [](double x) { return std::erf(x); }, 1, 4},
    {"rsqrt", [](double x) { return 1 / std::sqrt(x); }, 1.5, 1.5},
};

std::vector<float> sweep() {
  std::vector<float> all;
  for (std::uint64_t bits = 0; bits < (std::uint64_t{1} << 32); bits += 4999)
    all.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(bits)));
  using limits = std::numeric_limits<float>;
  for (const float x : {0.0F, limits::infinity(), limits::quiet_NaN(), limits::denorm_min(), limits::min(), limits::max(), 1.0F, 0.625F,
                        0.927734375F, 88.72283F, 88.72284F, 87.33654F, 103.97208F, 103.97209F, 1e-8F}) {
    all.insert(all.end(), {x, -x, std::nextafter(x, -1.0F), std::nextafter(x, 200.0F)});
  }
  while (all.size() % 16 != 0) all.push_back(1.0F);
  for (int i = 0; i < 16 * 16; ++i) all.push_back(i % 17 == 0 ? -100.0F : 1.0F);  // one lane of a vector far from the others
  return all;
}

std::string source() {
  std::string text = std::string(kernel_prelude) + "namespace neap::kernel {\n";
  for (const Function& f : functions) {
    text += fmt::format(
        "extern \"C\" void vector_{0}(const f32* x, f32* y, i64 n) {{\n"
        "  for (i64 i = 0; i < n; i += lanes32) store(y + i, {0}(load(x + i)));\n}}\n"
        "extern \"C\" void scalar_{0}(const f32* x, f32* y, i64 n) {{\n"
        "  for (i64 i = 0; i < n; ++i) y[i] = {0}(x[i]);\n}}\n"
        "#ifdef NEAP_HALF_VECTORS\n"
        "extern \"C\" void half_{0}(const f32* x, f32* y, i64 n) {{\n"
        "  for (i64 i = 0; i < n; i += 8) store_vector(y + i, {0}(load_vector<f32h>(x + i)));\n}}\n"
        "#endif\n",
        f.name);
  }
  return text + "}  // namespace neap::kernel\n";
}

// How far `got` lies from `exact`, in units in the last place of the float next to it.
double units(float got, double exact) {
  const auto nearest = static_cast<float>(exact);
  if (std::isnan(exact) || std::isnan(got)) return std::isnan(exact) && std::isnan(got) ? 0 : HUGE_VAL;
  if (got == nearest) return std::signbit(got) == std::signbit(exact) || exact != 0 ? 0 : HUGE_VAL;
  if (std::isinf(got) || std::isinf(nearest)) return std::abs(std::isinf(got) ? nearest : got) >= 0x1.fffffcp127F ? 1 : HUGE_VAL;
  const double last_place = std::ldexp(1, std::max(std::ilogb(static_cast<double>(nearest == 0 ? got : nearest)) - 23, -149));
  return std::abs(got - exact) / last_place;
}

TEST(Prelude, FunctionsKeepTheirBounds) {
  const std::vector<float> x = sweep();
  std::vector<std::vector<double>> exact;
  for (const Function& f : functions) {
    exact.emplace_back();
    for (const float at : x) exact.back().push_back(f.exact(at));
  }
  for (const Isa isa : {Isa::portable, Isa::avx2, Isa::avx512}) {
    if (!supports(isa)) continue;
    const TemporaryFolder folder;
    const std::string library = (folder.path() / "functions.so").string();
    compile_library({source()}, isa, library);
    const SharedObject compiled(library);
    for (std::size_t k = 0; k < std::size(functions); ++k) {
      const Function& f = functions[k];
      const auto results = [&](const char* form) {
        std::vector<float> y(x.size());
        using Sweep = void (*)(const float*, float*, std::int64_t);
        reinterpret_cast<Sweep>(compiled.symbol(fmt::format("{}_{}", form, f.name)))(x.data(), y.data(),
                                                                                     static_cast<std::int64_t>(x.size()));
        return y;
      };
      const std::vector<float> vector = results("vector"), scalar = results("scalar");
      if (isa == Isa::avx512) {
        EXPECT_EQ(std::memcmp(results("half").data(), vector.data(), x.size() * sizeof(float)), 0) << f.name << " of half a vector";
      }
      double worst = 0;
      std::size_t where = 0, other_bits = 0;
      for (std::size_t i = 0; i < x.size(); ++i) {
        const double off = units(vector[i], exact[k][i]);
        if (off > worst) {
          worst = off;
          where = i;
        }
        other_bits += !std::isnan(vector[i]) && std::bit_cast<std::uint32_t>(vector[i]) != std::bit_cast<std::uint32_t>(scalar[i]);
        other_bits += std::isnan(vector[i]) != std::isnan(scalar[i]);
      }
      EXPECT_LE(worst, isa == Isa::portable ? f.bound_without_fma : f.bound)
          << f.name << ", " << name(isa) << ": at " << fmt::format("{}", x[where]) << " it is " << fmt::format("{}", vector[where])
          << ", not " << exact[k][where];
      EXPECT_EQ(other_bits, 0U) << f.name << ", " << name(isa) << ": a lane differs from the scalar form";
    }
  }
}

}  // namespace
}  // namespace neap::prelude_test
