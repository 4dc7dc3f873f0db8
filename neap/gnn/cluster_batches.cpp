#include <algorithm>

#include "neap/base/error.h"
#include "neap/data/sampler.h"
#include "neap/gnn/batch.h"
#include "neap/gnn/partition.h"

namespace neap::gnn {

ClusterBatches::ClusterBatches(std::shared_ptr<const GraphData> data, std::int64_t parts, std::int64_t parts_a_batch, std::uint64_t seed)
    : data_(std::move(data)), members_(members(partition(data_->graph, parts, seed))), parts_a_batch_(parts_a_batch), seed_(seed) {
  if (parts_a_batch < 1) throw Error(fmt::format("{} parts a batch", parts_a_batch), "clusters", "use 1 or more");
}

std::int64_t ClusterBatches::batches() const { return (static_cast<std::int64_t>(members_.size()) + parts_a_batch_ - 1) / parts_a_batch_; }

std::vector<VertexId> ClusterBatches::vertices(std::int64_t epoch, std::int64_t batch) const {
  if (batch < 0 || batch >= batches()) throw Error(fmt::format("there is no batch {} among {}", batch, batches()), "clusters");
  const auto parts = static_cast<std::int64_t>(members_.size());
  const std::vector<std::int64_t> order = Sampler(parts, true, seed_).order(epoch);
  std::vector<VertexId> all;
  for (std::int64_t at = batch * parts_a_batch_; at < std::min(parts, (batch + 1) * parts_a_batch_); ++at) {
    const auto& part = members_[static_cast<std::size_t>(order[static_cast<std::size_t>(at)])];
    all.insert(all.end(), part.begin(), part.end());
  }
  std::ranges::sort(all);
  return all;
}

GraphData ClusterBatches::batch(std::int64_t epoch, std::int64_t batch) const { return induced(*data_, vertices(epoch, batch)); }

}  // namespace neap::gnn
