// SPDX-License-Identifier: Apache-2.0
// Text of classic programs. The forms are those of tcpdump (-d, -ddd; libpcap's bpf_image.c says what stands
// in a listing) and of iptables' `-m bpf --bytecode`.
#include <fmt/format.h>

#include <cerrno>
#include <charconv>
#include <limits>
#include <utility>

#include "harness/filter/classic.h"
#include "netns/error.h"

namespace knetlab {
namespace {

constexpr std::uint64_t kMaxCode = std::numeric_limits<std::uint16_t>::max();
constexpr std::uint64_t kMaxDistance = std::numeric_limits<std::uint8_t>::max();
constexpr std::uint64_t kMaxConstant = std::numeric_limits<std::uint32_t>::max();

// --- parsing ---

bool IsBlank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

class Reader {
 public:
  Reader(std::string_view text, std::string_view name) : text_(text), name_(name) {}

  ClassicProgram Program() {
    SkipSeparators();
    const std::uint64_t count = Number("the number of instructions", kMaxClassicInstructions);
    if (count == 0) Fail("a program of 0 instructions");
    ClassicProgram program;
    program.reserve(count);
    while (program.size() < count) {
      Separator(fmt::format("instruction {} of {}", program.size(), count));
      program.push_back(Instruction());
    }
    SkipSeparators();
    if (at_ < text_.size()) Fail(fmt::format("something follows the {} instructions", count));
    return program;
  }

 private:
  sock_filter Instruction() {
    sock_filter one{};
    one.code = static_cast<std::uint16_t>(Number("an instruction's code", kMaxCode));
    one.jt = static_cast<std::uint8_t>(Number("the distance of a jump if true", kMaxDistance));
    one.jf = static_cast<std::uint8_t>(Number("the distance of a jump if false", kMaxDistance));
    one.k = static_cast<std::uint32_t>(Number("an instruction's constant", kMaxConstant));
    return one;
  }

  std::uint64_t Number(const std::string& what, std::uint64_t greatest) {
    SkipBlanks();
    std::uint64_t value = 0;
    const char* begin = text_.data() + at_;
    const auto [end, failure] = std::from_chars(begin, text_.data() + text_.size(), value);
    if (failure == std::errc::invalid_argument) Fail(fmt::format("expected {}, a decimal number", what));
    if (failure != std::errc() || value > greatest) Fail(fmt::format("{} is at most {}", what, greatest));
    const std::size_t next = at_ + static_cast<std::size_t>(end - begin);
    if (next < text_.size() && !IsBlank(text_[next]) && !IsSeparator(text_[next])) {
      at_ = next;
      Fail(fmt::format("expected a space or the end of {}", what));
    }
    at_ = next;
    return value;
  }

  // A comma or ends of lines.
  void Separator(const std::string& before) {
    SkipBlanks();
    if (at_ == text_.size()) Fail(fmt::format("the text ends before {}", before));
    if (!IsSeparator(text_[at_])) Fail(fmt::format("expected a comma or a new line before {}", before));
    SkipSeparators();
    if (at_ == text_.size()) Fail(fmt::format("the text ends before {}", before));
  }

  static bool IsSeparator(char c) { return c == ',' || c == '\n'; }
  void SkipBlanks() {
    while (at_ < text_.size() && IsBlank(text_[at_])) ++at_;
  }
  void SkipSeparators() {
    while (at_ < text_.size() && (IsBlank(text_[at_]) || IsSeparator(text_[at_]))) ++at_;
  }

  [[noreturn]] void Fail(std::string why) const {
    std::size_t line = 1, column = 1;
    for (const char c : text_.substr(0, at_)) {
      ++column;
      if (c == '\n') {
        ++line;
        column = 1;
      }
    }
    throw Error({.what = "read classic BPF",
                 .where = fmt::format("{}:{}:{}", name_, line, column),
                 .why = std::move(why),
                 .hint = "as of `tcpdump -ddd`, or \"n,code jt jf k,...\" as xt_bpf takes it",
                 .detail = "",
                 .code = EINVAL});
  }

  std::string_view text_, name_;
  std::size_t at_ = 0;
};

// --- the listing ---

struct Shown {
  std::string op, operand;
};

// What the kernel has at SKF_AD_OFF and above, by libpcap's names; "" for the rest.
std::string_view AncillaryName(std::uint32_t k) {
  switch (k - static_cast<std::uint32_t>(SKF_AD_OFF)) {
    case SKF_AD_PROTOCOL:
      return "proto";
    case SKF_AD_PKTTYPE:
      return "type";
    case SKF_AD_IFINDEX:
      return "ifidx";
    case SKF_AD_NLATTR:
      return "nla";
    case SKF_AD_NLATTR_NEST:
      return "nlan";
    case SKF_AD_MARK:
      return "mark";
    case SKF_AD_QUEUE:
      return "queue";
    case SKF_AD_HATYPE:
      return "hatype";
    case SKF_AD_RXHASH:
      return "rxhash";
    case SKF_AD_CPU:
      return "cpu";
    case SKF_AD_ALU_XOR_X:
      return "xor_x";
    case SKF_AD_VLAN_TAG:
      return "vlan_tci";
    case SKF_AD_VLAN_TAG_PRESENT:
      return "vlanp";
    case SKF_AD_PAY_OFFSET:
      return "poff";
    case SKF_AD_RANDOM:
      return "random";
    case SKF_AD_VLAN_TPID:
      return "vlan_tpid";
    default:
      return "";
  }
}

// libpcap shows constants as signed numbers.
std::int32_t Signed(std::uint32_t k) {
  return static_cast<std::int32_t>(k);
}

std::string LoadName(unsigned code) {
  if (BPF_SIZE(code) == BPF_H) return "ldh";
  return BPF_SIZE(code) == BPF_B ? "ldb" : "ld";
}

Shown ShowLoad(const sock_filter& one) {
  switch (BPF_MODE(one.code)) {
    case BPF_ABS: {
      const std::string_view name = AncillaryName(one.k);
      return {LoadName(one.code),
              name.empty() ? fmt::format("[{}]", Signed(one.k)) : fmt::format("[{}]", name)};
    }
    case BPF_IND:
      return {LoadName(one.code), fmt::format("[x + {}]", Signed(one.k))};
    case BPF_IMM:
      return {"ld", fmt::format("#{:#x}", one.k)};
    case BPF_MEM:
      return {"ld", fmt::format("M[{}]", Signed(one.k))};
    default:
      return {"ld", "#pktlen"};
  }
}

Shown ShowLoadX(const sock_filter& one) {
  switch (BPF_MODE(one.code)) {
    case BPF_MSH:
      return {"ldxb", fmt::format("4*([{}]&0xf)", Signed(one.k))};
    case BPF_IMM:
      return {"ldx", fmt::format("#{:#x}", one.k)};
    case BPF_MEM:
      return {"ldx", fmt::format("M[{}]", Signed(one.k))};
    default:
      return {"ldx", "#pktlen"};
  }
}

std::string AluName(unsigned code) {
  switch (BPF_OP(code)) {
    case BPF_ADD:
      return "add";
    case BPF_SUB:
      return "sub";
    case BPF_MUL:
      return "mul";
    case BPF_DIV:
      return "div";
    case BPF_MOD:
      return "mod";
    case BPF_AND:
      return "and";
    case BPF_OR:
      return "or";
    case BPF_XOR:
      return "xor";
    case BPF_LSH:
      return "lsh";
    case BPF_RSH:
      return "rsh";
    default:
      return "neg";
  }
}

Shown ShowAlu(const sock_filter& one) {
  const unsigned op = BPF_OP(one.code);
  if (op == BPF_NEG) return {"neg", ""};
  if (BPF_SRC(one.code) == BPF_X) return {AluName(one.code), "x"};
  if (op == BPF_AND || op == BPF_OR || op == BPF_XOR)
    return {AluName(one.code), fmt::format("#0x{:x}", one.k)};
  return {AluName(one.code), fmt::format("#{}", Signed(one.k))};
}

std::string JumpName(unsigned code) {
  switch (BPF_OP(code)) {
    case BPF_JEQ:
      return "jeq";
    case BPF_JGT:
      return "jgt";
    case BPF_JGE:
      return "jge";
    default:
      return "jset";
  }
}

std::string ShowInstruction(const sock_filter& one, std::size_t at) {
  const std::size_t next = at + 1;
  Shown shown;
  switch (BPF_CLASS(one.code)) {
    case BPF_LD:
      shown = ShowLoad(one);
      break;
    case BPF_LDX:
      shown = ShowLoadX(one);
      break;
    case BPF_ST:
      shown = {"st", fmt::format("M[{}]", Signed(one.k))};
      break;
    case BPF_STX:
      shown = {"stx", fmt::format("M[{}]", Signed(one.k))};
      break;
    case BPF_ALU:
      shown = ShowAlu(one);
      break;
    case BPF_RET:
      shown = {"ret", BPF_RVAL(one.code) == BPF_A ? "" : fmt::format("#{}", Signed(one.k))};
      break;
    case BPF_MISC:
      shown = {BPF_MISCOP(one.code) == BPF_TXA ? "txa" : "tax", ""};
      break;
    default: {
      if (BPF_OP(one.code) == BPF_JA) {
        shown = {"ja", fmt::format("{}", static_cast<std::int64_t>(next) + Signed(one.k))};
        break;
      }
      const std::string operand = BPF_SRC(one.code) == BPF_X ? "x" : fmt::format("#0x{:x}", one.k);
      return fmt::format("({:03}) {:<8} {:<16} jt {}\tjf {}\n", at, JumpName(one.code), operand,
                         next + one.jt, next + one.jf);
    }
  }
  return fmt::format("({:03}) {:<8} {}\n", at, shown.op, shown.operand);
}

std::string Decimal(const sock_filter& one) {
  return fmt::format("{} {} {} {}", one.code, one.jt, one.jf, one.k);
}

}  // namespace

ClassicProgram ParseClassic(std::string_view text, std::string_view name) {
  ClassicProgram program = Reader(text, name).Program();
  ValidateClassic(program);
  return program;
}

std::string FormatClassic(const ClassicProgram& program, ClassicFormat format) {
  std::string text;
  if (format == ClassicFormat::kReadable) {
    for (std::size_t at = 0; at < program.size(); ++at) text += ShowInstruction(program[at], at);
    return text;
  }
  const char* separator = format == ClassicFormat::kXtBpf ? "," : "\n";
  text = std::to_string(program.size());
  for (const sock_filter& one : program) text += separator + Decimal(one);
  if (format == ClassicFormat::kDecimal) text += "\n";
  return text;
}

}  // namespace knetlab
