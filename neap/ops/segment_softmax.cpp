// Softmax over the entries of each row of a ragged axis (CSR): the attention of a vertex over its neighbours. A row without entries has no
// results; one of nothing but -inf gives NaN, as softmax does.
#include "neap/ops/composition.h"

namespace neap::segment_softmax_operator {
namespace {

const Register segment_softmax{{.name = "segment_softmax",
                                .about = "exp(v[e] - max v) / sum exp(v - max v) over the entries of e's row",
                                .inputs = {{"values"}, {"offsets"}},
                                .compose =
                                    [](Builder& build, const std::vector<Var>& x, const Call& call) {
                                      if (!is_float(x[0].dtype())) call.fail("takes floating-point values", "cast first");
                                      if (x[0].rank() == 0) call.fail("values have an axis of entries");
                                      const auto spread = [&](const Var& rows) {
                                        return build.call("segment_broadcast", {rows, x[1]}, {{"entries", Shape{x[0].size(0)}}});
                                      };
                                      const Var e = exp(x[0] - spread(build.call("segment_max", {x[0], x[1]})));
                                      return std::vector<Var>{e / spread(build.call("segment_sum", {e, x[1]}))};
                                    },
                                .gradient =
                                    [](const GradientContext& g) {
                                      const Var &y = g.outputs[0], &dy = g.cotangents[0];
                                      const Var row = g.build.call("segment_sum", {y * dy, g.inputs[1]});
                                      return std::vector<Var>{
                                          y * (dy - g.build.call("segment_broadcast", {row, g.inputs[1]}, {{"entries", Shape{y.size(0)}}})),
                                          Var()};
                                    },
                                .shape =
                                    [](const Call& call) {
                                      return std::vector<Type>{{call.input(0).dtype, call.input(0).shape, {}}};
                                    }}};

}  // namespace
}  // namespace neap::segment_softmax_operator
