#include <algorithm>

#include "neap/base/error.h"
#include "neap/data/array_dataset.h"
#include "neap/gnn/batch.h"
#include "neap/gnn/partition.h"

namespace neap::gnn {
namespace {

// A loader's batch holds arrays. They are, in this order: seeds, vertices, labels, dense features; offsets, indices, values and columns of
// sparse ones; then of each block offsets, indices, edges, weights.
constexpr std::size_t before_blocks = 8, arrays_a_block = 4;

std::vector<Array> flattened(const SampleBatch& batch) {
  std::vector<Array> arrays = {
      Array::scalar(batch.sample.seeds), batch.sample.vertices,    batch.labels,        batch.dense,
      batch.sparse.csr.offsets,          batch.sparse.csr.indices, batch.sparse.values, Array::scalar(batch.sparse.columns())};
  for (const Block& block : batch.sample.blocks)
    arrays.insert(arrays.end(), {block.rows.offsets, block.rows.indices, block.edges, block.weights});
  return arrays;
}

SampleBatch sampled(const GraphData& data, const SampleVertices& sampler, std::span<const VertexId> seeds, std::int64_t epoch) {
  SampleBatch batch;
  batch.sample = sampler(seeds, epoch);
  const Array& vertices = batch.sample.vertices;
  if (data.dense.count() > 0) batch.dense = rows_at(data.dense, vertices);
  if (data.is_sparse()) batch.sparse = rows_of(data.sparse, vertices.values<VertexId>());
  if (data.labels.count() > 0) batch.labels = rows_at(data.labels, vertices.slice_rows(0, batch.sample.seeds));
  return batch;
}

LoaderOptions with_sampling(LoaderOptions options, std::shared_ptr<const GraphData> data, SampleVertices sampler) {
  options.change = [data = std::move(data), sampler = std::move(sampler), further = options.change](Batch& batch) {
    batch.arrays = flattened(sampled(*data, sampler, batch.arrays[0].values<VertexId>(), batch.epoch));
    if (further) further(batch);
  };
  return options;
}

DatasetPtr seed_dataset(const GraphData& data, const Array& seeds) {
  if (seeds.dtype() != DType::i32 || seeds.rank() != 1)
    throw Error(fmt::format("seeds are {} {}", name(seeds.dtype()), to_string(seeds.sizes())), data.place, "give i32 with one axis");
  for (const VertexId vertex : seeds.values<VertexId>()) {
    if (vertex < 0 || vertex >= data.vertices())
      throw Error(fmt::format("there is no vertex {} among {}", vertex, data.vertices()), data.place, "mend the seeds");
  }
  return array_dataset({"vertex"}, {seeds}, data.class_names, data.place);
}

}  // namespace

SampleLoader::SampleLoader(std::shared_ptr<const GraphData> data, const Array& seeds, SampleVertices sampler, const LoaderOptions& options)
    : loader_(seed_dataset(*data, seeds), with_sampling(options, data, std::move(sampler))) {}

SampleBatch sample_batch(const Batch& batch) {
  const std::vector<Array>& arrays = batch.arrays;
  NEAP_ASSERT(arrays.size() >= before_blocks && (arrays.size() - before_blocks) % arrays_a_block == 0, " {} arrays", arrays.size());
  SampleBatch made;
  made.epoch = batch.epoch;
  made.number = batch.number;
  made.sample.seeds = arrays[0].get_int(0);
  made.sample.vertices = arrays[1];
  made.labels = arrays[2];
  made.dense = arrays[3];
  made.sparse.csr = {.rows = arrays[4].count() - 1, .columns = arrays[7].get_int(0), .offsets = arrays[4], .indices = arrays[5]};
  made.sparse.values = arrays[6];
  for (std::size_t at = before_blocks; at < arrays.size(); at += arrays_a_block) {
    Block block;
    block.rows.offsets = arrays[at];
    block.rows.indices = arrays[at + 1];
    block.rows.rows = block.rows.offsets.count() - 1;
    block.edges = arrays[at + 2];
    block.weights = arrays[at + 3];
    made.sample.blocks.push_back(block);
  }
  std::int64_t columns = made.sample.vertices.count();  // of the first block; each block's targets are what the next one reads
  for (Block& block : made.sample.blocks) {
    block.rows.columns = columns;
    columns = block.rows.rows;
  }
  return made;
}

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
