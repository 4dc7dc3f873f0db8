// Memory that runs out at every possible moment of reading: an exception and no leak (the address sanitizer counts), never a crash.
// Readers of JSON are left out: nlohmann's values allocate in their destructor, where a failure ends the program.
#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <new>

#include "neap/base/error.h"
#include "neap/files/csv.h"
#include "neap/files/gzip.h"
#include "neap/files/idx.h"
#include "neap/files/image.h"
#include "neap/files/npy.h"
#include "neap/files/npz.h"
#include "neap/files/png.h"
#include "tests/files/examples.h"
#include "tests/files/pictures.h"

namespace {
thread_local int allocations_left = -1;  // before one fails; -1: none does

void* allocate(std::size_t size) {
  if (allocations_left >= 0 && allocations_left-- == 0) throw std::bad_alloc();
  void* memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
}  // namespace

void* operator new(std::size_t size) { return allocate(size); }
void* operator new[](std::size_t size) { return allocate(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return std::malloc(size == 0 ? 1 : size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return std::malloc(size == 0 ? 1 : size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace neap::allocation_test {
namespace {

// Reads with 0, 1, 2, ... allocations that succeed, until reading does.
void starve(const std::string& bytes, const std::function<void(const std::string&)>& read) {
  read(bytes);
  for (int allowed = 0; allowed < 2000; ++allowed) {
    allocations_left = allowed;
    bool failed = false;
    try {
      read(bytes);
    } catch (const std::bad_alloc&) {
      failed = true;
    } catch (const Error&) {
      failed = true;
    }
    allocations_left = -1;
    if (!failed) {
      EXPECT_GT(allowed, 0) << "nothing was allocated";
      return;
    }
  }
  ADD_FAILURE() << "reading never succeeds";
}

TEST(Allocation, ReadersSurviveItsFailure) {
  const NamedArrays arrays = {{"a", example_array(DType::f32, {3, 5})}, {"b", example_array(DType::boolean, {7})}};
  starve(npy_bytes(arrays.at("a")), [](const std::string& bytes) { parse_npy(bytes, "test"); });
  starve(npz_bytes(arrays, Packing::deflated), [](const std::string& bytes) { parse_npz(bytes, "test"); });
  starve(gzip(idx_bytes(arrays.at("a"))), [](const std::string& bytes) { parse_idx(bytes, "test"); });
  starve("a,\"b\"\n1,2\n3,4\n", [](const std::string& bytes) { parse_csv(bytes, "test"); });
  starve(encode_png(example_array(DType::u8, {5, 4, 3})), [](const std::string& bytes) { decode_image(bytes, "test"); });
  starve(encode_jpeg(smooth_picture(9, 7, 3)), [](const std::string& bytes) { decode_image(bytes, "test"); });
}

}  // namespace
}  // namespace neap::allocation_test
