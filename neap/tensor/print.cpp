// Tensors as numpy prints them.
#include <algorithm>
#include <cmath>

#include "neap/base/error.h"
#include "neap/tensor/tensor.h"

namespace neap {
namespace {

constexpr std::int64_t summarised_from = 1000;  // elements
constexpr std::int64_t edge_items = 3;
constexpr int precision = 8;

// The fewest digits that give the value back at the precision of the dtype, at most `precision` after the point.
std::string shortest(double value, DType dtype, bool scientific) {
  for (int digits = 0; digits < precision; ++digits) {
    std::string text = scientific ? fmt::format("{:.{}e}", value, digits) : fmt::format("{:.{}f}", value, digits);
    const double back = std::stod(text);
    const bool same = dtype == DType::f64 ? back == value : static_cast<float>(back) == static_cast<float>(value);
    if (same && digits == 0) return scientific ? text.insert(text.find('e'), ".") : text + ".";
    if (same) return text;
  }
  return scientific ? fmt::format("{:.{}e}", value, precision) : fmt::format("{:.{}f}", value, precision);
}

class Printer {
 public:
  explicit Printer(const Array& array) : array_(array), summary_(array.count() > summarised_from) {
    const bool real = is_float(array.dtype());
    double largest = 0, smallest = HUGE_VAL;
    each_shown(0, 0, [&](std::int64_t at) {
      const double size = std::fabs(array.get(at));
      if (!real || !std::isfinite(size)) return;
      largest = std::max(largest, size);
      if (size > 0) smallest = std::min(smallest, size);
    });
    const bool scientific = real && (largest >= 1e8 || (smallest < HUGE_VAL && (smallest < 1e-4 || largest / smallest > 1000.0 * 1e3)));
    each_shown(0, 0, [&](std::int64_t at) {
      texts_.push_back(text_of(at, scientific));
      const std::size_t point = texts_.back().find('.');
      if (point == std::string::npos) {
        width_ = std::max(width_, texts_.back().size());
        return;
      }
      before_ = std::max(before_, point);
      after_ = std::max(after_, texts_.back().size() - point);
    });
    width_ = std::max(width_, before_ + after_);
    if (array.rank() == 0) width_ = after_ = 0;
  }

  std::string print() {
    next_ = 0;
    return block(0, 1);
  }

 private:
  template <class F>
  void each_shown(int axis, std::int64_t at, F&& f) const {
    if (axis == array_.rank()) return f(at);
    const std::int64_t size = array_.sizes()[static_cast<std::size_t>(axis)];
    for (std::int64_t i = 0; i < size; ++i) {
      if (hidden(i, size)) continue;
      each_shown(axis + 1, at * size + i, f);
    }
  }
  bool hidden(std::int64_t i, std::int64_t size) const {
    return summary_ && size > 2 * edge_items && i >= edge_items && i < size - edge_items;
  }

  std::string text_of(std::int64_t at, bool scientific) const {
    if (array_.dtype() == DType::boolean) return array_.get_int(at) != 0 ? "True" : "False";
    if (!is_float(array_.dtype())) return std::to_string(array_.get_int(at));
    const double value = array_.get(at);
    if (std::isnan(value)) return "nan";
    if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
    return shortest(value, array_.dtype(), scientific);
  }

  // Points below one another; what has none to the right.
  std::string padded(const std::string& text) const {
    const std::size_t point = text.find('.');
    std::string result = text;
    if (point != std::string::npos && text.size() - point < after_) result.append(after_ - (text.size() - point), ' ');
    return result.size() < width_ ? std::string(width_ - result.size(), ' ') + result : result;
  }

  std::string block(int axis, int indent) {
    if (axis == array_.rank()) return padded(texts_[next_++]);
    const std::int64_t size = array_.sizes()[static_cast<std::size_t>(axis)];
    const bool last = axis + 1 == array_.rank();
    const std::string gap =
        last ? " " : "\n" + std::string(array_.rank() - axis > 2 ? 1 : 0, '\n') + std::string(static_cast<std::size_t>(indent), ' ');
    std::string text = "[";
    for (std::int64_t i = 0; i < size; ++i) {
      if (hidden(i, size)) {
        if (i == edge_items) text += gap + "...";
        continue;
      }
      text += (i == 0 ? "" : gap) + block(axis + 1, indent + 1);
    }
    return text + "]";
  }

  const Array& array_;
  bool summary_;
  std::vector<std::string> texts_;
  std::size_t before_ = 0, after_ = 0, width_ = 0, next_ = 0;
};

}  // namespace

std::string Tensor::to_string() const {
  const Array elements = array();
  if (elements.count() == 0 && elements.rank() == 1) return "[]";
  return Printer(elements).print();
}

}  // namespace neap
