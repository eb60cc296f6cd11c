// SPDX-License-Identifier: Apache-2.0
#include "harness/filter/testing/random_classic.h"

#include <algorithm>

#include "netns/error.h"

namespace knetlab::filter_testing {
namespace {

// Where no byte of a packet is: the kernel's names for other things, and what is negative.
constexpr std::uint32_t kAncillary = 0xfffff000U, kNetwork = 0xfff00000U, kLink = 0xffe00000U;

class Generator {
 public:
  Generator(Random& random, const RandomClassicOptions& options) : random_(random), options_(options) {}

  ClassicProgram Program() {
    const std::size_t size = Size();
    ClassicProgram program;
    if (options_.initialised_memory) {
      for (std::uint32_t word = 0; word < BPF_MEMWORDS; ++word) {
        program.push_back({static_cast<std::uint16_t>(random_.Chance(50) ? BPF_ST : BPF_STX), 0, 0, word});
      }
    }
    dull_ = random_.Chance(60);
    const std::size_t all = program.size() + size;
    while (program.size() + 1 < all) program.push_back(Instruction(all - program.size() - 1));
    program.push_back(Return());
    return program;
  }

  // `behind`: instructions that follow.
  sock_filter Instruction(std::size_t behind) {
    const std::uint32_t kind = random_.Below(100);
    if (kind < 28) return LoadA();
    if (kind < 36) return LoadX();
    if (kind < 42)
      return {static_cast<std::uint16_t>(random_.Chance(60) ? BPF_ST : BPF_STX), 0, 0, MemoryWord()};
    if (kind < 66) return Arithmetic();
    if (kind < 70)
      return {static_cast<std::uint16_t>(BPF_MISC | (random_.Chance(60) ? BPF_TAX : BPF_TXA)), 0, 0, 0};
    if (kind < 97 && behind > 0) return Jump(behind);
    return random_.Chance(30) ? Return() : LoadA();
  }

  sock_filter Return() {
    if (random_.Chance(25)) return {BPF_RET | BPF_A, 0, 0, random_.Chance(10) ? random_.Word() : 0};
    return {BPF_RET | BPF_K, 0, 0,
            random_.Of({0, 0, 1, 0xffff, 262144, 0x80000000U, 0xffffffffU, random_.Word()})};
  }

 private:
  std::size_t Size() {
    const std::uint32_t kind = random_.Below(100);
    const std::uint32_t most = kind < 70 ? 24 : kind < 93 ? 80 : 400;
    return 1 + random_.Below(std::min<std::size_t>(most, options_.max_instructions));
  }

  std::uint32_t MemoryWord() { return random_.Chance(60) ? random_.Below(3) : random_.Below(BPF_MEMWORDS); }

  std::uint16_t LoadSize() { return static_cast<std::uint16_t>(random_.Of({BPF_W, BPF_H, BPF_B})); }

  std::uint32_t Offset() {
    const std::uint32_t kind = random_.Below(100);
    // Most programs must get beyond their first load.
    if (kind < (dull_ ? 97U : 75U)) return random_.Chance(70) ? random_.Below(16) * 2 : random_.Below(64);
    if (kind < 99) return random_.Chance(50) ? random_.Below(300) : random_.Below(2100);
    std::uint32_t offset =
        random_.Of({0xfff0, 0xffff, 0x10000, 0x7fff, 0x7fffffffU, 0x80000000U, kNetwork, kLink, 0xfffffffcU,
                    0xffffffffU, 0xffffff00U, random_.Word(), kAncillary - 4, kAncillary + 64}) +
        random_.Below(4);
    if (IsAncillary(offset)) offset -= 0x1000;
    return offset;
  }

  static bool IsAncillary(std::uint32_t offset) { return offset >= kAncillary && offset < kAncillary + 64; }

  sock_filter LoadA() {
    const std::uint32_t kind = random_.Below(100);
    const std::uint16_t size = LoadSize();
    if (options_.ancillary && kind < 8) {
      return {static_cast<std::uint16_t>(BPF_LD | BPF_ABS | size), 0, 0, kAncillary + 4 * random_.Below(16)};
    }
    if (kind < 55) return {static_cast<std::uint16_t>(BPF_LD | BPF_ABS | size), 0, 0, Offset()};
    if (kind < 75) return {static_cast<std::uint16_t>(BPF_LD | BPF_IND | size), 0, 0, Offset()};
    if (kind < 85) return {BPF_LD | BPF_MEM, 0, 0, MemoryWord()};
    if (kind < 92) return {BPF_LD | BPF_IMM, 0, 0, Constant()};
    return {BPF_LD | BPF_LEN, 0, 0, random_.Chance(90) ? 0 : random_.Word()};
  }

  sock_filter LoadX() {
    const std::uint32_t kind = random_.Below(100);
    if (kind < 45) return {BPF_LDX | BPF_B | BPF_MSH, 0, 0, Offset()};
    if (kind < 65) return {BPF_LDX | BPF_IMM, 0, 0, random_.Chance(60) ? random_.Below(64) : Constant()};
    if (kind < 92) return {BPF_LDX | BPF_MEM, 0, 0, MemoryWord()};
    return {BPF_LDX | BPF_LEN, 0, 0, 0};
  }

  sock_filter Arithmetic() {
    static const std::vector<std::uint16_t> kOps = {BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_OR,
                                                    BPF_AND, BPF_AND, BPF_AND, BPF_LSH, BPF_RSH,
                                                    BPF_NEG, BPF_MOD, BPF_XOR, BPF_RSH};
    const std::uint16_t op = random_.Of(kOps);
    if (op == BPF_NEG) return {BPF_ALU | BPF_NEG, 0, 0, 0};
    if (random_.Chance(30)) return {static_cast<std::uint16_t>(BPF_ALU | op | BPF_X), 0, 0, 0};
    std::uint32_t value = Constant();
    if (op == BPF_LSH || op == BPF_RSH) value = random_.Chance(60) ? random_.Below(9) : random_.Below(32);
    if (op == BPF_AND && random_.Chance(60)) value = Mask();
    if ((op == BPF_DIV || op == BPF_MOD) && value == 0) value = 1 + random_.Below(300);
    return {static_cast<std::uint16_t>(BPF_ALU | op | BPF_K), 0, 0, value};
  }

  std::uint32_t Mask() {
    const std::uint32_t low = (1U << random_.Below(32)) - 1;
    return random_.Of({0xf, 0xf0, 0xff, 0x1fff, 0xfff, 0xfc, 0x3f, 0xffff, 0xffffff00U, low, ~low,
                       low << random_.Below(16)});
  }

  std::uint32_t Constant() {
    const std::uint32_t power = 1U << random_.Below(32);
    return random_.Of({0,
                       1,
                       2,
                       4,
                       5,
                       6,
                       17,
                       0x45,
                       0x800,
                       0x806,
                       0x86dd,
                       0x8100,
                       random_.Below(256),
                       random_.Below(65536),
                       power,
                       power - 1,
                       0 - power,
                       0x7fffffffU,
                       0xffffffffU,
                       random_.Word()});
  }

  sock_filter Jump(std::size_t behind) {
    // A target that follows: distance 0 to behind - 1.
    if (random_.Chance(6)) {
      const std::size_t most = random_.Chance(80) ? std::min<std::size_t>(behind, 8) : behind;
      return {BPF_JMP | BPF_JA, 0, 0, random_.Below(most)};
    }
    static const std::vector<std::uint16_t> kOps = {BPF_JEQ, BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET};
    const auto code =
        static_cast<std::uint16_t>(BPF_JMP | random_.Of(kOps) | (random_.Chance(20) ? BPF_X : BPF_K));
    const auto distance = [this, behind] {
      const std::uint32_t kind = random_.Below(100);
      const std::size_t most = kind < 70 ? 4 : kind < 90 ? 16 : 256;
      return static_cast<std::uint8_t>(random_.Below(std::min(behind, most)));
    };
    sock_filter jump{code, distance(), distance(), BPF_SRC(code) == BPF_X ? 0 : Constant()};
    if (random_.Chance(60)) (random_.Chance(50) ? jump.jt : jump.jf) = 0;
    if (random_.Chance(5)) jump.jt = jump.jf;
    return jump;
  }

  Random& random_;
  const RandomClassicOptions& options_;
  bool dull_ = true;
};

std::vector<std::uint16_t> MakeOpcodes() {
  std::vector<std::uint16_t> codes;
  for (const int size : {BPF_W, BPF_H, BPF_B}) {
    for (const int mode : {BPF_ABS, BPF_IND})
      codes.push_back(static_cast<std::uint16_t>(BPF_LD | size | mode));
  }
  for (const int code :
       {BPF_LD | BPF_IMM, BPF_LD | BPF_MEM, BPF_LD | BPF_LEN, BPF_LDX | BPF_IMM, BPF_LDX | BPF_MEM,
        BPF_LDX | BPF_LEN, BPF_LDX | BPF_B | BPF_MSH, BPF_ST + 0, BPF_STX + 0, BPF_JMP | BPF_JA,
        BPF_ALU | BPF_NEG, BPF_RET | BPF_K, BPF_RET | BPF_A, BPF_MISC | BPF_TAX, BPF_MISC | BPF_TXA}) {
    codes.push_back(static_cast<std::uint16_t>(code));
  }
  for (const int from : {BPF_K, BPF_X}) {
    for (const int op :
         {BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_OR, BPF_AND, BPF_LSH, BPF_RSH, BPF_MOD, BPF_XOR}) {
      codes.push_back(static_cast<std::uint16_t>(BPF_ALU | op | from));
    }
    for (const int op : {BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET}) {
      codes.push_back(static_cast<std::uint16_t>(BPF_JMP | op | from));
    }
  }
  return codes;
}

}  // namespace

const std::vector<std::uint16_t>& ClassicOpcodes() {
  static const std::vector<std::uint16_t> codes = MakeOpcodes();
  return codes;
}

bool IsValidClassic(const ClassicProgram& program) {
  try {
    ValidateClassic(program);
  } catch (const Error&) {
    return false;
  }
  return true;
}

ClassicProgram RandomClassic(Random& random, const RandomClassicOptions& options) {
  return Generator(random, options).Program();
}

ClassicProgram Mutate(const ClassicProgram& program, Random& random, const RandomClassicOptions& options) {
  Generator generator(random, options);
  for (;;) {
    ClassicProgram mutant = program;
    for (std::uint32_t changes = 1 + random.Below(4); changes > 0; --changes) {
      const std::size_t at = random.Below(mutant.size());
      sock_filter& one = mutant[at];
      switch (random.Below(7)) {
        case 0:
          one.k += random.Of({1, 2, 4, 0xffffffffU, 0xfffffffeU, 14});
          break;
        case 1:
          one.k =
              random.Chance(50) ? mutant[random.Below(mutant.size())].k : random.Word() >> random.Below(32);
          break;
        case 2:
          std::swap(one.jt, one.jf);
          break;
        case 3:
          one.jt = static_cast<std::uint8_t>(random.Below(mutant.size() - at));
          break;
        case 4:
          one.code = random.Of(ClassicOpcodes());
          break;
        case 5:
          if (at + 1 < mutant.size()) one = generator.Instruction(mutant.size() - at - 1);
          break;
        default:
          if (at + 1 < mutant.size()) std::swap(one, mutant[at + 1]);
      }
    }
    const bool ancillary = std::any_of(mutant.begin(), mutant.end(), IsAncillaryLoad);
    if (IsValidClassic(mutant) && (options.ancillary || !ancillary)) return mutant;
  }
}

PacketBytes RandomPacket(const ClassicProgram& program, Random& random) {
  // Where programs end: a byte more or less decides.
  std::vector<std::uint32_t> offsets = {14};
  std::vector<std::uint32_t> constants = {0};
  for (const sock_filter& one : program) {
    const std::uint16_t mode = BPF_MODE(one.code);
    const std::uint16_t kind = BPF_CLASS(one.code);
    if ((kind == BPF_LD && (mode == BPF_ABS || mode == BPF_IND)) || (kind == BPF_LDX && mode == BPF_MSH)) {
      if (one.k < 2000) offsets.push_back(one.k);
    } else if (kind == BPF_JMP && BPF_OP(one.code) != BPF_JA) {
      constants.push_back(one.k);
    }
  }
  std::size_t length = 0;
  switch (random.Below(4)) {
    case 0:
      length = random.Of(offsets) + random.Below(6);
      break;
    case 1:
      length = random.Between(14, 2000);
      break;
    default:
      length = random.Between(14, 140);
  }
  PacketBytes packet(std::clamp<std::size_t>(length, 14, 2000));
  const std::uint32_t filling = random.Below(4);
  for (std::uint8_t& byte : packet) {
    byte = filling == 0 ? 0 : static_cast<std::uint8_t>(filling == 1 ? random.Below(8) : random.Word());
  }
  for (const std::uint32_t offset : offsets) {
    if (!random.Chance(60)) continue;
    const std::uint32_t value = random.Of(constants) + random.Of({0, 0, 0, 1, 0xffffffffU});
    const std::size_t size = random.Of({1, 2, 4});
    if (offset + size > packet.size()) continue;
    for (std::size_t i = 0; i < size; ++i) {
      packet[offset + i] = static_cast<std::uint8_t>(value >> (8 * (size - 1 - i)));
    }
  }
  if (random.Chance(30)) {
    packet[12] = 0x08;
    packet[13] = 0x00;
    if (packet.size() > 14) packet[14] = static_cast<std::uint8_t>(random.Of({0x45, 0x46, 0x4f, 0x60}));
    if (packet.size() > 23) packet[23] = static_cast<std::uint8_t>(random.Of({6, 17, 1}));
  }
  return packet;
}

}  // namespace knetlab::filter_testing
