// From generated text to functions that can be called: out of the cache, or through the compiler.
#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "neap/codegen/cache.h"
#include "neap/codegen/kernel.h"

namespace neap {

class SharedObject;

// Where the sources that are compiled shall be kept (NEAP_KEEP_KERNELS), made where it is not there. Empty: nowhere.
std::filesystem::path sources_folder();

class KernelLoader {
 public:
  explicit KernelLoader(Isa isa, std::filesystem::path sources = {});  // Error where there is no compiler

  KernelCache& cache() { return cache_; }

  // Loads those of these kernels that the cache holds.
  void load_kept(const std::vector<std::string>& names);
  // Compiles those that are not loaded yet, loads them and keeps them: one library. Error as compile_library.
  void compile(std::vector<KernelSource> kernels);

  const KernelEntry* find(const std::string& name) const;                          // null: not loaded
  std::vector<std::shared_ptr<void>> modules() && { return std::move(modules_); }  // entries are good while these are held

 private:
  void load(const std::string& path, const std::vector<std::string>& names);

  Isa isa_;
  std::filesystem::path sources_;
  KernelCache cache_;
  std::unordered_map<std::string, KernelEntry> entries_;
  std::vector<std::shared_ptr<void>> modules_;
};

// The functions of a kernel in a library that holds it. Error where one is missing.
KernelEntry kernel_entry(const SharedObject& library, const std::string& name);

// Files for the compiler: the kernels spread by cost over at most so many, the most expensive first.
std::vector<std::string> kernel_files(const std::vector<KernelSource>& kernels, int files);

}  // namespace neap
