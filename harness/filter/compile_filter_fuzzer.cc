// SPDX-License-Identifier: Apache-2.0
// libFuzzer: any bytes are a classic program and a packet; compiled for each target they decide as the
// interpreter of classic BPF does. The first byte says how long the packet is, eight bytes follow for each
// instruction, and the packet is the rest.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "harness/filter/testing/compare.h"
#include "harness/filter/testing/random_classic.h"

namespace knetlab::filter_testing {
namespace {

constexpr std::size_t kInstruction = 8, kMostInstructions = 40;

// Eight bytes as an instruction that is valid with `behind` more behind it.
sock_filter Instruction(const std::uint8_t* bytes, std::size_t behind) {
  sock_filter one{};
  one.code = ClassicOpcodes()[bytes[0] % ClassicOpcodes().size()];
  std::memcpy(&one.k, bytes + 4, sizeof(one.k));
  const std::uint16_t op = BPF_OP(one.code);
  switch (BPF_CLASS(one.code)) {
    case BPF_JMP:
      if (op == BPF_JA) {
        one.k %= behind;
      } else {
        one.jt = static_cast<std::uint8_t>(bytes[1] % std::min<std::size_t>(behind, 256));
        one.jf = static_cast<std::uint8_t>(bytes[2] % std::min<std::size_t>(behind, 256));
      }
      break;
    case BPF_ALU:
      if (BPF_SRC(one.code) == BPF_X) break;
      if (op == BPF_LSH || op == BPF_RSH) one.k %= 32;
      if ((op == BPF_DIV || op == BPF_MOD) && one.k == 0) one.k = 1;
      break;
    case BPF_ST:
    case BPF_STX:
      one.k %= BPF_MEMWORDS;
      break;
    default:
      if (BPF_MODE(one.code) == BPF_MEM) one.k %= BPF_MEMWORDS;
      if (IsAncillaryLoad(one)) one.k = bytes[4];
  }
  return one;
}

}  // namespace
}  // namespace knetlab::filter_testing

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace knetlab::filter_testing;  // NOLINT
  if (size < 1 + kInstruction) return 0;
  const std::size_t wanted = 14 + std::size_t{*data} * 2;
  ++data;
  --size;
  const std::size_t packet_bytes = std::min(wanted, size / 2);
  const std::size_t count = std::min((size - packet_bytes) / kInstruction, kMostInstructions);
  knetlab::ClassicProgram program;
  for (std::size_t i = 0; i < count; ++i) program.push_back(Instruction(data + i * kInstruction, count - i));
  program.push_back({BPF_RET | BPF_A, 0, 0, 0});
  PacketBytes packet(data + count * kInstruction, data + count * kInstruction + packet_bytes);
  packet.resize(wanted);
  if (const auto difference = CompileAndCompare(program, {packet})) {
    std::fputs(difference->Text().c_str(), stderr);
    std::abort();
  }
  return 0;
}
