// Operators that pick elements by index: Gather, OneHot, TopK, Trilu, Compress, ReverseSequence, scatters.
#include "neap/onnx/reader.h"

namespace neap::read_index_onnx {
namespace {

using Integers = std::vector<std::int64_t>;

void read_gather(OnnxNode& node) {
  const std::int64_t axis = node.axis(node.integer("axis", 0), node.rank(0));
  node.give(node.build().call("gather", {node.input(0), node.input(1)}, {{"axis", axis}}));
}

// Negative indices count from the end of the new axis.
void read_one_hot(OnnxNode& node) {
  const Var indices = node.input(0);
  const DType dtype = node.type(2).dtype;
  Dim depth;
  if (is_float(node.type(1).dtype)) {
    depth = static_cast<std::int64_t>(node.numbers(1).at(0));
  } else {
    depth = node.sizes(1).at(0);
  }
  const int rank = indices.rank() + 1, axis = node.axis(node.integer("axis", -1), rank);
  Shape apart = indices.shape(), line(static_cast<std::size_t>(rank), Dim(1));
  apart.insert(apart.begin() + axis, Dim(1));
  line[static_cast<std::size_t>(axis)] = depth;
  const Var whole = cast(indices, DType::i64), zero = node.build().constant(DType::i64, 0);
  const Var size = node.build().call("size_value", {}, {{"size", Shape{depth}}, {"dtype", DType::i64}});
  const Var wrapped = where(node.build().call("less", {whole, zero}), whole + size, whole);
  const Var positions = reshape(node.build().call("arange", {}, {{"size", Shape{depth}}, {"dtype", DType::i64}}), line);
  const Var hit = node.build().call("equal", {reshape(wrapped, apart), positions});
  const Var values = node.input(2);  // off, on
  const auto pick = [&](std::int64_t at) {
    return reshape(node.build().call("slice", {values}, {{"starts", Shape{at}}, {"stops", Shape{at + 1}}}), {});
  };
  node.give(cast(where(hit, pick(1), pick(0)), dtype));
}

void read_top_k(OnnxNode& node) {
  const std::int64_t axis = node.axis(node.integer("axis", -1), node.rank(0));
  const Dim k = node.opset() < 10 ? Dim(node.integer("k", 0)) : node.sizes(1).at(0);
  node.ignore("sorted");
  for (const Var& output :
       node.build().calls("top_k", {node.input(0)}, {{"k", Shape{k}}, {"axis", axis}, {"largest", node.flag("largest", true)}}))
    node.give(output);
}

void read_trilu(OnnxNode& node) {
  const std::int64_t diagonal = node.has(1) ? node.integers(1).at(0) : 0;
  const bool upper = node.flag("upper", true);
  node.give(node.build().call(upper ? "triu" : "tril", {node.input(0)}, {{"diagonal", diagonal}}));
}

// Which elements stay must be known: it decides on the sizes.
void read_compress(OnnxNode& node) {
  Var x = node.input(0);
  std::int64_t axis = 0;
  if (node.has("axis")) {
    axis = node.axis(node.integer("axis", 0), x.rank());
  } else {
    x = reshape(x, {element_count(x.shape())});
  }
  const Array condition = node.constant(1);
  Integers kept;
  for (std::int64_t i = 0; i < condition.count(); ++i) {
    if (condition.get_int(i) != 0) kept.push_back(i);
  }
  node.give(node.build().call("gather", {x, node.build().constant(Array::of(kept))}, {{"axis", axis}}));
}

// The first elements of each row turned round, as many as its length says.
void read_reverse_sequence(OnnxNode& node) {
  const Var x = node.input(0), lengths = cast(node.input(1), DType::i64);
  const int time = node.axis(node.integer("time_axis", 0), x.rank()), batch = node.axis(node.integer("batch_axis", 1), x.rank());
  Shape along_time(static_cast<std::size_t>(x.rank()), Dim(1)), along_batch = along_time;
  along_time[static_cast<std::size_t>(time)] = x.size(time);
  along_batch[static_cast<std::size_t>(batch)] = x.size(batch);
  const Var t = reshape(node.build().call("arange", {}, {{"size", Shape{x.size(time)}}, {"dtype", DType::i64}}), along_time);
  const Var n = reshape(lengths, along_batch);
  const Var from = where(node.build().call("less", {t, n}), n - t - 1, t);
  node.give(node.build().call("gather_elements", {x, expand(from, x.shape())}, {{"axis", std::int64_t{time}}}));
}

// Positions of what is not zero, a column each: their number must be known, so the elements must be.
void read_non_zero(OnnxNode& node) {
  const Array x = node.constant(0);
  Integers found;
  for (std::int64_t i = 0; i < x.count(); ++i) {
    if (x.get(i) != 0) found.push_back(i);
  }
  const auto count = static_cast<std::int64_t>(found.size());
  Array positions(DType::i64, {x.rank(), count});
  for (std::int64_t k = 0; k < count; ++k) {
    std::int64_t rest = found[static_cast<std::size_t>(k)];
    for (int axis = x.rank(); axis-- > 0; rest /= x.size(axis)) positions.set_int(axis * count + k, rest % x.size(axis));
  }
  node.give(std::move(positions));
}

const RegisterOnnx readers[] = {
    RegisterOnnx{{.type = "NonZero", .since = 9, .read = read_non_zero}},
    RegisterOnnx{{.type = "Gather", .read = read_gather, .moves = 0}},
    RegisterOnnx{{.type = "OneHot", .since = 9, .read = read_one_hot}},
    RegisterOnnx{{.type = "TopK", .read = read_top_k}},
    RegisterOnnx{{.type = "Trilu", .since = 14, .read = read_trilu}},
    RegisterOnnx{{.type = "Compress", .since = 9, .read = read_compress}},
    RegisterOnnx{{.type = "ReverseSequence", .since = 10, .read = read_reverse_sequence}},
};

}  // namespace
}  // namespace neap::read_index_onnx
