#include "neap/gnn/graph_data.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <ctime>

#include "neap/base/error.h"
#include "neap/data/dataset.h"
#include "neap/data/sampler.h"

namespace neap::gnn {
namespace {

void check_finite(const Array& values, std::int64_t width, const std::string& place) {
  dispatch(values.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    const auto elements = values.values<T>();
    for (std::size_t i = 0; i < elements.size(); ++i) {
      double value = 0;
      if constexpr (std::is_arithmetic_v<T>) {
        value = static_cast<double>(elements[i]);
      } else {
        value = static_cast<double>(static_cast<float>(elements[i]));
      }
      if (std::isfinite(value)) continue;
      throw Error(width > 0 ? fmt::format("feature {} of vertex {} is {}", i % static_cast<std::size_t>(width),
                                          i / static_cast<std::size_t>(width), value)
                            : fmt::format("entry {} of the features is {}", i, value),
                  place, "fill in what is missing before training");
    }
  });
}

void check_features(const GraphData& data) {
  if (data.is_sparse()) {
    check(data.sparse, data.place);
    if (data.sparse.rows() != data.vertices()) {
      throw Error(fmt::format("features of {} vertices, where the graph has {}", data.sparse.rows(), data.vertices()), data.place,
                  "give a row for each vertex");
    }
    check_finite(data.sparse.values, 0, data.place);
  } else if (data.dense.count() > 0) {
    if (data.dense.rank() != 2 || data.dense.size(0) != data.vertices() || !is_float(data.dense.dtype())) {
      throw Error(fmt::format("features are {} {}, where the graph has {} vertices", name(data.dense.dtype()),
                              to_string(data.dense.sizes()), data.vertices()),
                  data.place, "give floating-point numbers, a row for each vertex");
    }
    check_finite(data.dense, data.dense.size(1), data.place);
  }
  for (const FeatureGroup& group : data.groups) {
    if (group.begin < 0 || group.end < group.begin || group.end > data.feature_count()) {
      throw Error(
          fmt::format("the features {} are the columns {} to {} of {}", shown(group.name), group.begin, group.end, data.feature_count()),
          data.place);
    }
  }
}

void check_split(const GraphData& data) {
  std::vector<const char*> part_of(static_cast<std::size_t>(data.vertices()), nullptr);
  const std::array<std::pair<const char*, const Array*>, 3> parts = {
      {{"training", &data.training}, {"validation", &data.validation}, {"test", &data.test}}};
  for (const auto& [part, vertices] : parts) {
    if (vertices->count() == 0) continue;
    for (const VertexId vertex : vertices->values<VertexId>()) {
      if (vertex < 0 || vertex >= data.vertices()) {
        throw Error(fmt::format("there is no vertex {} among {}, which the {} part names", vertex, data.vertices(), part), data.place,
                    "mend the split");
      }
      const auto at = static_cast<std::size_t>(vertex);
      if (part_of[at] != nullptr)
        throw Error(fmt::format("vertex {} is in the {} part and in the {} part", vertex, part_of[at], part), data.place, "mend the split");
      part_of[at] = part;
      if (data.labels.count() == 0 || data.labels.get_int(vertex) < 0) {
        throw Error(fmt::format("vertex {} of the {} part has no label", vertex, part), data.place,
                    "leave it out of the split, or give it a label");
      }
    }
  }
}

Array sorted_ids(std::vector<std::int64_t> ids, std::int64_t begin, std::int64_t end) {
  std::vector<VertexId> part(ids.begin() + begin, ids.begin() + end);
  std::ranges::sort(part);
  return Array::of(part);
}

}  // namespace

Hash GraphData::version() const {
  Hasher hasher;
  hasher.add(graph.version().low).add(graph.version().high);
  const SparseRows rows = is_sparse() ? sparse : SparseRows{};  // files leave out a matrix without columns
  for (const Array* array : {&dense, &rows.csr.offsets, &rows.csr.indices, &rows.values, &labels, &training, &validation, &test}) {
    if (array->count() > 0) {
      add_array(hasher, *array);
    } else {
      hasher.add(0);  // whatever its dtype: files leave it out
    }
  }
  hasher.add(static_cast<std::uint64_t>(sparse.columns())).add(groups.size());
  for (const FeatureGroup& group : groups)
    hasher.add(group.name).add(static_cast<std::uint64_t>(group.begin)).add(static_cast<std::uint64_t>(group.end));
  for (const auto* names : {&class_names, &vertex_names, &feature_names}) {
    hasher.add(names->size());
    for (const std::string& name : *names) hasher.add(name);
  }
  return hasher.finish();
}

void check(const GraphData& data) {
  check_features(data);
  if (data.labels.count() > 0) {
    if (data.labels.dtype() != DType::i64 || data.labels.sizes() != Sizes{data.vertices()}) {
      throw Error(
          fmt::format("labels are {} {} for {} vertices", name(data.labels.dtype()), to_string(data.labels.sizes()), data.vertices()),
          data.place, "give an i64 for each vertex, -1 where there is none");
    }
    const auto classes = static_cast<std::int64_t>(data.class_names.size());
    for (std::int64_t vertex = 0; vertex < data.vertices(); ++vertex) {
      const std::int64_t label = data.labels.get_int(vertex);
      if (label < -1 || label >= classes) {
        throw Error(fmt::format("the label of vertex {} is {}, and there are {} classes", vertex, label, classes), data.place,
                    "mend the label, or name its class");
      }
    }
  }
  check_split(data);
  if (!data.feature_names.empty() && static_cast<std::int64_t>(data.feature_names.size()) != data.feature_count()) {
    throw Error(fmt::format("{} names for {} features", data.feature_names.size(), data.feature_count()), data.place,
                "give a name each, or none at all");
  }
  if (!data.vertex_names.empty() && static_cast<std::int64_t>(data.vertex_names.size()) != data.vertices()) {
    throw Error(fmt::format("{} names for {} vertices", data.vertex_names.size(), data.vertices()), data.place,
                "give a name each, or none at all");
  }
}

void name_source(GraphData& data, const std::string& source) {
  data.about["source"] = source;
  data.about["date"] = fmt::format("{:%Y-%m-%d}", fmt::gmtime(std::time(nullptr)));
}

GraphData with_vertices(const GraphData& data, Graph graph, std::span<const VertexId> vertices) {
  GraphData made = data;
  made.graph = std::move(graph);
  const Array chosen = Array::of(std::vector<VertexId>(vertices.begin(), vertices.end()));
  for (Array* array : {&made.dense, &made.labels}) {
    if (array->count() > 0) *array = rows_at(*array, chosen);
  }
  if (data.is_sparse()) made.sparse = rows_of(data.sparse, vertices);
  std::vector<VertexId> numbers(static_cast<std::size_t>(data.vertices()), -1);
  for (std::size_t i = 0; i < vertices.size(); ++i) numbers[static_cast<std::size_t>(vertices[i])] = static_cast<VertexId>(i);
  for (Array* part : {&made.training, &made.validation, &made.test}) {
    if (part->count() == 0) continue;
    std::vector<VertexId> kept;
    for (const VertexId vertex : part->values<VertexId>()) {
      if (const VertexId number = numbers[static_cast<std::size_t>(vertex)]; number >= 0) kept.push_back(number);
    }
    std::ranges::sort(kept);
    *part = Array::of(kept);
  }
  if (!data.vertex_names.empty()) {
    made.vertex_names.clear();
    for (const VertexId vertex : vertices) made.vertex_names.push_back(data.vertex_names[static_cast<std::size_t>(vertex)]);
  }
  return made;
}

GraphData with_groups(const GraphData& data, const std::vector<std::string>& names) {
  GraphData chosen = data;
  chosen.groups.clear();
  chosen.feature_names.clear();
  std::vector<std::pair<std::int64_t, std::int64_t>> ranges;
  std::int64_t columns = 0;
  for (const std::string& name : names) {
    const auto found = std::ranges::find(data.groups, name, &FeatureGroup::name);
    if (found == data.groups.end()) {
      std::vector<std::string> known;
      for (const FeatureGroup& group : data.groups) known.push_back(group.name);
      throw Error(fmt::format("there are no features {}", shown(name)), data.place, fmt::format("there are: {}", fmt::join(known, ", ")));
    }
    ranges.emplace_back(found->begin, found->end);
    chosen.groups.push_back({name, columns, columns + found->end - found->begin});
    columns = chosen.groups.back().end;
    if (!data.feature_names.empty()) {
      chosen.feature_names.insert(chosen.feature_names.end(), data.feature_names.begin() + found->begin,
                                  data.feature_names.begin() + found->end);
    }
  }
  if (data.is_sparse()) {
    chosen.sparse = columns_of(data.sparse, ranges);
    return chosen;
  }
  chosen.dense = Array(data.dense.dtype(), {data.vertices(), columns});
  const std::int64_t width = size_of(data.dense.dtype()), from_row = data.feature_count() * width, to_row = columns * width;
  for (std::int64_t vertex = 0; vertex < data.vertices(); ++vertex) {
    std::byte* to = chosen.dense.raw() + vertex * to_row;
    for (const auto& [begin, end] : ranges)
      to = std::copy_n(data.dense.raw() + vertex * from_row + begin * width, (end - begin) * width, to);
  }
  return chosen;
}

Array random_features(std::int64_t vertices, std::int64_t width, std::uint64_t seed) {
  Array features(DType::f32, {vertices, width});
  CounterRandom random(seed, Draw::generate, 255);
  for (float& value : features.values<float>()) value = static_cast<float>(random.next() >> 8) * 0x1p-24F;
  return features;
}

void split_vertices(GraphData& data, double training, double validation, std::uint64_t seed) {
  if (!(training >= 0 && validation >= 0 && training + validation <= 1)) {
    throw Error(fmt::format("parts of {} for training and {} for validation", training, validation), data.place, "give parts of 1");
  }
  std::vector<std::int64_t> labelled;
  for (std::int64_t vertex = 0; vertex < data.labels.count(); ++vertex) {
    if (data.labels.get_int(vertex) >= 0) labelled.push_back(vertex);
  }
  const auto count = static_cast<std::int64_t>(labelled.size());
  std::vector<std::int64_t> order = shuffled(count, CounterRandom(seed, Draw::split, 0));
  for (std::int64_t& at : order) at = labelled[static_cast<std::size_t>(at)];
  const std::int64_t first = std::llround(static_cast<double>(count) * training);
  const std::int64_t second = std::min<std::int64_t>(count, first + std::llround(static_cast<double>(count) * validation));
  data.training = sorted_ids(order, 0, first);
  data.validation = sorted_ids(order, first, second);
  data.test = sorted_ids(order, second, count);
  data.about["split"] = fmt::format("{}:{}:{}, seed {}", training, validation, 1 - training - validation, seed);
}

}  // namespace neap::gnn
