// Components of sparse layouts: any arrays are refused, or a matrix that unpacks without a fault and whose stored elements are packed
// again.
#include "neap/layouts/sparse_layout.h"

#include <cmath>
#include <cstdlib>

#include "fuzz/target.h"

namespace neap {
namespace {

// The bytes in order; zeros behind the last.
class Bytes {
 public:
  explicit Bytes(std::string_view bytes) : bytes_(bytes) {}
  int next() { return at_ < bytes_.size() ? static_cast<unsigned char>(bytes_[at_++]) : 0; }
  std::int64_t below(std::int64_t limit) { return next() % limit; }

 private:
  std::string_view bytes_;
  std::size_t at_ = 0;
};

constexpr std::int64_t most_size = 9;

Array mask_of(const Array& matrix) {
  Array mask(DType::boolean, matrix.sizes());
  for (std::int64_t i = 0; i < mask.count(); ++i) mask.set(i, matrix.get(i) != 0 ? 1 : 0);
  return mask;
}

// What the layout packs of a matrix, with some elements, and now and then sizes or dtypes, changed.
std::vector<Array> components_of(Bytes& bytes, const LayoutChoice& choice, const Sizes& sizes) {
  Array dense(DType::f32, sizes);
  for (std::int64_t i = 0; i < dense.count(); ++i) dense.set(i, bytes.below(3) == 0 ? static_cast<double>(bytes.next() - 128) : 0);
  std::vector<Array> components = choice.layout->pack(dense, mask_of(dense), choice.parameters);
  for (std::int64_t changes = bytes.below(4); changes > 0; --changes) {
    Array& component = components[static_cast<std::size_t>(bytes.below(static_cast<std::int64_t>(components.size())))];
    const std::int64_t what = bytes.below(8);
    if (what == 0) component = Array::zeros(component.dtype(), {bytes.below(most_size), bytes.below(most_size)});
    if (what == 1) component = Array::zeros(DType::f32, component.sizes());
    if (what >= 2 && component.count() > 0 && !is_float(component.dtype())) {
      const std::int64_t value = bytes.next() - (what == 2 ? 200 : 2);
      component.set_int(bytes.next() % component.count(), component.dtype() == DType::boolean ? value & 1 : value);
    }
  }
  return components;
}

void try_components(std::string_view text) {
  Bytes bytes(text);
  const auto layouts = all_layouts();
  LayoutChoice choice =
      LayoutChoice::parse(layouts[static_cast<std::size_t>(bytes.below(static_cast<std::int64_t>(layouts.size())))]->name);
  for (const ChoiceNumber& number : choice.layout->numbers) choice.parameters[number.name] = 1 + bytes.below(4);
  const Sizes sizes{bytes.below(most_size), bytes.below(most_size)};
  const std::vector<Array> components = components_of(bytes, choice, sizes);
  choice.layout->check(components, sizes, choice.parameters);
  const Array matrix = unpack(choice, components, sizes);
  const Array again = unpack(choice, choice.layout->pack(matrix, mask_of(matrix), choice.parameters), sizes);
  for (std::int64_t i = 0; i < matrix.count(); ++i) {
    if (again.get(i) != matrix.get(i) && !std::isnan(matrix.get(i))) std::abort();
  }
}

}  // namespace
}  // namespace neap

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return neap::give_bytes(data, size, neap::try_components);
}
