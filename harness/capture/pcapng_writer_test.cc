// SPDX-License-Identifier: Apache-2.0
// What is written, read back by libpcap and tshark; and outputs that end early.
#include "harness/capture/pcapng_writer.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>

#include "harness/capture/read_back.h"
#include "netns/error.h"
#include "netns/fd.h"

namespace knetlab {
namespace {

using testing::Bytes;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::PacketFor;
using testing::ReadPacket;
using testing::ReadWithLibpcap;
using testing::ReadWithTshark;
using ::testing::SizeIs;
using testing::operator+;
using testing::TempDir;

constexpr std::uint64_t kTime = 1'700'000'000'123'456'789;

CaptureInterface Interface(const std::string& verdict, std::int64_t code) {
  return {.name = "hook " + verdict,
          .description = "a test",
          .filter = "udp",
          .verdict = verdict,
          .code = VerdictOption{VerdictOption::Kind::kXdp, code}};
}

CapturedPacket Packet(const Bytes& bytes, std::uint64_t time_ns = kTime) {
  return {.time_ns = time_ns, .wire_length = static_cast<std::uint32_t>(bytes.size()), .bytes = bytes};
}

InterfaceCounts NoCounts(std::uint32_t) {
  return {};
}

TEST(Pcapng, TsharkShowsInterfaceVerdictAndTime) {
  const TempDir folder;
  const std::string path = folder.Path("out.pcapng");
  PcapngWriter writer(path, {});
  const std::uint32_t drop = writer.AddInterface(Interface("XDP_DROP", 1));
  const std::uint32_t pass = writer.AddInterface(Interface("XDP_PASS", 2));
  writer.Append(pass, Packet(PacketFor(2)));
  writer.Append(drop, Packet(PacketFor(1), kTime + 1));
  EXPECT_TRUE(writer.Finish(NoCounts));
  EXPECT_THAT(ReadWithTshark(path, {"frame.interface_name", "frame.interface_description", "frame.comment",
                                    "frame.verdict.ebpf_xdp", "frame.time_epoch", "udp.dstport"}),
              ElementsAre("hook XDP_PASS\ta test\tXDP_PASS\t2\t1700000000.123456789\t53",
                          "hook XDP_DROP\ta test\tXDP_DROP\t1\t1700000000.123456790\t53"));
}

TEST(Pcapng, AllLengthsComeBackAsTheyWere) {
  for (const CaptureFormat format : {CaptureFormat::kPcapng, CaptureFormat::kPcap}) {
    const TempDir folder;
    const std::string path = folder.Path("out");
    PcapngWriter writer(path, {.format = format});
    const std::uint32_t interface = writer.AddInterface(Interface("XDP_TX", 3));
    std::vector<Bytes> sent;
    for (const std::size_t size : {1UL, 2UL, 3UL, 4UL, 5UL, 63UL, 64UL, 1514UL, 65535UL, 262144UL}) {
      Bytes bytes(size);
      for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 7 + size);
      sent.push_back(bytes);
      EXPECT_TRUE(writer.Append(interface, Packet(bytes)));
    }
    EXPECT_TRUE(writer.Finish(NoCounts));
    const std::vector<ReadPacket> got = ReadWithLibpcap(path);
    ASSERT_THAT(got, SizeIs(sent.size()));
    for (std::size_t i = 0; i < sent.size(); ++i) {
      EXPECT_EQ(got[i].bytes, sent[i]) << sent[i].size() << " bytes";
      EXPECT_EQ(got[i].time_ns, kTime);
    }
    EXPECT_EQ(writer.written(interface), sent.size());
  }
}

TEST(Pcapng, ACutPacketKeepsItsLengthAndATagIsPutBack) {
  const TempDir folder;
  const std::string path = folder.Path("out.pcapng");
  PcapngWriter writer(path, {});
  const std::uint32_t interface = writer.AddInterface({.name = "x"});
  const Bytes bytes = PacketFor(2);
  writer.Append(interface, {.time_ns = kTime,
                            .wire_length = 60,
                            .bytes = std::span(bytes).first(20),
                            .vlan_type = 0x8100,
                            .vlan_tag = 0x2005});
  EXPECT_TRUE(writer.Finish(NoCounts));
  const std::vector<ReadPacket> got = ReadWithLibpcap(path);
  ASSERT_THAT(got, SizeIs(1));
  EXPECT_EQ(got[0].wire_length, 64U);
  const Bytes expected = Bytes(bytes.begin(), bytes.begin() + 12) + testing::FromHex("8100 2005") +
                         Bytes(bytes.begin() + 12, bytes.begin() + 20);
  EXPECT_EQ(got[0].bytes, expected);
}

TEST(Pcapng, EachInterfaceHasItsStatisticsAtTheEnd) {
  const TempDir folder;
  const std::string path = folder.Path("out.pcapng");
  PcapngWriter writer(path, {});
  const std::uint32_t interface = writer.AddInterface(Interface("XDP_DROP", 1));
  writer.Append(interface, Packet(PacketFor(1)));
  EXPECT_TRUE(writer.Finish([&](std::uint32_t i) {
    EXPECT_EQ(i, interface);
    return InterfaceCounts{.received = 7, .matched = 5, .lost = 4, .written = writer.written(i)};
  }));
  const Bytes file = testing::ReadFile(path);
  // The last block: its length, then from its begin type, interface, and options.
  std::uint32_t size = 0;
  std::memcpy(&size, file.data() + file.size() - 4, 4);
  ASSERT_LT(size, file.size());
  const Bytes block(file.end() - size, file.end());
  EXPECT_EQ(block[0], std::byte{5});
  const auto option = [&block](std::uint16_t code) {
    for (std::size_t at = 20; at + 12 <= block.size();) {
      std::uint16_t head[2] = {};
      std::memcpy(head, block.data() + at, sizeof head);
      std::uint64_t value = 0;
      std::memcpy(&value, block.data() + at + 4, 8);
      if (head[0] == code) return value;
      at += 4 + (head[1] + 3U) / 4 * 4;
    }
    return UINT64_MAX;
  };
  EXPECT_EQ(option(4), 7U);  // isb_ifrecv
  EXPECT_EQ(option(6), 5U);  // isb_filteraccept
  EXPECT_EQ(option(7), 4U);  // isb_osdrop
  EXPECT_EQ(option(8), 1U);  // isb_usrdeliv
}

// A file system of 256 KiB, in a mount namespace that ends with the test's process.
class SmallDisk : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(::unshare(CLONE_NEWNS), 0) << std::strerror(errno);
    ASSERT_EQ(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0) << std::strerror(errno);
    std::filesystem::create_directory(folder_.Path("disk"));
    ASSERT_EQ(::mount("knetlab-test", folder_.Path("disk").c_str(), "tmpfs", 0, "size=256k"), 0)
        << std::strerror(errno);
  }
  void TearDown() override { ::umount2(folder_.Path("disk").c_str(), MNT_DETACH); }
  std::string Path() const { return folder_.Path("disk") + "/out"; }

 private:
  TempDir folder_;
};

TEST_F(SmallDisk, AFullDiskLeavesAWholeFileWithWhatIsCounted) {
  for (const CaptureFormat format : {CaptureFormat::kPcapng, CaptureFormat::kPcap}) {
    PcapngWriter writer(Path(), {.format = format});
    const std::uint32_t interface = writer.AddInterface(Interface("XDP_PASS", 2));
    const Bytes packet = PacketFor(2);
    std::uint64_t taken = 0;
    while (taken < 100'000 && writer.Append(interface, Packet(packet))) ++taken;
    EXPECT_FALSE(writer.Finish(NoCounts));
    EXPECT_EQ(writer.error(), ENOSPC);
    EXPECT_LT(writer.written(interface), taken);
    EXPECT_GT(writer.written(interface), 1000U);
    EXPECT_THAT(ReadWithLibpcap(Path()), SizeIs(writer.written(interface)));
    EXPECT_THAT(ReadWithTshark(Path(), {"frame.number"}), SizeIs(writer.written(interface)));
    std::filesystem::remove(Path());
  }
}

class Pipe {
 public:
  Pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw ErrnoError("create", "pipe", errno);
    reader.reset(ends[0]);
    writer.reset(ends[1]);
    ::signal(SIGPIPE, SIG_IGN);
  }
  std::string Path() const { return "/proc/self/fd/" + std::to_string(writer.get()); }
  UniqueFd reader, writer;
};

TEST(Output, APipeGetsWholeBlocksWithEachFlush) {
  Pipe pipe;
  PcapngWriter writer(pipe.Path(), {});
  const std::uint32_t interface = writer.AddInterface(Interface("XDP_DROP", 1));
  ASSERT_TRUE(writer.Flush());
  std::vector<std::byte> bytes(65536);
  const ssize_t head = ::read(pipe.reader.get(), bytes.data(), bytes.size());
  ASSERT_GT(head, 0);
  writer.Append(interface, Packet(PacketFor(1)));
  ASSERT_TRUE(writer.Flush());
  const ssize_t packet = ::read(pipe.reader.get(), bytes.data(), bytes.size());
  std::uint32_t size = 0;
  std::memcpy(&size, bytes.data() + 4, sizeof size);
  EXPECT_EQ(packet, size);
  EXPECT_EQ(writer.written(interface), 1U);
}

TEST(Output, AReaderThatWentAwayEndsIt) {
  Pipe pipe;
  PcapngWriter writer(pipe.Path(), {});
  const std::uint32_t interface = writer.AddInterface(Interface("XDP_DROP", 1));
  ASSERT_TRUE(writer.Flush());
  pipe.reader.reset();
  writer.Append(interface, Packet(PacketFor(1)));
  EXPECT_FALSE(writer.Flush());
  EXPECT_EQ(writer.error(), EPIPE);
  EXPECT_EQ(writer.written(interface), 0U);
  EXPECT_FALSE(writer.Append(interface, Packet(PacketFor(1))));
}

TEST(Output, AReaderThatStandsStillHoldsUsUpNoLongerThanWeWait) {
  const Pipe pipe;
  const Pipe hurry;
  PcapngWriter writer(pipe.Path(), {});
  writer.output().LimitPatience(hurry.reader.get(), 10);
  ASSERT_EQ(::write(hurry.writer.get(), "x", 1), 1);
  const std::uint32_t interface = writer.AddInterface(Interface("XDP_DROP", 1));
  const Bytes packet(60'000);
  std::uint64_t taken = 0;
  while (taken < 1000 && writer.Append(interface, Packet(packet))) ++taken;
  EXPECT_FALSE(writer.Flush());
  EXPECT_EQ(writer.error(), ETIMEDOUT);
  EXPECT_LT(writer.written(interface), taken);
}

TEST(Output, AFileThatCannotBeMadeIsAnError) {
  try {
    const PcapngWriter writer("/nonexistent/out.pcapng", {});
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("/nonexistent/out.pcapng"));
  }
}

}  // namespace
}  // namespace knetlab
