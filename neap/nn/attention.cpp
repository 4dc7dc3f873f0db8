#include "neap/nn/attention.h"

#include "neap/base/error.h"

namespace neap {

MultiheadAttention::MultiheadAttention(std::int64_t features, std::int64_t heads, AttentionOptions options)
    : features_(features),
      heads_(heads),
      causal_(options.causal),
      query_(add<Linear>("query", features, features, LinearOptions{options.bias, options.dtype})),
      key_(add<Linear>("key", features, features, LinearOptions{options.bias, options.dtype})),
      value_(add<Linear>("value", features, features, LinearOptions{options.bias, options.dtype})),
      output_(add<Linear>("output", features, features, LinearOptions{options.bias, options.dtype})) {
  if (heads < 1 || features % heads != 0) throw Error(fmt::format("{} features do not divide into {} heads", features, heads));
}

Tensor MultiheadAttention::operator()(const Tensor& query, const Tensor& key, const Tensor& value, const Tensor& mask) {
  const Scope scope(path());
  return attend(query, key, value, mask);
}

// [N, P, features] -> [N, heads, P, features / heads]
Tensor MultiheadAttention::split_heads(const Tensor& x) const {
  return x.reshape({x.size(0), x.size(1), heads_, features_ / heads_}).transpose({0, 2, 1, 3});
}

Tensor MultiheadAttention::attend(const Tensor& query, const Tensor& key, const Tensor& value, const Tensor& mask) {
  const Tensor heads =
      call("attention", {split_heads(query_(query)), split_heads(key_(key)), split_heads(value_(value)), mask}, {{"causal", causal_}});
  return output_(heads.transpose({0, 2, 1, 3}).reshape({query.size(0), query.size(1), features_}));
}

}  // namespace neap
