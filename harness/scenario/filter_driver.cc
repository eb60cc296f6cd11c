// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/filter_driver.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "bpf/filter_check.skel.h"
#include "bpf/include/filter_check_abi.h"
#include "harness/program/libbpf_log.h"
#include "harness/program/program_type.h"
#include "netns/error.h"

namespace knetlab {
namespace {

static_assert(FilterDriver::kSlots == FILTERS_A_RUN);
static_assert(FilterDriver::kMostBytes == FILTER_CHECK_MOST_BYTES);

// What a packet goes in as that is made another one in TC: of no protocol that a test run looks into.
constexpr std::array<std::byte, 64> kBlank{};

struct SkeletonDeleter {
  void operator()(filter_check_bpf* skeleton) const { filter_check_bpf__destroy(skeleton); }
};

bpf_prog_type TypeOf(FilterTarget target) {
  return target == FilterTarget::kTc ? BPF_PROG_TYPE_SCHED_CLS : BPF_PROG_TYPE_XDP;
}

FilterDriver::Verdicts Unpack(std::uint32_t bits) {
  FilterDriver::Verdicts verdicts{};
  for (FilterDriver::Ran& one : verdicts) {
    const auto code = static_cast<std::int32_t>(bits & 3);
    one = code == FilterDriver::kMatchCode       ? FilterDriver::Ran::kMatch
          : code == FilterDriver::kOtherwiseCode ? FilterDriver::Ran::kOtherwise
                                                 : FilterDriver::Ran::kNot;
    bits >>= 2;
  }
  return verdicts;
}

// 0 or an errno.
int TestRunOnce(int program, std::span<const std::byte> packet, std::uint32_t& returned) {
  bpf_test_run_opts options{};
  options.sz = sizeof(options);
  options.data_in = packet.data();
  options.data_size_in = static_cast<std::uint32_t>(packet.size());
  if (bpf_prog_test_run_opts(program, &options) != 0) return errno;
  returned = options.retval;
  return 0;
}

}  // namespace

struct FilterDriver::Impl {
  std::unique_ptr<filter_check_bpf, SkeletonDeleter> skeleton;
  std::vector<RawProgram> programs;
  std::unique_ptr<filter_check_packet> rebuilt = std::make_unique<filter_check_packet>();

  int ArrayOf(FilterTarget target) const {
    const auto& maps = skeleton->maps;
    return bpf_map__fd(target == FilterTarget::kTc    ? maps.filters_tc
                       : target == FilterTarget::kXdp ? maps.filters_xdp
                                                      : maps.filters_frags);
  }
  int ProgramOf(FilterTarget target) const {
    const auto& all = skeleton->progs;
    return bpf_program__fd(target == FilterTarget::kTc    ? all.check_tc
                           : target == FilterTarget::kXdp ? all.check_xdp
                                                          : all.check_frags);
  }
  int Rebuild(std::span<const std::byte> packet, std::uint32_t& returned);
};

// 0 or an errno.
int FilterDriver::Impl::Rebuild(std::span<const std::byte> packet, std::uint32_t& returned) {
  if (packet.size() > kMostBytes) return EMSGSIZE;
  rebuilt->length = static_cast<std::uint32_t>(packet.size());
  std::memcpy(rebuilt->bytes, packet.data(), packet.size());
  const std::uint32_t key = 0;
  if (bpf_map_update_elem(bpf_map__fd(skeleton->maps.packet), &key, rebuilt.get(), BPF_ANY) != 0)
    return errno;
  return TestRunOnce(bpf_program__fd(skeleton->progs.rebuild_tc), kBlank, returned);
}

FilterDriver::FilterDriver(bool fragments) : impl_(std::make_unique<Impl>()) {
  const LibbpfLog log;
  impl_->skeleton.reset(filter_check_bpf__open());
  if (!impl_->skeleton) throw ErrnoError("load the filters' driver", "filter_check.bpf.o", errno);
  bpf_program__set_autoload(impl_->skeleton->progs.check_frags, fragments);
  const int result = filter_check_bpf__load(impl_->skeleton.get());
  if (result != 0) {
    throw Error(
        {.what = "load the filters' driver",
         .where = "filter_check.bpf.o",
         .why = std::generic_category().message(-result),
         .hint = result == -EPERM ? "run as root" : "it needs the JIT: sysctl net.core.bpf_jit_enable=1",
         .detail = log.Text(),
         .code = -result});
  }
}

FilterDriver::~FilterDriver() = default;

void FilterDriver::Set(FilterTarget target, std::size_t slot, const Code& code) {
  const bpf_prog_type type = TypeOf(target);
  impl_->programs.push_back(RawProgram::Load({.name = "filter",
                                              .type = type,
                                              .expected_attach_type = DefaultAttachType(type),
                                              .has_frags = target == FilterTarget::kXdpFrags,
                                              .instructions = code.instructions}));
  const auto key = static_cast<std::uint32_t>(slot);
  const int fd = impl_->programs.back().fd();
  if (bpf_map_update_elem(impl_->ArrayOf(target), &key, &fd, BPF_ANY) != 0)
    throw ErrnoError("put filter into the driver", "program array", errno);
}

void FilterDriver::Clear() {
  for (const FilterTarget target : {FilterTarget::kXdp, FilterTarget::kXdpFrags, FilterTarget::kTc}) {
    for (std::uint32_t key = 0; key < kSlots; ++key) bpf_map_delete_elem(impl_->ArrayOf(target), &key);
  }
  impl_->programs.clear();
}

FilterDriver::Verdicts FilterDriver::Run(FilterTarget target, std::span<const std::byte> packet) {
  std::uint32_t returned = 0;
  int code = TestRunOnce(impl_->ProgramOf(target), packet, returned);
  // Too long, or an IP header that is not whole.
  if (code == EINVAL && target == FilterTarget::kTc) code = impl_->Rebuild(packet, returned);
  return Unpack(code == 0 ? returned : 0);
}

}  // namespace knetlab
