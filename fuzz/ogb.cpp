// The reader of OGB's folders: a file begins at a line "=== NAME".
#include "fuzz/target.h"
#include "neap/gnn/read_ogb.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return neap::give_bytes(data, size, [](std::string_view bytes) {
    std::map<std::string, std::string> texts;
    std::string* text = nullptr;
    while (!bytes.empty()) {
      const std::size_t end = std::min(bytes.find('\n'), bytes.size() - 1) + 1;
      const std::string_view line = bytes.substr(0, end);
      bytes.remove_prefix(end);
      if (line.starts_with("=== ")) {
        text = &texts[std::string(line.substr(4, line.find('\n') - 4))];
      } else if (text != nullptr) {
        text->append(line);
      }
    }
    neap::gnn::parse_ogb(texts, "fuzz");
  });
}
