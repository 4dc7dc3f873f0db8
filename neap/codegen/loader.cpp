#include "neap/codegen/loader.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include "neap/base/environment.h"
#include "neap/base/error.h"
#include "neap/base/file.h"
#include "neap/codegen/compiler.h"
#include "neap/codegen/prelude.h"

namespace neap {
namespace {

constexpr double cost_worth_a_file = 10e3;  // below that, starting one more compiler and reading the prelude takes longer than it saves

// All besides its text that decides what becomes of a kernel.
std::string circumstances(Isa isa) {
  std::string text = system_compiler().identity + "\n" + machine().cpu + "\n" + hash_bytes(kernel_prelude).hex();
  for (const std::vector<std::string>& flags : {kernel_flags(isa), gcc_levels()}) {
    for (const std::string& flag : flags) text += "\n" + flag;
  }
  return text;
}

template <class F>
void resolve(const SharedObject& library, const std::string& name, F*& function) {
  function = reinterpret_cast<F*>(library.symbol(name));
}

}  // namespace

std::filesystem::path sources_folder() {
  std::filesystem::path folder = environment_value("NEAP_KEEP_KERNELS");
  if (!folder.empty()) make_folder(folder, "set NEAP_KEEP_KERNELS to one that can be written to");
  return folder;
}

KernelLoader::KernelLoader(Isa isa, std::filesystem::path sources) : isa_(isa), sources_(std::move(sources)), cache_(circumstances(isa)) {}

const KernelEntry* KernelLoader::find(const std::string& name) const {
  const auto found = entries_.find(name);
  return found == entries_.end() ? nullptr : &found->second;
}

void KernelLoader::load(const std::string& path, const std::vector<std::string>& names) {
  const SharedObject module(path);
  for (const std::string& name : names) entries_.emplace(name, kernel_entry(module, name));
  modules_.push_back(module.handle());
}

void KernelLoader::load_kept(const std::vector<std::string>& names) {
  std::map<std::string, std::vector<std::string>> held;  // by library
  for (const std::string& name : names) {
    if (find(name) != nullptr) continue;
    const std::string library = cache_.library_of(name);
    if (!library.empty()) held[library].push_back(name);
  }
  for (const auto& [library, kernels] : held) {
    const std::string path = cache_.open(library);
    if (path.empty()) continue;
    try {
      load(path, kernels);
    } catch (const Error&) {  // another process has removed it since; or what was said to be there is not
    }
  }
}

void KernelLoader::compile(std::vector<KernelSource> kernels) {
  std::erase_if(kernels, [&](const KernelSource& kernel) { return find(kernel.name) != nullptr; });
  if (kernels.empty()) return;
  const std::vector<std::string> files = kernel_files(kernels, machine().cores);
  if (!sources_.empty()) {
    for (const std::string& file : files) write_file(sources_ / (hash_bytes(file).hex() + ".cpp"), file);
  }
  const TemporaryFolder folder;
  const std::filesystem::path library = folder.path() / "kernels.so";
  compile_library(files, isa_, library);
  std::vector<std::string> names;
  for (const KernelSource& kernel : kernels) names.push_back(kernel.name);
  load(library, names);  // not what the cache keeps: another process may take that away
  cache_.store(names, library);
}

KernelEntry kernel_entry(const SharedObject& library, const std::string& name) {
  KernelEntry entry;
  resolve(library, name + "_chunks", entry.chunks);
  resolve(library, name + "_scratch", entry.scratch);
  resolve(library, name, entry.run);
  resolve(library, name + "_combine", entry.combine);
  return entry;
}

std::vector<std::string> kernel_files(const std::vector<KernelSource>& kernels, int files) {
  double cost = 0;
  std::vector<const KernelSource*> order;
  for (const KernelSource& kernel : kernels) {
    order.push_back(&kernel);
    cost += kernel.cost;
  }
  std::stable_sort(order.begin(), order.end(), [](const KernelSource* a, const KernelSource* b) { return a->cost > b->cost; });
  const auto worth = static_cast<std::size_t>(cost / cost_worth_a_file) + 1;
  const std::size_t count = std::max<std::size_t>(1, std::min({static_cast<std::size_t>(files), worth, kernels.size()}));
  std::vector<std::string> texts(count, std::string(kernel_prelude) + "namespace neap::kernel {\n");
  std::vector<double> load(count, 0);
  for (const KernelSource* kernel : order) {
    const auto least = static_cast<std::size_t>(std::min_element(load.begin(), load.end()) - load.begin());
    texts[least] += "\n" + kernel->text;
    load[least] += kernel->cost;
  }
  for (std::string& text : texts) text += "}  // namespace neap::kernel\n";
  return texts;
}

}  // namespace neap
