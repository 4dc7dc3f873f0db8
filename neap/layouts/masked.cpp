// Masked: the whole matrix, and which of its elements count. It saves no bytes; training that changes the mask needs nothing else.
#include <cstring>

#include "neap/base/stream.h"
#include "neap/layouts/packing.h"

namespace neap::masked_layout {
namespace {

const std::vector<std::string> component_names = {"values", "mask"};

void check_mask(const Call& call, DType mask) {
  if (mask != DType::boolean) call.fail(fmt::format("the mask is {}", name(mask)), "cast it to bool");
}

StoredPoints points(Definition& d, int first) {
  check_mask(d.call(), d.dtype(first));
  const Axis row = d.axis("r", d.call().dims("size")[0]), column = d.axis("c", d.call().dims("size")[1]);
  const std::vector<Expr> place{axis_position(row), axis_position(column)};
  return {{row, column}, place[0], place[1], place, d.read(first, place)};
}

// A choice point by point, of arrays of any rank, which fuses with whatever stands around it.
Var dense(Builder& build, const std::vector<Var>& operands, const Call& call) {
  check_mask(call, operands[1].dtype());
  if (!(operands[0].shape() == call.dims("size")))
    call.fail(fmt::format("values: sizes are {}, not {}", to_string(operands[0].shape()), to_string(call.dims("size"))));
  return build.call("where", {operands[1], operands[0], build.zeros_like(operands[0])});
}

std::vector<Array> pack(const Array& dense, const Array& keep, const Attributes&) {
  const Selection from(dense, keep);
  Array values(dense.dtype(), dense.sizes()), mask(DType::boolean, dense.sizes());
  const bool past_caches = is_past_caches(dense.bytes());
  const auto store = masks::loops().masked[from.element()];
  from.for_each_part([&](const RowRange& part) {
    const std::int64_t bytes = from.columns() * size_of(dense.dtype());
    for (std::int64_t r = part.begin; r < part.end; ++r) {
      from.check_flags(r, 1);
      store(from.columns(), from.mask_from(r), dense.raw() + r * bytes, values.raw() + r * bytes, past_caches);
      std::byte* const to = mask.raw() + r * from.columns();
      if (past_caches) {
        copy_past_caches(from.mask_from(r), to, from.columns());
      } else {
        std::memcpy(to, from.mask_from(r), static_cast<std::size_t>(from.columns()));
      }
    }
    end_past_caches();
  });
  return {values, mask};
}

void check(const std::vector<Array>& components, const Sizes& size, const Attributes&) {
  const ComponentCheck check("masked", components, component_names);
  check.sizes(0, size);
  check.sizes(1, size);
  if (components[1].dtype() != DType::boolean) check.fail(1, fmt::format("elements are {}, not bool", name(components[1].dtype())));
}

const RegisterLayout masked{{.name = "masked",
                             .about = "a dense matrix and a mask",
                             .components = {{"values"}, {"mask"}},
                             .points = points,
                             .values_shape = as_places,
                             .place_shapes = [](const Call& call, int) { return std::vector<Shape>{call.dims("size")}; },
                             .pack = pack,
                             .check = check,
                             .dense = dense,
                             .leaves_out = false}};

}  // namespace
}  // namespace neap::masked_layout
