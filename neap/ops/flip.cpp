// Elements in another order along an axis: turned round, or rolled.
#include <algorithm>

#include "neap/ops/builder.h"

namespace neap::flip_operator {
namespace {

const Register flip_operator{
    {.name = "flip",
     .about = "y[i] = x[n - 1 - i] along axes",
     .inputs = {{"x"}},
     .attributes = {{"axes", std::vector<std::int64_t>{}, "which axes; none means all"}},
     .define =
         [](Definition& d) {
           const std::vector<int> turned = d.call().axes("axes", d.call().input(0).rank());
           const std::vector<Axis> axes = d.axes_like(0);
           std::vector<Expr> index = positions(axes);
           for (const int axis : turned) {
             Expr& at = index[static_cast<std::size_t>(axis)];
             at = Expr(d.size(0, axis) - Dim(1)) - at;
           }
           d.output(d.dtype(0), axes, d.read(0, index));
         },
     .gradient = [](const GradientContext& g) { return std::vector<Var>{g.build.call("flip", {g.cotangents[0]}, g.call.attributes())}; }}};

const Register roll_operator{{.name = "roll",
                              .about = "y[i] = x[(i - shift) mod n] along axes",
                              .inputs = {{"x"}},
                              .attributes = {{"shifts", std::vector<std::int64_t>{}, "by how many elements, one an axis", true},
                                             {"axes", std::vector<std::int64_t>{}, "which axes, in the order of shifts", true}},
                              .define =
                                  [](Definition& d) {
                                    const std::vector<std::int64_t>&shifts = d.call().integers("shifts"),
                                          &wanted = d.call().integers("axes");
                                    if (shifts.size() != wanted.size())
                                      d.call().fail(fmt::format("{} shifts for {} axes", shifts.size(), wanted.size()));
                                    const int rank = d.call().input(0).rank();
                                    if (!wanted.empty()) d.call().axes("axes", rank);  // refuses what is no axis, or named twice
                                    const std::vector<Axis> axes = d.axes_like(0);
                                    std::vector<Expr> index = positions(axes);
                                    for (std::size_t i = 0; i < wanted.size(); ++i) {
                                      const auto axis = static_cast<std::size_t>(wanted[i] < 0 ? wanted[i] + rank : wanted[i]);
                                      index[axis] = make(Scalar::mod, {index[axis] - Expr(shifts[i]), Expr(axes[axis].extent)});
                                    }
                                    d.output(d.dtype(0), axes, d.read(0, index));
                                  },
                              .gradient =
                                  [](const GradientContext& g) {
                                    Attributes back = g.call.attributes();
                                    std::vector<std::int64_t> shifts = g.call.integers("shifts");
                                    for (std::int64_t& shift : shifts) shift = -shift;
                                    back["shifts"] = shifts;
                                    return std::vector<Var>{g.build.call("roll", {g.cotangents[0]}, back)};
                                  }}};

}  // namespace
}  // namespace neap::flip_operator
