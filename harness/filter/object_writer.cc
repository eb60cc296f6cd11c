// SPDX-License-Identifier: Apache-2.0
#include "harness/filter/object_writer.h"

#include <elf.h>
#include <fmt/format.h>
#include <libelf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <memory>
#include <utility>

#include "harness/filter/object_btf.h"
#include "netns/error.h"

namespace knetlab {
namespace {

constexpr std::uint32_t kR_BPF_64_64 = 1;  // not in Debian's elf.h

[[noreturn]] void Throw(std::string why, int code = EINVAL) {
  throw Error({.what = "write object",
               .where = "ELF",
               .why = std::move(why),
               .hint = "",
               .detail = "",
               .code = code});
}

[[noreturn]] void ThrowElf() {
  const char* message = elf_errmsg(-1);
  Throw(message == nullptr ? "libelf gives no reason" : message, EIO);
}

// libelf writes to descriptors alone.
class MemoryFile {
 public:
  MemoryFile() : fd_(::memfd_create("object", MFD_CLOEXEC)) {
    if (fd_ < 0) throw ErrnoError("write object", "memfd_create", errno);
  }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  ~MemoryFile() { ::close(fd_); }

  int fd() const { return fd_; }
  std::string Read() const {
    const off_t size = ::lseek(fd_, 0, SEEK_END);
    if (size < 0) throw ErrnoError("write object", "lseek", errno);
    std::string bytes(static_cast<std::size_t>(size), '\0');
    if (::pread(fd_, bytes.data(), bytes.size(), 0) != size) throw ErrnoError("write object", "pread", errno);
    return bytes;
  }

 private:
  int fd_;
};

struct EndElf {
  void operator()(Elf* elf) const { elf_end(elf); }
};

// A table of names: offsets of strings in one section.
class Names {
 public:
  std::uint32_t Add(const std::string& name) {
    const auto offset = static_cast<std::uint32_t>(bytes_.size());
    bytes_ += name;
    bytes_ += '\0';
    return offset;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_ = std::string(1, '\0');
};

template <typename T>
std::string Bytes(const std::vector<T>& values) {
  std::string bytes(values.size() * sizeof(T), '\0');
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

class Object {
 public:
  explicit Object(const ObjectSpec& spec) : spec_(spec), elf_(Begin()) {}

  std::string Write() {
    const std::size_t program =
        Add(spec_.section, SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, ProgramBytes(), 8);
    const std::size_t license =
        Add("license", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, spec_.license + std::string(1, '\0'), 1);
    const std::size_t maps = spec_.maps.empty()
                                 ? 0
                                 : Add(".maps", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE,
                                       std::string(spec_.maps.size() * kMapDefinitionSize, '\0'), 8);
    AddSymbols(program, license, maps);
    const std::size_t strings = Add(".strtab", SHT_STRTAB, 0, symbol_names_.bytes(), 1);
    const std::size_t symbols = Add(".symtab", SHT_SYMTAB, 0, Bytes(symbols_), 8, sizeof(Elf64_Sym));
    Link(symbols, strings, 1);  // one local symbol, the empty one
    const std::vector<Elf64_Rel> relocations = Relocations();
    if (!relocations.empty()) {
      const std::size_t section =
          Add(".rel" + spec_.section, SHT_REL, 0, Bytes(relocations), 8, sizeof(Elf64_Rel));
      Link(section, symbols, static_cast<Elf64_Word>(program));
    }
    const ObjectBtf types = MakeObjectBtf(spec_);
    Add(".BTF", SHT_PROGBITS, 0, types.btf, 4);
    Add(".BTF.ext", SHT_PROGBITS, 0, types.ext, 4);
    return Finish();
  }

 private:
  Elf* Begin() {
    if (elf_version(EV_CURRENT) == EV_NONE) ThrowElf();
    Elf* elf = elf_begin(file_.fd(), ELF_C_WRITE, nullptr);
    if (elf == nullptr) ThrowElf();
    Elf64_Ehdr* header = elf64_newehdr(elf);
    if (header == nullptr) ThrowElf();
    header->e_ident[EI_DATA] = ELFDATA2LSB;
    header->e_type = ET_REL;
    header->e_machine = EM_BPF;
    header->e_version = EV_CURRENT;
    return elf;
  }

  std::string ProgramBytes() const { return Bytes(spec_.code.instructions); }

  std::size_t Add(const std::string& name, Elf64_Word type, Elf64_Xword flags, std::string bytes,
                  Elf64_Xword alignment, Elf64_Xword entry_size = 0) {
    contents_.push_back(std::move(bytes));
    Elf_Scn* section = elf_newscn(elf_.get());
    if (section == nullptr) ThrowElf();
    Elf_Data* data = elf_newdata(section);
    if (data == nullptr) ThrowElf();
    data->d_buf = contents_.back().data();
    data->d_size = contents_.back().size();
    data->d_align = alignment;
    data->d_type = ELF_T_BYTE;  // host and target are both little-endian
    data->d_version = EV_CURRENT;
    Elf64_Shdr* header = elf64_getshdr(section);
    if (header == nullptr) ThrowElf();
    header->sh_name = section_names_.Add(name);
    header->sh_type = type;
    header->sh_flags = flags;
    header->sh_entsize = entry_size;
    return elf_ndxscn(section);
  }

  void Link(std::size_t section, std::size_t link, Elf64_Word info) {
    Elf64_Shdr* header = elf64_getshdr(elf_getscn(elf_.get(), section));
    if (header == nullptr) ThrowElf();
    header->sh_link = static_cast<Elf64_Word>(link);
    header->sh_info = info;
  }

  void AddSymbol(const std::string& name, unsigned char type, std::size_t section, std::size_t value,
                 std::size_t size) {
    Elf64_Sym symbol{};
    symbol.st_name = symbol_names_.Add(name);
    symbol.st_info = ELF64_ST_INFO(STB_GLOBAL, type);
    symbol.st_shndx = static_cast<Elf64_Section>(section);
    symbol.st_value = value;
    symbol.st_size = size;
    symbols_.push_back(symbol);
  }

  void AddSymbols(std::size_t program, std::size_t license, std::size_t maps) {
    symbols_.push_back({});
    AddSymbol(spec_.program, STT_FUNC, program, 0, spec_.code.instructions.size() * sizeof(bpf_insn));
    AddSymbol("_license", STT_OBJECT, license, 0, spec_.license.size() + 1);
    for (std::size_t i = 0; i < spec_.maps.size(); ++i)
      AddSymbol(spec_.maps[i].name, STT_OBJECT, maps, i * kMapDefinitionSize, kMapDefinitionSize);
  }

  std::vector<Elf64_Rel> Relocations() const {
    constexpr std::size_t kSymbolsBeforeMaps = 3;
    std::vector<Elf64_Rel> relocations;
    for (const Code::MapUse& use : spec_.code.map_uses) {
      const auto map = std::find_if(spec_.maps.begin(), spec_.maps.end(),
                                    [&](const ObjectMap& one) { return one.name == use.map; });
      if (map == spec_.maps.end()) Throw(fmt::format("the code uses map {}, which is not defined", use.map));
      const auto symbol = static_cast<Elf64_Xword>(map - spec_.maps.begin()) + kSymbolsBeforeMaps;
      relocations.push_back({use.instruction * sizeof(bpf_insn), ELF64_R_INFO(symbol, kR_BPF_64_64)});
    }
    return relocations;
  }

  std::string Finish() {
    const std::uint32_t own_name = section_names_.Add(".shstrtab");
    const std::size_t names = Add("", SHT_STRTAB, 0, section_names_.bytes(), 1);
    elf64_getshdr(elf_getscn(elf_.get(), names))->sh_name = own_name;
    Elf64_Ehdr* header = elf64_getehdr(elf_.get());
    header->e_shstrndx = static_cast<Elf64_Half>(names);
    if (elf_update(elf_.get(), ELF_C_WRITE) < 0) ThrowElf();
    return file_.Read();
  }

  const ObjectSpec& spec_;
  MemoryFile file_;
  std::unique_ptr<Elf, EndElf> elf_;
  std::deque<std::string> contents_;  // libelf keeps pointers into them
  Names section_names_, symbol_names_;
  std::vector<Elf64_Sym> symbols_;
};

}  // namespace

std::string ObjectFile(const ObjectSpec& spec) {
  return Object(spec).Write();
}

}  // namespace knetlab
