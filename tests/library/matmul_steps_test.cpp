// Which of oneDNN's implementations a product's parts get.
#include "neap/library/matmul_steps.h"

#include <gtest/gtest.h>

#include <string>

namespace neap::matmul_steps_test {
namespace {

using dnnl::memory;

std::string implementation(const dnnl::primitive& primitive) {
  const_dnnl_primitive_desc_t desc = nullptr;
  const char* name = nullptr;
  EXPECT_EQ(dnnl_primitive_get_primitive_desc(primitive.get(), &desc), dnnl_success);
  EXPECT_EQ(dnnl_primitive_desc_query(desc, dnnl_query_impl_info_str, 0, static_cast<void*>(&name)), dnnl_success);
  return name;
}

// A bias and a function behind a product must not leave its parts to plain loops, whichever way it is cut.
TEST(MatmulSteps, NoPartIsLeftToPlainLoops) {
  for (const std::int64_t rows : {7, 130, 1024}) {
    for (const std::int64_t columns : {100, 1024, 3072}) {
      for (const bool transposed : {false, true}) {
        SCOPED_TRACE(::testing::Message() << rows << " x " << columns << (transposed ? ", transposed" : ""));
        constexpr std::int64_t terms = 768;
        constexpr auto f32 = memory::data_type::f32;
        const memory::dims b_strides = transposed ? memory::dims{1, terms} : memory::dims{columns, 1};
        const onednn::Matmul product{.a = {memory::desc({rows, terms}, f32, memory::dims{terms, 1}), {onednn::Place::input, 0}},
                                     .b = {memory::desc({terms, columns}, f32, b_strides), {onednn::Place::input, 1}},
                                     .y = {memory::desc({rows, columns}, f32, memory::dims{columns, 1}), {onednn::Place::output, 0}},
                                     .ops = {{.algorithm = dnnl::algorithm::binary_add, .operand = 0, .spread = onednn::PostOp::along},
                                             {.algorithm = dnnl::algorithm::eltwise_gelu_erf}},
                                     .first_operand = 2,
                                     .vector_axis = 1};
        const onednn::Steps steps = matmul_steps(product);
        for (const onednn::Steps::Step& step : steps.steps())
          EXPECT_EQ(implementation(step.primitive).find("ref"), std::string::npos) << implementation(step.primitive);
      }
    }
  }
}

}  // namespace
}  // namespace neap::matmul_steps_test
