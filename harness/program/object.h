// SPDX-License-Identifier: Apache-2.0
// BPF object files of anyone: choose programs, fix their types, size and fill maps, set global variables,
// load.
//
//   BpfObject object = BpfObject::Load("filter.o", {.programs = {"xdp_filter"}});
//   const Program& program = object.program("xdp_filter");
//
// Nothing is pinned, whatever the object asks for: programs and maps live as long as the BpfObject (and what
// they are attached to). The file is hostile input: libbpf parses it, its names are checked before they are
// printed.
#pragma once

#include <linux/bpf.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/program/instrument_options.h"

namespace knetlab {

class Instrumentation;

// Bytes of one key and one value, in the kernel's layout.
struct MapEntry {
  std::vector<std::byte> key;
  std::vector<std::byte> value;
};

// The bytes of a global variable of this size, in the kernel's layout.
using GlobalContent = std::function<std::vector<std::byte>(std::size_t size)>;

struct LoadOptions {
  // Empty: all but those of SEC("?..."). Programs that a program array is initialised with join those named.
  std::vector<std::string> programs = {};
  // Program -> type, where its section name is foreign or says another. To attach a program to a hook, give
  // the hook's type (Attacher::program_type): a SEC("action") becomes a classifier, a SEC("xdp/devmap") fit
  // for an interface.
  std::map<std::string, bpf_prog_type> types = {};
  std::map<std::string, std::uint32_t> map_sizes = {};  // map -> max_entries
  // Map -> entries, written after load, before anything is attached.
  std::map<std::string, std::vector<MapEntry>> map_contents = {};
  // Global variable -> what gives its bytes; .rodata (const volatile) and .data/.bss alike. Found by name in
  // the object's BTF.
  std::map<std::string, GlobalContent> globals = {};
  std::map<std::string, int> shared_maps = {};  // map -> descriptor of a map of another object to use instead
  bool force_frags = false;                     // load XDP programs with BPF_F_XDP_HAS_FRAGS
  // Make programs ready for capture (instrument.h). What cannot be is loaded as it is, and says why.
  std::optional<InstrumentOptions> instrument = {};
};

// What is in a file, without loading anything.
struct ProgramInfo {
  std::string name;
  std::string section;
  bpf_prog_type type = BPF_PROG_TYPE_UNSPEC;  // from the section, else guessed (type_is_guess)
  bool type_is_guess = false;
  std::size_t instructions = 0;
};
std::vector<ProgramInfo> InspectObject(const std::string& path);  // throws Error

class Program {
 public:
  const std::string& name() const { return name_; }
  const std::string& section() const { return section_; }
  bpf_prog_type type() const { return type_; }
  std::uint32_t expected_attach_type() const { return expected_attach_type_; }
  bool has_frags() const { return has_frags_; }
  int fd() const { return fd_; }  // owned by the BpfObject
  std::uint32_t id() const { return id_; }
  std::size_t instructions() const { return instructions_; }  // as the kernel runs them, before the JIT
  std::uint64_t verified_ns() const { return verified_ns_; }  // time of the load call
  // Null where LoadOptions::instrument did not ask for it. fd() and id() are those of the instrumented
  // program, instructions() and verified_ns() of the plain one.
  const Instrumentation* instrumentation() const { return instrumentation_; }

 private:
  friend class BpfObject;
  friend class RawProgram;
  std::string name_, section_;
  bpf_prog_type type_ = BPF_PROG_TYPE_UNSPEC;
  std::uint32_t expected_attach_type_ = 0, id_ = 0;
  bool has_frags_ = false;
  int fd_ = -1;
  std::size_t instructions_ = 0;
  std::uint64_t verified_ns_ = 0;
  const Instrumentation* instrumentation_ = nullptr;  // owned by whoever owns the program
};

class BpfMap {
 public:
  const std::string& name() const { return name_; }
  int fd() const { return fd_; }  // owned by the BpfObject
  bpf_map_type type() const { return type_; }
  std::uint32_t key_size() const { return key_size_; }
  std::uint32_t value_size() const { return value_size_; }
  std::uint32_t max_entries() const { return max_entries_; }
  bool per_cpu() const;

  // Throws Error. Per-CPU maps: a lookup gives all CPUs' values one after another, each rounded up to 8
  // bytes; an update takes one value and writes it for every CPU.
  std::optional<std::vector<std::byte>> Lookup(const std::vector<std::byte>& key) const;
  void Update(const MapEntry& entry) const;
  std::vector<MapEntry> Dump(std::size_t limit) const;

 private:
  friend class BpfObject;
  std::string name_;
  int fd_ = -1;
  bpf_map_type type_ = BPF_MAP_TYPE_UNSPEC;
  std::uint32_t key_size_ = 0, value_size_ = 0, max_entries_ = 0;
};

class BpfObject {
 public:
  // Throws Error: not an ELF object, no such program, legacy map section, refused by the verifier (the
  // program, the last 20 lines of its log, and the file that holds the whole log).
  static BpfObject Load(const std::string& path, const LoadOptions& options);

  BpfObject(BpfObject&&) noexcept;
  BpfObject& operator=(BpfObject&&) noexcept;
  ~BpfObject();

  const std::string& path() const;
  const std::string& sha256() const;                    // of the file, hex
  const std::vector<Program>& programs() const;         // the loaded ones, in the file's order
  const Program& program(std::string_view name) const;  // throws Error, with the nearest name
  const std::vector<BpfMap>& maps() const;
  const BpfMap& map(std::string_view name) const;  // throws Error, with the nearest name

 private:
  struct Impl;
  explicit BpfObject(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace knetlab
