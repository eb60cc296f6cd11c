// SPDX-License-Identifier: Apache-2.0
#include "harness/filter/c_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <utility>
#include <vector>

#include "netns/error.h"

namespace knetlab {
namespace {

// Beyond it the verifier follows no offset into a packet (MAX_PACKET_OFF).
constexpr std::uint32_t kMaxOffset = 0xffff;

bool IsConditional(const sock_filter& one) {
  return BPF_CLASS(one.code) == BPF_JMP && BPF_OP(one.code) != BPF_JA;
}

std::size_t Target(const sock_filter& one, std::size_t at, bool held) {
  if (!IsConditional(one))
    return static_cast<std::size_t>(static_cast<std::int64_t>(at) + 1 + static_cast<std::int32_t>(one.k));
  return at + 1 + (held ? one.jt : one.jf);
}

// "12" of a size in bits.
struct Load {
  int bits;
  bool indexed;
};

std::string Constant(std::uint32_t k) {
  return k < 4096 ? fmt::format("{}u", k) : fmt::format("{:#x}u", k);
}

// Text of a comment cannot end it.
std::string CommentText(std::string text) {
  for (std::size_t at = 0; (at = text.find("*/", at)) != std::string::npos;) text.replace(at, 2, "* /");
  for (std::size_t at = 0; (at = text.find("/*", at)) != std::string::npos;) text.replace(at, 2, "/ *");
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < ' ') c = ' ';
  }
  return text;
}

class Writer {
 public:
  Writer(const ClassicProgram& program, const CSourceOptions& options)
      : program_(program), options_(options) {
    FindReachable();
  }

  std::string Function() {
    if (loops_) Body();  // which variables there are must be known before a jump back
    const std::string body = Body();
    return fmt::format(
        "{}{}\nstatic inline __attribute__((always_inline)) __u32\n"
        "{}(const void *data, const void *data_end, __u32 length)\n{{\n{}{}}}\n",
        loops_ ? Forgetting() : "", Readers(), options_.function, Variables(), body);
  }

 private:
  std::string Body() {
    std::string body;
    for (std::size_t at = 0; at < program_.size(); ++at) {
      if (!reachable_[at]) continue;
      if (is_target_[at]) body += fmt::format("l{}:\n", at);
      body += Statement(at);
    }
    return body;
  }

  // Marks what control reaches, and what needs a label: targets that control does not fall into, but for
  // returns, which stand in the jump's place.
  void FindReachable() {
    reachable_.assign(program_.size(), false);
    is_target_.assign(program_.size(), false);
    std::vector<std::size_t> open{0};
    while (!open.empty()) {
      const std::size_t at = open.back();
      open.pop_back();
      if (reachable_[at]) continue;
      const sock_filter& one = program_[at];
      if (BPF_CLASS(one.code) == BPF_RET) {
        reachable_[at] = at == 0 || FallsInto(at);
        continue;
      }
      reachable_[at] = true;
      if (BPF_CLASS(one.code) != BPF_JMP) {
        open.push_back(at + 1);
        continue;
      }
      for (const bool held : {true, false}) {
        const std::size_t target = Target(one, at, held);
        open.push_back(target);
        if (target != at + 1 && !IsReturn(target)) is_target_[target] = true;
      }
      loops_ = loops_ || Target(one, at, true) <= at;
    }
    // A return that control falls into may have been met before what falls into it.
    for (std::size_t at = 1; at < program_.size(); ++at) {
      if (IsReturn(at) && FallsInto(at)) reachable_[at] = true;
    }
  }

  bool IsReturn(std::size_t at) const { return BPF_CLASS(program_[at].code) == BPF_RET; }

  bool FallsInto(std::size_t at) const {
    if (at == 0 || !reachable_[at - 1] || IsReturn(at - 1)) return false;
    const sock_filter& before = program_[at - 1];
    if (BPF_CLASS(before.code) != BPF_JMP) return true;
    return IsConditional(before) && (before.jt == 0 || before.jf == 0);
  }

  std::string Return(std::size_t at) {
    const sock_filter& one = program_[at];
    if (BPF_RVAL(one.code) != BPF_A) return fmt::format("return {};", one.k);
    reads_a_ = uses_a_ = true;
    return "return a;";
  }

  std::string Go(std::size_t target) {
    return IsReturn(target) ? Return(target) : fmt::format("goto l{};", target);
  }

  std::string Statement(std::size_t at) {
    const sock_filter& one = program_[at];
    switch (BPF_CLASS(one.code)) {
      case BPF_LD:
        return LoadStatement("a", one, at);
      case BPF_LDX:
        return LoadStatement("x", one, at);
      case BPF_ST:
        uses_a_ = reads_a_ = true;
        return fmt::format("\t{} = a;\n", Memory(one.k, false));
      case BPF_STX:
        uses_x_ = reads_x_ = true;
        return fmt::format("\t{} = x;\n", Memory(one.k, false));
      case BPF_ALU:
        return AluStatement(one);
      case BPF_JMP:
        return JumpStatement(one, at);
      case BPF_RET:
        return fmt::format("\t{}\n", Return(at));
      default:
        uses_a_ = uses_x_ = true;
        (BPF_MISCOP(one.code) == BPF_TXA ? reads_x_ : reads_a_) = true;
        return BPF_MISCOP(one.code) == BPF_TXA ? "\ta = x;\n" : "\tx = a;\n";
    }
  }

  std::string Memory(std::uint32_t word, bool read) {
    memory_[word] = true;
    memory_read_[word] = memory_read_[word] || read;
    return fmt::format("m{}", word);
  }

  std::string LoadStatement(const char* to, const sock_filter& one, std::size_t at) {
    (to[0] == 'a' ? uses_a_ : uses_x_) = true;
    switch (BPF_MODE(one.code)) {
      case BPF_IMM:
        return fmt::format("\t{} = {};\n", to, Constant(one.k));
      case BPF_LEN:
        reads_length_ = true;
        return fmt::format("\t{} = length;\n", to);
      case BPF_MEM:
        return fmt::format("\t{} = {};\n", to, Memory(one.k, true));
      default:
        return PacketLoad(one, at);
    }
  }

  std::string PacketLoad(const sock_filter& one, std::size_t at) {
    const bool header_length = BPF_CLASS(one.code) == BPF_LDX;  // 4*([k]&0xf)
    const bool indexed = BPF_MODE(one.code) == BPF_IND;
    const int bits = header_length || BPF_SIZE(one.code) == BPF_B ? 8 : BPF_SIZE(one.code) == BPF_H ? 16 : 32;
    if (!indexed && !header_length && one.k >= static_cast<std::uint32_t>(SKF_AD_OFF))
      throw Ancillary(one, at);
    // An index that wraps is one beyond the packet: x + k is a sum of 64 bits.
    if (one.k > kMaxOffset - 4) return "\treturn 0; /* beyond what is read in one piece */\n";
    reads_packet_[bits / 16] = true;
    const std::string name = fmt::format("{}_load{}", options_.function, bits);
    const char* to = header_length ? "x" : "a";
    std::string offset = fmt::format("{}", one.k);
    if (indexed) {
      reads_x_ = uses_x_ = true;
      indexed_ = true;
      offset = one.k == 0 ? "x" : fmt::format("(__u64)x + {}", one.k);
    }
    std::string text = fmt::format("\tif (!{}(data, data_end, {}, &{}))\n\t\treturn 0;\n", name, offset, to);
    if (header_length) text += "\tx = 4 * (x & 0xf);\n";
    (header_length ? reads_x_ : reads_a_) = true;
    return text;
  }

  std::string AluStatement(const sock_filter& one) {
    uses_a_ = reads_a_ = true;
    const bool by_x = BPF_SRC(one.code) == BPF_X && BPF_OP(one.code) != BPF_NEG;
    if (by_x) uses_x_ = reads_x_ = true;
    const std::string right = by_x ? "x" : Constant(one.k);
    const char* zero_divisor = by_x ? "\tif (x == 0)\n\t\treturn 0;\n" : "";
    switch (BPF_OP(one.code)) {
      case BPF_ADD:
        return fmt::format("\ta += {};\n", right);
      case BPF_SUB:
        return fmt::format("\ta -= {};\n", right);
      case BPF_MUL:
        return fmt::format("\ta *= {};\n", right);
      case BPF_DIV:
        return fmt::format("{}\ta /= {};\n", zero_divisor, right);
      case BPF_MOD:
        return fmt::format("{}\ta %= {};\n", zero_divisor, right);
      case BPF_AND:
        return fmt::format("\ta &= {};\n", right);
      case BPF_OR:
        return fmt::format("\ta |= {};\n", right);
      case BPF_XOR:
        return fmt::format("\ta ^= {};\n", right);
      case BPF_LSH:
        return by_x ? "\ta = x < 32 ? a << x : 0;\n" : fmt::format("\ta <<= {};\n", right);
      case BPF_RSH:
        return by_x ? "\ta = x < 32 ? a >> x : 0;\n" : fmt::format("\ta >>= {};\n", right);
      default:
        return "\ta = -a;\n";
    }
  }

  std::string Condition(const sock_filter& one, bool held) {
    const std::string right = BPF_SRC(one.code) == BPF_X ? "x" : Constant(one.k);
    uses_a_ = reads_a_ = true;
    if (BPF_SRC(one.code) == BPF_X) uses_x_ = reads_x_ = true;
    switch (BPF_OP(one.code)) {
      case BPF_JEQ:
        return fmt::format("a {} {}", held ? "==" : "!=", right);
      case BPF_JGT:
        return fmt::format("a {} {}", held ? ">" : "<=", right);
      case BPF_JGE:
        return fmt::format("a {} {}", held ? ">=" : "<", right);
      default:
        return held ? fmt::format("a & {}", right) : fmt::format("!(a & {})", right);
    }
  }

  std::string JumpStatement(const sock_filter& one, std::size_t at) {
    if (!IsConditional(one)) {
      const std::size_t target = Target(one, at, true);
      if (target == at + 1) return "\t;\n";
      return (target <= at ? Round() : "") + fmt::format("\t{}\n", Go(target));
    }
    const std::size_t yes = Target(one, at, true), no = Target(one, at, false);
    if (yes == no) return yes == at + 1 ? "\t;\n" : fmt::format("\t{}\n", Go(yes));
    if (no == at + 1) return fmt::format("\tif ({})\n\t\t{}\n", Condition(one, true), Go(yes));
    std::string text = fmt::format("\tif ({})\n\t\t{}\n", Condition(one, false), Go(no));
    if (yes != at + 1) text += fmt::format("\t{}\n", Go(yes));
    return text;
  }

  // What stands before a jump back.
  std::string Round() const {
    std::string text = fmt::format("\tif (++rounds == {})\n\t\treturn 0;\n", kMaxRounds);
    for (const std::string& name : Names())
      text += fmt::format("\t{0} = {1}_forget({0});\n", name, options_.function);
    return text;
  }

  std::string Forgetting() const {
    return fmt::format(
        "\n/* Written in two parts and read as one: so the verifier knows nothing of a value when a round "
        "begins,\n"
        " * and follows one round for all. */\n"
        "static inline __attribute__((always_inline)) __u32 {}_forget(__u32 value)\n{{\n"
        "\tvolatile union {{\n\t\t__u32 whole;\n\t\t__u16 half[2];\n\t}} memory;\n\n"
        "\tmemory.half[0] = value;\n\tmemory.half[1] = value >> 16;\n\treturn memory.whole;\n}}\n",
        options_.function);
  }

  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    if (uses_a_) names.emplace_back("a");
    if (uses_x_) names.emplace_back("x");
    for (std::size_t word = 0; word < BPF_MEMWORDS; ++word) {
      if (memory_[word]) names.push_back(fmt::format("m{}", word));
    }
    return names;
  }

  // Functions that read the packet, those that are used.
  std::string Readers() const {
    std::string text;
    constexpr int kBits[] = {8, 16, 32};
    for (std::size_t i = 0; i < 3; ++i) {
      if (!reads_packet_[i]) continue;
      const int bits = kBits[i];
      const std::string value = bits == 8 ? "*at" : fmt::format("__builtin_bswap{}(*at)", bits);
      text += fmt::format(
          "\nstatic inline __attribute__((always_inline)) int\n"
          "{}_load{}(const void *data, const void *data_end, __u64 offset, __u32 *value)\n{{\n"
          "\tconst __u{} *at;\n\n",
          options_.function, bits, bits);
      if (indexed_) {
        text += fmt::format(
            "\t/* The verifier must see the limit on the very register that is added. */\n"
            "\tif (!__builtin_constant_p(offset)) {{\n\t\tasm volatile(\"\" : \"+r\"(offset));\n"
            "\t\tif (offset > {})\n\t\t\treturn 0;\n\t}}\n",
            kMaxOffset - 4);
      }
      text += fmt::format(
          "\tat = data + offset;\n\tif ((const void *)(at + 1) > data_end)\n\t\treturn 0;\n"
          "\t*value = {};\n\treturn 1;\n}}\n",
          value);
    }
    return text;
  }

  // Those that are used; without a reader, named once more: compilers warn of what is only written.
  std::string Variables() const {
    std::vector<std::string> declared;
    std::string unread;
    for (const std::string& name : Names()) {
      declared.push_back(name + " = 0");
      const bool read = name == "a"   ? reads_a_
                        : name == "x" ? reads_x_
                                      : memory_read_[static_cast<std::size_t>(std::stoi(name.substr(1)))];
      if (!read) unread += fmt::format("\t(void){};\n", name);
    }
    if (loops_) declared.emplace_back("rounds = 0");
    if (declared.empty()) return "";
    return fmt::format("\t__u32 {};\n\n{}", fmt::join(declared, ", "), unread);
  }

  static Error Ancillary(const sock_filter& one, std::size_t at) {
    return Error({.what = "write filter as C",
                  .where = fmt::format("instruction {}", at),
                  .why = fmt::format("it reads what is not in the packet: {}",
                                     FormatClassic({one}, ClassicFormat::kReadable).substr(15)),
                  .hint = "an eBPF program for TC reads it: --target tc --emit object",
                  .detail = "",
                  .code = EOPNOTSUPP});
  }

  const ClassicProgram& program_;
  const CSourceOptions& options_;
  std::vector<bool> reachable_, is_target_;
  bool loops_ = false, indexed_ = false, reads_length_ = false;
  bool uses_a_ = false, uses_x_ = false, reads_a_ = false, reads_x_ = false;
  bool reads_packet_[3] = {};  // 8, 16, 32 bits
  bool memory_[BPF_MEMWORDS] = {}, memory_read_[BPF_MEMWORDS] = {};
};

struct Frame {
  const char *includes, *section, *context, *length;
};

std::string FrameText(const CSourceOptions& options) {
  const bool xdp = options.frame == CFrame::kXdp;
  return fmt::format(
      "\n__attribute__((section(\"{0}\"), used)) int filter(struct {1} *ctx)\n{{\n"
      "\tconst void *data = (const void *)(long)ctx->data;\n"
      "\tconst void *data_end = (const void *)(long)ctx->data_end;\n\n"
      "\treturn {2}(data, data_end, {3}) ? {4} : {5};\n}}\n\n"
      "char _license[] __attribute__((section(\"license\"), used)) = \"GPL\";\n",
      xdp ? "xdp" : "tc", xdp ? "xdp_md" : "__sk_buff", options.function,
      xdp ? "(__u32)(ctx->data_end - ctx->data)" : "ctx->len", options.match, options.otherwise);
}

}  // namespace

std::string CSource(const ClassicProgram& program, const CSourceOptions& options) {
  ValidateClassic(program);
  const std::string function = Writer(program, options).Function();
  std::string text = options.comment.empty() ? "" : fmt::format("/* {} */\n", CommentText(options.comment));
  text += "#include <linux/types.h>\n";
  if (options.frame != CFrame::kFunction) text += "#include <linux/bpf.h>\n";
  if (options.frame == CFrame::kTc) text += "#include <linux/pkt_cls.h>\n";
  text += function;
  if (options.frame != CFrame::kFunction) text += FrameText(options);
  return text;
}

}  // namespace knetlab
