// SPDX-License-Identifier: Apache-2.0
#include "harness/program/object_file.h"

#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "harness/program/btf_check.h"
#include "harness/program/libbpf_log.h"
#include "harness/program/sha256.h"
#include "netns/error.h"
#include "netns/fd.h"

namespace knetlab {
namespace {

constexpr off_t kMaxFileSize = off_t{64} << 20;
constexpr std::string_view kBtfSection(".BTF\0", 5);  // with its end: not .BTF.ext
constexpr std::string_view kCompileHint = "compile it with clang -O2 -g -target bpf -c";

Error NotLoadable(const std::string& path, std::string why, std::string hint = std::string(kCompileHint)) {
  return Error({.what = "open BPF object",
                .where = path,
                .why = std::move(why),
                .hint = std::move(hint),
                .detail = "",
                .code = ENOEXEC});
}

std::vector<std::byte> ReadBytes(const std::string& path) {
  // O_NONBLOCK: a FIFO must be refused below, not waited for.
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  struct stat info {};
  if (!fd || ::fstat(fd.get(), &info) != 0) throw ErrnoError("open BPF object", path, errno);
  if (!S_ISREG(info.st_mode)) throw NotLoadable(path, "not a regular file", "");
  if (info.st_size > kMaxFileSize) {
    throw NotLoadable(path, fmt::format("{} bytes; at most {} are read", info.st_size, kMaxFileSize), "");
  }
  std::vector<std::byte> bytes(static_cast<std::size_t>(info.st_size));
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t got = ::read(fd.get(), bytes.data() + filled, bytes.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw ErrnoError("read BPF object", path, errno);
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  bytes.resize(filled);
  return bytes;
}

std::string MachineName(std::uint16_t machine) {
  switch (machine) {
    case EM_X86_64:
      return "x86-64";
    case EM_AARCH64:
      return "arm64";
    case EM_386:
      return "i386";
    default:
      return fmt::format("machine {}", machine);
  }
}

Elf64_Shdr SectionAt(const ObjectFile& file, const Elf64_Ehdr& header, std::size_t index) {
  Elf64_Shdr section{};
  std::memcpy(&section, file.bytes.data() + header.e_shoff + index * sizeof(section), sizeof(section));
  return section;
}

// The sections are known to lie within the file.
void CheckBtf(const ObjectFile& file, const Elf64_Ehdr& header) {
  if (header.e_shstrndx >= header.e_shnum)
    throw NotLoadable(file.path, "an ELF object without section names");
  const Elf64_Shdr strings = SectionAt(file, header, header.e_shstrndx);
  if (strings.sh_type != SHT_STRTAB) throw NotLoadable(file.path, "an ELF object without section names");
  const std::string_view names(reinterpret_cast<const char*>(file.bytes.data() + strings.sh_offset),
                               strings.sh_size);
  for (std::size_t i = 0; i < header.e_shnum; ++i) {
    const Elf64_Shdr section = SectionAt(file, header, i);
    if (section.sh_type == SHT_NOBITS || section.sh_name >= names.size()) continue;
    if (!names.substr(section.sh_name).starts_with(kBtfSection)) continue;
    const std::string defect = BtfDefect(std::span(file.bytes).subspan(section.sh_offset, section.sh_size));
    if (!defect.empty()) throw NotLoadable(file.path, defect);
  }
}

// libbpf trusts libelf, and libelf some of the header; what is checked here gives a clear answer first.
void CheckElf(const ObjectFile& file) {
  const std::vector<std::byte>& bytes = file.bytes;
  if (bytes.size() < SELFMAG || std::memcmp(bytes.data(), ELFMAG, SELFMAG) != 0) {
    throw NotLoadable(file.path, "not an ELF object");
  }
  Elf64_Ehdr header{};
  if (bytes.size() < sizeof(header))
    throw NotLoadable(file.path, "an ELF object cut short within its header");
  std::memcpy(&header, bytes.data(), sizeof(header));
  if (header.e_ident[EI_CLASS] != ELFCLASS64) throw NotLoadable(file.path, "not a 64-bit ELF object");
  const bool native_order =
      header.e_ident[EI_DATA] == (std::endian::native == std::endian::little ? ELFDATA2LSB : ELFDATA2MSB);
  if (!native_order) {
    throw NotLoadable(file.path, "its byte order is not this machine's (a big-endian object: bpfeb)",
                      "compile it with -target bpf or bpfel");
  }
  // LLVM before 5 wrote machine 0.
  if (header.e_machine != EM_BPF && header.e_machine != EM_NONE) {
    throw NotLoadable(file.path,
                      fmt::format("an ELF object for {}, not for BPF", MachineName(header.e_machine)));
  }
  if (header.e_type != ET_REL) throw NotLoadable(file.path, "not a relocatable ELF object");
  if (header.e_shentsize != sizeof(Elf64_Shdr) || header.e_shoff > bytes.size() || header.e_shnum == 0 ||
      header.e_shnum > (bytes.size() - header.e_shoff) / sizeof(Elf64_Shdr)) {
    throw NotLoadable(file.path, "an ELF object cut short: its section headers are missing");
  }
  for (std::size_t i = 0; i < header.e_shnum; ++i) {
    const Elf64_Shdr section = SectionAt(file, header, i);
    if (section.sh_type == SHT_NOBITS) continue;  // it has no bytes in the file
    if (section.sh_offset > bytes.size() || section.sh_size > bytes.size() - section.sh_offset) {
      throw NotLoadable(file.path,
                        fmt::format("an ELF object cut short: section {} ends beyond the file", i));
    }
  }
  CheckBtf(file, header);
}

bool IsPlain(const char* name) {
  const std::string_view text = name == nullptr ? "" : name;
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

std::string ObjectName(const std::string& path) {
  std::string name = path.substr(path.rfind('/') + 1);
  return name.substr(0, std::max<std::size_t>(name.find('.'), 1));
}

Error OpenFailure(const ObjectFile& file, int code, const LibbpfLog& log) {
  std::string why = log.Reason();
  std::string hint;
  if (why.find("legacy map definitions") != why.npos) {
    why = "its maps are in a legacy `maps` section, which libbpf 1 does not load";
    hint = "define them in SEC(\".maps\"), as BTF maps";
  } else if (why.find("BTF is required, but is missing") != why.npos) {
    why = "its maps need BTF, and the object has none";
    hint = "compile it with -g, and do not strip the .BTF section";
  }
  if (why.empty()) {
    std::array<char, 128> text{};
    libbpf_strerror(code, text.data(), text.size());
    why = text.data();
  }
  return Error({.what = "open BPF object",
                .where = file.path,
                .why = std::move(why),
                .hint = std::move(hint),
                .detail = log.Text(),
                .code = code});
}

}  // namespace

ObjectFile ReadObjectFile(const std::string& path) {
  ObjectFile file{.path = path, .sha256 = "", .bytes = ReadBytes(path)};
  CheckElf(file);
  file.sha256 = Sha256Hex(file.bytes);
  return file;
}

ObjectHandle OpenObject(const ObjectFile& file) {
  LibbpfLog log;
  const std::string name = ObjectName(file.path);
  bpf_object_open_opts options{};
  options.sz = sizeof(options);
  options.object_name = name.c_str();
  options.relaxed_maps = true;
  ObjectHandle object(bpf_object__open_mem(file.bytes.data(), file.bytes.size(), &options));
  if (object == nullptr) throw OpenFailure(file, errno, log);
  bool plain = true;
  for (const bpf_program* program : ProgramsOf(object.get())) {
    plain = plain && IsPlain(bpf_program__name(program)) && IsPlain(bpf_program__section_name(program));
  }
  for (bpf_map* map : MapsOf(object.get())) {
    plain = plain && IsPlain(bpf_map__name(map));
    bpf_map__set_pin_path(map, nullptr);
  }
  if (!plain)
    throw NotLoadable(file.path, "a program, section or map has a name with unprintable characters", "");
  return object;
}

std::vector<bpf_program*> ProgramsOf(bpf_object* object) {
  std::vector<bpf_program*> programs;
  for (bpf_program* p = nullptr; (p = bpf_object__next_program(object, p)) != nullptr;) programs.push_back(p);
  return programs;
}

std::vector<bpf_map*> MapsOf(bpf_object* object) {
  std::vector<bpf_map*> maps;
  for (bpf_map* m = nullptr; (m = bpf_object__next_map(object, m)) != nullptr;) maps.push_back(m);
  return maps;
}

}  // namespace knetlab
