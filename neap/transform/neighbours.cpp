#include "neap/transform/neighbours.h"

#include <unordered_set>

namespace neap {

std::vector<Site> neighbouring_maps(const Draft& draft, int least_rank, std::size_t most_readers) {
  std::vector<Site> sites;
  std::unordered_set<std::uint64_t> seen;  // pairs
  seen.reserve(draft.node_count() * 2);
  const auto offer = [&](int i, int j) {
    if (i == j || !draft.node(i).is_map() || !draft.node(j).is_map()) return;
    const ValueId a = draft.node(i).outputs[0], b = draft.node(j).outputs[0];
    const std::uint64_t pair = static_cast<std::uint64_t>(a) << 32 | static_cast<std::uint64_t>(b);
    if (seen.insert(pair).second) sites.push_back({{a, b}});
  };
  for (ValueId value = 0; value < draft.value_count(); ++value) {
    if (!draft.is_there(value) || draft.users(value).empty() || draft.users(value).size() > most_readers ||
        draft.type(value).rank() < least_rank)
      continue;
    const std::vector<int> users = draft.users_in_order(value);
    const int producer = draft.producer(value);
    for (std::size_t i = 0; i < users.size(); ++i) {
      if (producer >= 0) offer(producer, users[i]);
      for (std::size_t j = i + 1; j < users.size(); ++j) offer(users[i], users[j]);
    }
  }
  return sites;
}

}  // namespace neap
