// SPDX-License-Identifier: Apache-2.0
#include "harness/program/instrument_types.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "harness/program/btf_handle.h"
#include "harness/program/libbpf_log.h"
#include "netns/error.h"

namespace knetlab {
namespace {

Error BtfFailure(const ProgramCode& program, const std::string& what, int code) {
  return ErrnoError(what, program.name, code);
}

// What the kernel holds, which is what the program's type numbers are of: libbpf has changed it for the
// kernel.
BtfHandle TypesOf(const ProgramCode& program) {
  if (!program.btf) return BtfHandle(btf__new_empty());
  bpf_btf_info info{};
  std::uint32_t size = sizeof(info);
  if (bpf_obj_get_info_by_fd(program.btf.get(), &info, &size) != 0) return nullptr;
  std::vector<std::byte> bytes(info.btf_size);
  info = bpf_btf_info{};
  info.btf = reinterpret_cast<std::uintptr_t>(bytes.data());
  info.btf_size = static_cast<std::uint32_t>(bytes.size());
  size = sizeof(info);
  if (bpf_obj_get_info_by_fd(program.btf.get(), &info, &size) != 0) return nullptr;
  return BtfHandle(btf__new(bytes.data(), info.btf_size));
}

// Finds types or adds them; an id below 0, an errno, is found out at the end.
class TypeMaker {
 public:
  explicit TypeMaker(btf* types) : types_(types) {}

  std::uint32_t Id(int id) {
    if (id < 0 && error_ == 0) error_ = -id;
    return id < 0 ? 0 : static_cast<std::uint32_t>(id);
  }
  std::uint32_t Int() {
    if (int_ == 0) int_ = Id(btf__add_int(types_, "int", 4, BTF_INT_SIGNED));
    return int_;
  }
  struct Parameter {
    const char* name;
    const char* points_to;  // a struct, or "" for any memory, or null for an int
  };
  std::uint32_t Prototype(const std::vector<Parameter>& parameters) {
    const auto result = static_cast<int>(Int());
    std::vector<int> kinds;
    kinds.reserve(parameters.size());
    for (const Parameter& parameter : parameters) kinds.push_back(static_cast<int>(TypeOf(parameter)));
    const std::uint32_t id = Id(btf__add_func_proto(types_, result));  // parameters must follow at once
    for (std::size_t i = 0; i < parameters.size(); ++i)
      Id(btf__add_func_param(types_, parameters[i].name, kinds[i]));
    return id;
  }
  // 0 where there is none; of any prototype where that is 0.
  std::uint32_t FindFunction(std::string_view name, btf_func_linkage linkage, std::uint32_t prototype) const {
    for (std::uint32_t id = 1; id < btf__type_cnt(types_); ++id) {
      const btf_type* type = btf__type_by_id(types_, id);
      if (!btf_is_func(type) || btf_vlen(type) != linkage || (prototype != 0 && type->type != prototype))
        continue;
      const char* its_name = btf__name_by_offset(types_, type->name_off);
      if (its_name != nullptr && name == its_name) return id;
    }
    return 0;
  }
  std::uint32_t Function(const std::string& name, btf_func_linkage linkage,
                         const std::vector<Parameter>& parameters) {
    const std::uint32_t found = FindFunction(name, linkage, 0);
    return found != 0 ? found : AddFunction(name, linkage, Prototype(parameters));
  }
  // The function's twin: static, and with an int for its result, as functions with tail calls must have.
  std::uint32_t StaticTwin(std::uint32_t function) {
    const btf_type* type = btf__type_by_id(types_, function);
    if (type == nullptr || !btf_is_func(type)) return Id(-EINVAL);
    const std::string name = btf__name_by_offset(types_, type->name_off);
    const std::uint32_t prototype = type->type;
    if (!ReturnsInt(prototype)) return Function(name, BTF_FUNC_STATIC, {{"ctx", ""}});
    const std::uint32_t found = FindFunction(name, BTF_FUNC_STATIC, prototype);
    return found != 0 ? found : AddFunction(name, BTF_FUNC_STATIC, prototype);
  }
  std::uint32_t String(const char* text) { return Id(btf__add_str(types_, text)); }
  int error() const { return error_; }

 private:
  std::uint32_t TypeOf(const Parameter& parameter) {
    if (parameter.points_to == nullptr) return Int();
    std::uint32_t target = 0;
    if (*parameter.points_to != '\0') target = Context(parameter.points_to);
    return Id(btf__add_ptr(types_, static_cast<int>(target)));
  }
  // The verifier goes by the name.
  std::uint32_t Context(const char* name) {
    int id = btf__find_by_name_kind(types_, name, BTF_KIND_STRUCT);
    if (id <= 0) {
      const auto member = static_cast<int>(Int());  // before the struct, to which the last type's members go
      id = btf__add_struct(types_, name, 4);
      Id(btf__add_field(types_, "first", member, 0, 0));
    }
    return Id(id);
  }
  std::uint32_t AddFunction(const std::string& name, btf_func_linkage linkage, std::uint32_t prototype) {
    return Id(btf__add_func(types_, name.c_str(), linkage, static_cast<int>(prototype)));
  }
  bool ReturnsInt(std::uint32_t prototype) const {
    const btf_type* type = btf__type_by_id(types_, prototype);
    if (type == nullptr || !btf_is_func_proto(type)) return false;
    for (int depth = 0; depth < kMaxDepth; ++depth) {
      type = btf__type_by_id(types_, type->type);
      if (type == nullptr || !(btf_is_mod(type) || btf_is_typedef(type))) break;
    }
    return type != nullptr && (btf_is_int(type) || btf_is_any_enum(type));
  }

  static constexpr int kMaxDepth = 32;  // typedefs and qualifiers
  btf* types_;
  std::uint32_t int_ = 0;
  int error_ = 0;
};

// The types of the functions that are new.
struct AddedTypes {
  std::uint32_t main = 0, old_main = 0, entry_stub = 0, exit_stub = 0, helper_stub = 0;
  std::uint32_t other = 0;  // of the program's own functions where it has no BTF
  std::uint32_t file = 0, line = 0;

  std::uint32_t Of(FunctionRole role) const {
    switch (role) {
      case FunctionRole::kMain:
        return main;
      case FunctionRole::kOldMain:
        return old_main;
      case FunctionRole::kEntryStub:
        return entry_stub;
      case FunctionRole::kExitStub:
        return exit_stub;
      case FunctionRole::kHelperStub:
        break;
    }
    return helper_stub;
  }
};

void AddStubs(TypeMaker& maker, AddedTypes& added, const StubKind& stubs) {
  const btf_func_linkage linkage = stubs.global ? BTF_FUNC_GLOBAL : BTF_FUNC_STATIC;
  added.entry_stub =
      maker.Function(fmt::format("knetlab_entry_{}", stubs.context), linkage, {{"ctx", stubs.context}});
  added.exit_stub = maker.Function(fmt::format("knetlab_exit_{}", stubs.context), linkage,
                                   {{"ctx", stubs.context}, {"verdict", nullptr}});
  added.helper_stub = maker.Function("knetlab_redirect", BTF_FUNC_STATIC, {{"ctx", ""}});
  added.file = maker.String("knetlab");
  added.line = maker.String("/* knetlab: instrumentation */");
}

AddedTypes AddTypes(btf* types, const ProgramCode& program, const StubKind& stubs) {
  TypeMaker maker(types);
  AddedTypes added;
  AddStubs(maker, added, stubs);
  if (program.functions.empty()) {
    added.main = maker.Function("knetlab_main", BTF_FUNC_STATIC, {{"ctx", ""}});
    added.old_main = maker.Function("program", BTF_FUNC_STATIC, {{"ctx", ""}});
    added.other = maker.Function("function", BTF_FUNC_STATIC, {{"ctx", ""}});
  } else {
    // The new main function has the old one's name and type, so that what looks for the program (fentry,
    // bpftool) finds it. The old one becomes static: it is checked together with its caller, not for any
    // context.
    added.main = program.functions.front().type_id;
    added.old_main = maker.StaticTwin(added.main);
  }
  if (maker.error() != 0) throw BtfFailure(program, "add types to the BTF of program", maker.error());
  return added;
}

bpf_func_info FunctionAt(std::size_t start, std::uint32_t type) {
  bpf_func_info info{};
  info.insn_off = static_cast<std::uint32_t>(start);
  info.type_id = type;
  return info;
}

std::vector<bpf_func_info> Functions(const ProgramCode& program, const InstrumentedCode& code,
                                     const AddedTypes& types) {
  std::vector<bpf_func_info> functions;
  for (const CodeFunction& function : code.functions)
    functions.push_back(FunctionAt(function.start, types.Of(function.role)));
  // The program's own, but for its main function, which is among those above.
  if (program.functions.empty()) {
    const std::vector<std::size_t> starts = FunctionStarts(program.instructions);
    for (std::size_t i = 1; i < starts.size(); ++i)
      functions.push_back(FunctionAt(starts[i] + code.shift, types.other));
  } else {
    for (std::size_t i = 1; i < program.functions.size(); ++i) {
      functions.push_back(
          FunctionAt(program.functions[i].insn_off + code.shift, program.functions[i].type_id));
    }
  }
  std::sort(functions.begin(), functions.end(),
            [](const bpf_func_info& a, const bpf_func_info& b) { return a.insn_off < b.insn_off; });
  return functions;
}

// Where there are source lines at all, each function has to begin with one.
std::vector<bpf_line_info> Lines(const ProgramCode& program, const InstrumentedCode& code,
                                 const AddedTypes& types) {
  std::vector<bpf_line_info> lines = program.lines;
  if (lines.empty()) return lines;
  for (bpf_line_info& line : lines) line.insn_off += static_cast<std::uint32_t>(code.shift);
  for (const CodeFunction& function : code.functions) {
    if (function.start == code.shift) continue;  // the old main function has its own
    bpf_line_info line{};
    line.insn_off = static_cast<std::uint32_t>(function.start);
    line.file_name_off = types.file;
    line.line_off = types.line;
    line.line_col = 1U << 10;  // line 1, column 0
    lines.push_back(line);
  }
  std::sort(lines.begin(), lines.end(),
            [](const bpf_line_info& a, const bpf_line_info& b) { return a.insn_off < b.insn_off; });
  return lines;
}

}  // namespace

bool AddTypesForAllPrograms(btf* types) {
  constexpr std::size_t kMostWork = std::size_t{1} << 26;  // types looked at, of files of others
  std::vector<std::uint32_t> functions;
  for (std::uint32_t id = 1; id < btf__type_cnt(types); ++id) {
    const btf_type* type = btf__type_by_id(types, id);
    if (btf_is_func(type) && btf_vlen(type) == BTF_FUNC_GLOBAL) functions.push_back(id);
  }
  if (functions.empty() || functions.size() * btf__type_cnt(types) > kMostWork) return false;
  TypeMaker maker(types);
  AddedTypes added;
  for (const char* context : {"xdp_md", "__sk_buff"}) {
    for (const bool global : {true, false}) AddStubs(maker, added, {.global = global, .context = context});
  }
  for (const std::uint32_t function : functions) maker.StaticTwin(function);
  return maker.error() == 0;
}

DescribedCode Describe(const ProgramCode& program, const InstrumentedCode& code, const StubKind& stubs) {
  const LibbpfLog log;
  const BtfHandle types = TypesOf(program);
  if (types == nullptr) throw BtfFailure(program, "read the BTF of program", errno);
  const std::uint32_t types_before = btf__type_cnt(types.get());
  const AddedTypes added = AddTypes(types.get(), program, stubs);
  const bool all_there = program.btf && btf__type_cnt(types.get()) == types_before;
  DescribedCode described;
  if (all_there) {
    described.btf = UniqueFd(::fcntl(program.btf.get(), F_DUPFD_CLOEXEC, 0));
  } else {
    if (const int failure = btf__load_into_kernel(types.get()); failure != 0) {
      ErrorParts parts = BtfFailure(program, "load the BTF of program", -failure).parts();
      parts.detail = log.Text();
      throw Error(std::move(parts));
    }
    described.btf = UniqueFd(::fcntl(btf__fd(types.get()), F_DUPFD_CLOEXEC, 0));
  }
  if (!described.btf) throw BtfFailure(program, "keep the BTF of program", errno);
  described.functions = Functions(program, code, added);
  described.lines = Lines(program, code, added);
  return described;
}

}  // namespace knetlab
