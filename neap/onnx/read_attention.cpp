// Attention (since opset 23): heads, earlier keys, masks and windows around the operator `attention`, or its parts where a step of
// Attention's lies between them. Values are [N, heads, positions, features] inside.
#include <cmath>

#include "neap/onnx/reader.h"
#include "neap/ops/composition.h"

namespace neap::read_attention_onnx {
namespace {

// [N,S,heads*F] as [N,heads,S,F]; what has four axes stays.
Var split_heads(const OnnxNode& node, const Var& x, const char* heads_attribute) {
  const std::int64_t heads = node.integer(heads_attribute, 0);
  if (x.rank() == 4) return x;
  Dim features;
  if (x.rank() != 3 || heads < 1 || !Dim::divide_exactly(x.size(2), heads, features))
    node.fail(fmt::format("{} heads ({}) of {}", heads, heads_attribute, x.type().to_string()),
              "[N,heads,S,F], or [N,S,heads*F] with heads");
  return transpose(reshape(x, {x.size(0), x.size(1), heads, features}), {0, 2, 1, 3});
}

// Each head of keys or values stands for the queries' heads that share it, which lie side by side.
Var repeat_heads(const OnnxNode& node, const Var& x, const Dim& heads) {
  if (x.size(1) == heads) return x;
  Dim shared;
  if (!x.size(1).is_constant() || x.size(1).constant() < 1 || !Dim::divide_exactly(heads, x.size(1).constant(), shared))
    node.fail(fmt::format("{} heads of queries share {} of keys", heads.to_string(), x.size(1).to_string()));
  const Shape one{x.size(0), x.size(1), 1, x.size(2), x.size(3)}, all{x.size(0), x.size(1), shared, x.size(2), x.size(3)};
  return reshape(expand(reshape(x, one), all), {x.size(0), heads, x.size(2), x.size(3)});
}

Var counted(Builder& build, const Dim& size, const Shape& shape) {
  return reshape(build.call("arange", {}, {{"size", Shape{size}}, {"dtype", DType::i64}}), shape);
}

// Which keys a query may see, and what is added to its scores; empty where nothing is said.
struct Masks {
  Var allowed, bias;
};

void require(Masks& masks, const Var& condition) {
  masks.allowed = masks.allowed ? condition.build().call("logical_and", {masks.allowed, condition}) : condition;
}

// The mask may be shorter than the keys: those behind its end are not seen.
void add_given_mask(const OnnxNode& node, Masks& masks, const Dim& keys) {
  Var mask = node.input(3);
  if (mask.rank() < 1) node.fail("the mask is one number");
  const bool bools = mask.dtype() == DType::boolean;
  if (!bools && !is_float(mask.dtype())) node.fail("the mask is " + mask.type().to_string(), "bools, or numbers that are added");
  if (!(mask.size(-1) == keys)) {
    Shape rest = mask.shape();
    rest.back() = keys - mask.size(-1);
    if (rest.back().is_constant() && rest.back().constant() < 0)
      node.fail(fmt::format("the mask {} is longer than the {} keys", mask.type().to_string(), keys.to_string()));
    const Var hidden = node.build().full(mask.dtype(), rest, bools ? 0 : -HUGE_VAL);
    mask = node.build().call("concat", {mask, hidden}, {{"axis", std::int64_t{mask.rank() - 1}}});
  }
  if (bools) return require(masks, mask);
  masks.bias = mask;
}

// Conditions on the distance between a query and a key: no later keys, a window to either side.
void add_positions(const OnnxNode& node, Masks& masks, const Dim& queries, const Dim& keys, const Var& first_query) {
  Builder& build = node.build();
  const std::int64_t left = node.integer("left_window_size", -1);
  std::int64_t right = node.integer("right_window_size", -1);
  if (node.flag("is_causal", false)) right = 0;
  if (left < 0 && right < 0) return;
  const Var query = counted(build, queries, {queries, 1}), key = counted(build, keys, {1, keys});
  const Var behind = (first_query ? query + first_query : query) - key;  // how far the key lies before the query
  const auto limit = [&](std::int64_t value) { return build.constant(DType::i64, static_cast<double>(value)); };
  if (left >= 0) require(masks, build.call("less_equal", {behind, limit(left)}));
  if (right >= 0) require(masks, build.call("greater_equal", {behind, limit(-right)}));
}

// Softmax over keys; a query that sees none has zeros.
Var probabilities(const OnnxNode& node, const Var& scores, bool masked) {
  const DType inner = node.dtype("softmax_precision", scores.dtype());
  if (!is_float(inner)) node.fail("softmax_precision is no floating-point type");
  const Var x = cast(scores, inner);
  const Var p = node.build().call("softmax", {x});
  if (!masked) return p;
  const Var nothing = node.build().constant(inner, -HUGE_VAL);
  const Var blind = node.build().call("equal", {max(x, {x.rank() - 1}, true), nothing});
  return where(blind, node.build().constant(inner, 0), p);
}

// The four steps that may be an output: products, after the cap, after masks, as probabilities.
std::vector<Var> scores_of(const OnnxNode& node, const Var& q, const Var& k, const Masks& masks, double scale) {
  Builder& build = node.build();
  Var s = build.call("matmul", {q, k}, {{"transpose_b", true}});
  s = scale == 0 ? s * rsqrt(size_number(build, q.dtype(), q.size(-1))) : s * scale;
  std::vector<Var> all{s};
  const double cap = node.number("softcap", 0);
  if (cap > 0) s = tanh(s / cap) * cap;
  all.push_back(s);
  if (masks.bias) s = s + cast(masks.bias, s.dtype());
  if (masks.allowed) s = where(masks.allowed, s, build.constant(s.dtype(), -HUGE_VAL));
  all.push_back(s);
  all.push_back(cast(probabilities(node, s, masks.bias || masks.allowed), q.dtype()));
  return all;
}

void read_attention(OnnxNode& node) {
  Builder& build = node.build();
  const bool flat = node.rank(0) == 3;
  const Var q = split_heads(node, node.input(0), "q_num_heads");
  Var k = split_heads(node, node.input(1), "kv_num_heads"), v = split_heads(node, node.input(2), "kv_num_heads");
  if (q.rank() != 4 || !is_float(q.dtype()) || k.dtype() != q.dtype()) node.fail("takes floating-point queries, keys and values");
  if (node.has(4) != node.has(5)) node.fail("past_key and past_value stand together");
  if (node.has(4) && node.has(6)) node.fail("past_key and nonpad_kv_seqlen exclude each other");
  Var first_query;  // its place among the keys
  if (node.has(4)) {
    first_query = build.call("size_value", {}, {{"size", Shape{node.input(4).size(2)}}, {"dtype", DType::i64}});
    k = build.call("concat", {node.input(4), k}, {{"axis", std::int64_t{2}}});
    v = build.call("concat", {node.input(5), v}, {{"axis", std::int64_t{2}}});
  }
  const Var present_key = k, present_value = v;
  Masks masks;
  if (node.has(3)) add_given_mask(node, masks, k.size(2));
  if (node.has(6)) {
    const Var valid = reshape(cast(node.input(6), DType::i64), {q.size(0), 1, 1, 1});
    require(masks, build.call("less", {counted(build, k.size(2), {1, k.size(2)}), valid}));
    first_query = valid - build.call("size_value", {}, {{"size", Shape{q.size(2)}}, {"dtype", DType::i64}});
  }
  k = repeat_heads(node, k, q.size(1));
  v = repeat_heads(node, v, q.size(1));
  const double scale = node.number("scale", 0);
  const std::int64_t shown = node.integer("qk_matmul_output_mode", 0);
  if (shown < 0 || shown > 3) node.fail(fmt::format("qk_matmul_output_mode is {}", shown), "0 to 3");
  const bool causal = node.flag("is_causal", false);
  const bool windows = node.integer("left_window_size", -1) >= 0 || node.integer("right_window_size", -1) >= 0;
  const bool plain = !masks.allowed && !masks.bias && !first_query && !windows && node.number("softcap", 0) == 0 && !node.wants(3) &&
                     node.dtype("softmax_precision", q.dtype()) == q.dtype();
  Var y;
  std::vector<Var> scores;
  if (plain) {
    y = build.call("attention", {q, k, v}, {{"scale", scale}, {"causal", causal}});
  } else {
    add_positions(node, masks, q.size(2), k.size(2), first_query);
    scores = scores_of(node, q, k, masks, scale);
    y = matmul(scores[3], v);
  }
  node.give(flat ? reshape(transpose(y, {0, 2, 1, 3}), {y.size(0), y.size(2), y.size(1) * y.size(3)}) : y);
  node.give(present_key);
  node.give(present_value);
  if (!plain) node.give(scores[static_cast<std::size_t>(shown)]);
}

const RegisterOnnx attention{{.type = "Attention", .since = 23, .read = read_attention}};

}  // namespace
}  // namespace neap::read_attention_onnx
