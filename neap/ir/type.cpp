#include "neap/ir/type.h"

#include <algorithm>
#include <cctype>

#include "neap/base/error.h"

namespace neap {
namespace {

std::vector<Layout::Level> spelled_out(const Layout& layout, int rank) {
  if (!layout.levels.empty()) return layout.levels;
  std::vector<Layout::Level> levels;
  for (int axis = 0; axis < rank; ++axis) levels.push_back({axis, 0});
  return levels;
}

// The width of an axis's inner block; 1 if it is not cut.
std::int64_t block_of(const std::vector<Layout::Level>& levels, int axis) {
  for (const Layout::Level& level : levels) {
    if (level.axis == axis && level.block > 0) return level.block;
  }
  return 1;
}

}  // namespace

Layout Layout::parse(std::string_view tag, int rank) {
  const auto fail = [&](const std::string& why) -> void {
    throw Error(fmt::format("'{}' is not a layout of rank {}: {}", tag, rank, why), "", "write one letter an axis, as in acdb or aBcd8b");
  };
  Layout layout;
  std::vector<int> whole(static_cast<std::size_t>(rank), 0), cut(whole), capital(whole);
  for (std::size_t i = 0; i < tag.size(); ++i) {
    std::int64_t block = 0;
    const bool number = std::isdigit(static_cast<unsigned char>(tag[i])) != 0;
    for (; i < tag.size() && std::isdigit(static_cast<unsigned char>(tag[i])) != 0 && block < 10000; ++i)
      block = block * 10 + (tag[i] - '0');
    if (i >= tag.size()) fail("a number without a letter behind it");
    const int axis = std::tolower(static_cast<unsigned char>(tag[i])) - 'a';
    if (axis < 0 || axis >= rank) fail(fmt::format("'{}' is no axis", tag[i]));
    const auto at = static_cast<std::size_t>(axis);
    if (number && block < 2) fail("a block is at least 2 wide");
    if (++(number ? cut : whole)[at] > 1) fail("an axis stands twice");
    if (!number) capital[at] = std::isupper(static_cast<unsigned char>(tag[i])) != 0 ? 1 : 0;
    layout.levels.push_back({axis, block});
  }
  for (std::size_t axis = 0; axis < whole.size(); ++axis) {
    if (whole[axis] != 1) fail("an axis is missing");
    if (capital[axis] != cut[axis]) fail("a capital letter marks an axis that is cut into blocks, and only that");
  }
  const bool plain = std::all_of(layout.levels.begin(), layout.levels.end(),
                                 [i = 0](const Level& level) mutable { return level.axis == i++ && level.block == 0; });
  return plain ? Layout{} : layout;
}

std::string Layout::tag(int rank) const {
  std::string text;
  const std::vector<Level> all = spelled_out(*this, rank);
  for (const Level& level : all) {
    const char letter = static_cast<char>('a' + level.axis);
    if (level.block > 0) {
      text += std::to_string(level.block) + letter;
    } else {
      text += block_of(all, level.axis) > 1 ? static_cast<char>(std::toupper(static_cast<unsigned char>(letter))) : letter;
    }
  }
  return text;
}

Layout Layout::channels_last(int rank) {
  Layout layout;
  if (rank < 3) return layout;
  layout.levels.push_back({0, 0});
  for (int axis = 2; axis < rank; ++axis) layout.levels.push_back({axis, 0});
  layout.levels.push_back({1, 0});
  return layout;
}

std::string Type::to_string() const {
  std::string text(name(dtype));
  text += neap::to_string(shape);
  if (!layout.row_major()) text += " " + layout.tag(rank());
  return text;
}

Type Type::parse(std::string_view text) {
  const std::size_t open = text.find('['), close = text.rfind(']');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) {
    throw Error(fmt::format("'{}' is not a type", text), "", "write it as f32[2,3]");
  }
  Type type;
  type.dtype = parse_dtype(text.substr(0, open));
  int depth = 0;
  std::size_t from = open + 1;
  for (std::size_t i = open + 1; i <= close; ++i) {
    if (text[i] == '(') ++depth;
    if (text[i] == ')') --depth;
    if (i != close && (text[i] != ',' || depth != 0)) continue;
    if (i > from)
      type.shape.push_back(Dim::parse(text.substr(from, i - from)));
    else if (i != close || !type.shape.empty())
      throw Error(fmt::format("'{}' has an empty size", text));
    from = i + 1;
  }
  std::string_view rest = text.substr(close + 1);
  while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
  while (!rest.empty() && rest.back() == ' ') rest.remove_suffix(1);
  if (!rest.empty()) type.layout = Layout::parse(rest, type.rank());
  return type;
}

Type type_of(const Array& array) { return {array.dtype(), Shape(array.sizes().begin(), array.sizes().end()), {}}; }

Dim storage_count(const Type& type) {
  Dim count = 1;
  const std::vector<Layout::Level> levels = spelled_out(type.layout, type.rank());
  for (int axis = 0; axis < type.rank(); ++axis) {
    const std::int64_t block = block_of(levels, axis);
    count *= Dim(block) * ceil_div(type.shape[static_cast<std::size_t>(axis)], block);
  }
  return count;
}

Dim storage_bytes(const Type& type) { return storage_count(type) * Dim(size_of(type.dtype)); }

Storage storage(const Type& type, const Symbols& symbols) {
  Storage made;
  made.levels = spelled_out(type.layout, type.rank());
  const std::vector<std::int64_t> sizes = evaluate(type.shape, symbols);
  for (const Layout::Level& level : made.levels) {
    const std::int64_t block = block_of(made.levels, level.axis);
    made.extent.push_back(level.block > 0 ? level.block : (sizes[static_cast<std::size_t>(level.axis)] + block - 1) / block);
  }
  made.stride.resize(made.extent.size());
  made.count = 1;
  for (std::size_t i = made.extent.size(); i-- > 0;) {
    made.stride[i] = made.count;
    made.count *= made.extent[i];
  }
  return made;
}

std::int64_t Storage::offset(const std::vector<std::int64_t>& index) const {
  std::int64_t at = 0;
  for (std::size_t i = 0; i < levels.size(); ++i) {
    const std::int64_t position = index[static_cast<std::size_t>(levels[i].axis)], block = block_of(levels, levels[i].axis);
    at += (levels[i].block > 0 ? position % block : position / block) * stride[i];
  }
  return at;
}

}  // namespace neap
