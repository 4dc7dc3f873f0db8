#include "neap/train/vertex_batches.h"

#include <algorithm>

#include "neap/base/error.h"
#include "neap/data/array_dataset.h"
#include "neap/gnn/batch.h"
#include "neap/gnn/partition.h"

namespace neap::gnn {
namespace {

const char* const edge_parts[] = {"offsets", "columns", "t_offsets", "t_rows", "t_order", "weights"};

void add_edge_arrays(std::vector<Array>& arrays, const Csr& csr, const Array& weights) {
  add_edge_arrays(arrays, csr, transpose(csr), weights);
}

// Features of the vertices of a batch: a tensor, or sparse rows.
void add_feature_inputs(std::vector<StepInput>& inputs, const GraphData& data, const Dim& vertices) {
  if (data.is_sparse()) {
    add_edge_inputs(inputs, "features", vertices, data.feature_count(), Dim::symbol("Z"), data.sparse.values.dtype());
  } else {
    inputs.push_back({"features", {data.dense.dtype(), {vertices, data.feature_count()}, {}}});
  }
}

void add_feature_arrays(std::vector<Array>& arrays, const GraphData& data, const Array& vertices) {
  if (data.is_sparse()) {
    const SparseRows rows = rows_of(data.sparse, vertices.values<VertexId>());
    add_edge_arrays(arrays, rows.csr, rows.values);
  } else {
    arrays.push_back(rows_at(data.dense, vertices));
  }
}

// The network's result, by what features are; `edges` is one graph, or a block for each layer.
template <class E>
Tensor applied(GraphNetwork& network, const Tensors& inputs, std::size_t& at, bool sparse, const std::function<E(std::size_t&)>& edges) {
  if (!sparse) {
    const Tensor& x = inputs[at++];
    return network(x, edges(at));
  }
  const Edges x = edges_at(inputs, at, true);
  return network(x, edges(at));
}

// Of a block's edges: as the sampler has weighed them; else, where not all edges into a target were drawn, those that were stand for the
// others too.
Array block_weights(const Block& block, const Array& weights, const Csr& whole, const Array& vertices) {
  const bool weighed = block.weights.rank() > 0;
  if (weights.rank() == 0) {
    if (weighed) throw Error("samples whose edges have weights, of a network that takes none", "sample", "give the weights of all edges");
    return {};
  }
  if (weighed) return block.weights.cast(weights.dtype());
  Array made = rows_at(weights, block.edges);
  for (std::int64_t row = 0; row < block.rows.rows; ++row) {
    const double scale =
        static_cast<double>(whole.length(vertices.get_int(row))) / static_cast<double>(std::max<std::int64_t>(1, block.rows.length(row)));
    for (std::int64_t e = block.rows.begin(row); e < block.rows.end(row); ++e) made.set(e, made.get(e) * scale);
  }
  return made;
}

Array labels_of(const GraphData& data, const Array& vertices) { return rows_at(data.labels, vertices); }

}  // namespace

void add_edge_arrays(std::vector<Array>& arrays, const Csr& csr, const Transpose& transposed, const Array& weights) {
  arrays.insert(arrays.end(), {csr.offsets, csr.indices, transposed.csr.offsets, transposed.csr.indices, transposed.entries});
  if (weights.rank() > 0) arrays.push_back(weights);
}

void add_edge_inputs(std::vector<StepInput>& inputs, const std::string& name, const Dim& rows, const Dim& columns, const Dim& entries,
                     std::optional<DType> weights) {
  const Dim sizes[] = {rows + Dim(1), entries, columns + Dim(1), entries, entries, entries};
  for (std::size_t i = 0; i < (weights ? 6 : 5); ++i) {
    const DType dtype = i == 5 ? *weights : i % 2 == 0 && i < 4 ? DType::i64 : DType::i32;
    inputs.push_back({name + "/" + edge_parts[i], {dtype, {sizes[i]}, {}}});
  }
}

Edges edges_at(const Tensors& inputs, std::size_t& at, bool weighted) {
  Edges edges{
      .offsets = inputs[at], .columns = inputs[at + 1], .t_offsets = inputs[at + 2], .t_rows = inputs[at + 3], .t_order = inputs[at + 4]};
  if (weighted) edges.weights = inputs[at + 5];
  at += weighted ? 6 : 5;
  return edges;
}

VertexBatches sampled_batches(std::shared_ptr<const GraphData> data, SampleVertices sampler, std::size_t layers, std::int64_t batch,
                              const Array& weights) {
  if (batch < 1 || batch > data->training.count()) {
    throw Error(fmt::format("batches of {} of {} training vertices", batch, data->training.count()), data->place, "use smaller batches");
  }
  const bool weighted = weights.rank() > 0;
  const auto vertices_at = [](std::size_t layer) { return Dim::symbol(fmt::format("V{}", layer)); };  // what layer `layer` reads
  VertexBatches made{
      .examples = array_dataset({"vertex"}, {data->training}, data->class_names, data->place), .batch = batch, .shuffle = true};
  made.inputs.push_back({"labels", {DType::i64, {vertices_at(layers)}, {}}});
  add_feature_inputs(made.inputs, *data, vertices_at(0));
  for (std::size_t layer = 0; layer < layers; ++layer) {
    add_edge_inputs(made.inputs, fmt::format("block{}", layer + 1), vertices_at(layer + 1), vertices_at(layer),
                    Dim::symbol(fmt::format("E{}", layer)), weighted ? std::optional(weights.dtype()) : std::nullopt);
  }
  made.prepare = [data, weights, sampler = std::move(sampler)](Batch& given) {
    const Array seeds = given.arrays[0];
    const Sample sample = sampler(seeds.values<VertexId>(), given.epoch);
    given.arrays = {labels_of(*data, seeds)};
    add_feature_arrays(given.arrays, *data, sample.vertices);
    for (const Block& block : sample.blocks) {
      add_edge_arrays(given.arrays, block.rows, block_weights(block, weights, data->graph.incoming(), sample.vertices));
    }
  };
  made.logits = [sparse = data->is_sparse(), weighted, layers](GraphNetwork& network, const Tensors& inputs) {
    std::size_t next = 1;
    return applied<std::vector<Edges>>(network, inputs, next, sparse, [&](std::size_t& at) {
      std::vector<Edges> blocks;
      for (std::size_t layer = 0; layer < layers; ++layer) blocks.push_back(edges_at(inputs, at, weighted));
      return blocks;
    });
  };
  return made;
}

VertexBatches cluster_batches(std::shared_ptr<const GraphData> data, std::int64_t parts, std::int64_t parts_a_batch, std::uint64_t seed) {
  const auto clusters = std::make_shared<const ClusterBatches>(data, parts, parts_a_batch, seed);
  std::vector<bool> trains(static_cast<std::size_t>(data->vertices()));
  for (const VertexId vertex : data->training.values<VertexId>()) trains[static_cast<std::size_t>(vertex)] = true;
  for (const std::vector<VertexId>& part : clusters->parts()) {
    if (std::ranges::any_of(part, [&](VertexId vertex) { return trains[static_cast<std::size_t>(vertex)]; })) continue;
    throw Error(fmt::format("one of {} clusters, of {} vertices, has no training vertex", parts, part.size()), data->place,
                "use fewer clusters");
  }
  std::vector<std::int64_t> numbers(static_cast<std::size_t>(clusters->batches()));
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<std::int64_t>(i);
  VertexBatches made{.examples = array_dataset({"batch"}, {Array::of(numbers)}, data->class_names, data->place)};
  const Dim vertices = Dim::symbol("V"), counted = Dim::symbol("T");
  made.inputs = {{"labels", {DType::i64, {counted}, {}}}, {"vertices", {DType::i64, {counted}, {}}}};
  add_feature_inputs(made.inputs, *data, vertices);
  add_edge_inputs(made.inputs, "graph", vertices, vertices, Dim::symbol("E"), std::nullopt);
  made.prepare = [data, clusters](Batch& given) {
    const std::vector<VertexId> members = clusters->vertices(given.epoch, given.number);
    const GraphData part = induced(*data, members);
    const std::int64_t count = part.training.count();
    Array rows(DType::i64, {count});
    for (std::int64_t i = 0; i < count; ++i) rows.set_int(i, part.training.get_int(i));
    given.arrays = {labels_of(part, part.training), rows};
    add_feature_arrays(given.arrays, *data, Array::of(members));
    add_edge_arrays(given.arrays, part.graph.incoming(), part.graph.outgoing(), {});
    given.indices.clear();
    for (std::int64_t i = 0; i < count; ++i) given.indices.push_back(members[static_cast<std::size_t>(rows.get_int(i))]);
  };
  made.logits = [sparse = data->is_sparse()](GraphNetwork& network, const Tensors& inputs) {
    std::size_t next = 2;
    const Tensor all = applied<Edges>(network, inputs, next, sparse, [&](std::size_t& at) { return edges_at(inputs, at, false); });
    return take(all, inputs[1]);
  };
  return made;
}

}  // namespace neap::gnn
