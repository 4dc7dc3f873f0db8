#include "neap/base/build_id.h"

#include <elf.h>
#include <fmt/format.h>
#include <link.h>

#include <cstdint>
#include <string_view>

namespace neap {
namespace {

constexpr std::uintptr_t up_to_4(std::uintptr_t bytes) { return (bytes + 3) / 4 * 4; }

bool holds(const dl_phdr_info& module, std::uintptr_t address) {
  for (int i = 0; i < module.dlpi_phnum; ++i) {
    const auto& part = module.dlpi_phdr[i];
    const std::uintptr_t begin = module.dlpi_addr + part.p_vaddr;
    if (part.p_type == PT_LOAD && address >= begin && address - begin < part.p_memsz) return true;
  }
  return false;
}

std::string id_in(const char* notes, std::size_t size) {
  while (size >= sizeof(ElfW(Nhdr))) {
    const auto& note = *reinterpret_cast<const ElfW(Nhdr)*>(notes);
    const std::size_t whole = sizeof note + up_to_4(note.n_namesz) + up_to_4(note.n_descsz);
    if (whole > size) break;
    const std::string_view owner(notes + sizeof note, note.n_namesz), id(notes + sizeof note + up_to_4(note.n_namesz), note.n_descsz);
    if (note.n_type == NT_GNU_BUILD_ID && owner == std::string_view("GNU\0", 4)) {
      std::string text;
      for (const char c : id) text += fmt::format("{:02x}", static_cast<unsigned char>(c));
      return text;
    }
    notes += whole;
    size -= whole;
  }
  return "";
}

int look(dl_phdr_info* module, std::size_t, void* found) {
  if (!holds(*module, reinterpret_cast<std::uintptr_t>(&look))) return 0;
  for (int i = 0; i < module->dlpi_phnum; ++i) {
    const auto& part = module->dlpi_phdr[i];
    if (part.p_type != PT_NOTE) continue;
    // The loader gives addresses as integers.  NOLINTNEXTLINE(performance-no-int-to-ptr)
    std::string id = id_in(reinterpret_cast<const char*>(module->dlpi_addr + part.p_vaddr), part.p_memsz);
    if (!id.empty()) *static_cast<std::string*>(found) = std::move(id);
  }
  return 1;
}

}  // namespace

const std::string& build_id() {
  static const std::string id = [] {
    std::string found;
    ::dl_iterate_phdr(look, &found);
    return found;
  }();
  return id;
}

std::string_view version() { return NEAP_VERSION; }

}  // namespace neap
