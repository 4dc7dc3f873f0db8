#include "neap/cli/data_source.h"

#include <algorithm>

namespace neap {
namespace {

std::vector<DataSource>& sources() {
  static std::vector<DataSource> all;
  return all;
}

}  // namespace

RegisterDataSource::RegisterDataSource(DataSource source) { sources().push_back(std::move(source)); }

std::vector<DataSource> data_sources() {
  std::vector<DataSource> all = sources();
  std::ranges::sort(all, {}, &DataSource::name);
  return all;
}

}  // namespace neap
