// SPDX-License-Identifier: Apache-2.0
#include "harness/traffic/capture_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pcap/pcap.h>
#include <sys/stat.h>

#include "harness/program/sha256.h"
#include "harness/traffic/test_packets.h"
#include "netns/error.h"

namespace knetlab {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using namespace ::knetlab::testing;  // NOLINT(google-build-using-namespace): FromHex and operator+

struct Frame {
  Bytes bytes;
  long seconds = 0;
  long fraction = 0;  // micro- or nanoseconds, as the file has them
  std::uint32_t wire_length = 0;
};

std::string WritePcap(const std::string& path, const std::vector<Frame>& frames, int link_type = DLT_EN10MB,
                      int snaplen = 262144, unsigned int precision = PCAP_TSTAMP_PRECISION_MICRO) {
  pcap_t* pcap = pcap_open_dead_with_tstamp_precision(link_type, snaplen, precision);
  pcap_dumper_t* dumper = pcap_dump_open(pcap, path.c_str());
  EXPECT_NE(dumper, nullptr) << pcap_geterr(pcap);
  for (const Frame& frame : frames) {
    const auto size = static_cast<bpf_u_int32>(frame.bytes.size());
    const pcap_pkthdr header{.ts = {.tv_sec = frame.seconds, .tv_usec = frame.fraction},
                             .caplen = size,
                             .len = frame.wire_length == 0 ? size : frame.wire_length};
    pcap_dump(reinterpret_cast<u_char*>(dumper), &header,
              reinterpret_cast<const u_char*>(frame.bytes.data()));
  }
  pcap_dump_close(dumper);
  pcap_close(pcap);
  return path;
}

Bytes LittleEndian32(std::uint32_t value) {
  return {static_cast<std::byte>(value), static_cast<std::byte>(value >> 8),
          static_cast<std::byte>(value >> 16), static_cast<std::byte>(value >> 24)};
}

Bytes PcapngBlock(std::uint32_t type, const Bytes& body) {
  const Bytes length = LittleEndian32(static_cast<std::uint32_t>(body.size() + 12));
  return LittleEndian32(type) + length + body + length;
}

Bytes PcapngSection() {
  return PcapngBlock(0x0a0d0d0a, FromHex("4d3c2b1a 0100 0000 ffffffffffffffff"));
}

Bytes PcapngInterface(std::uint8_t link_type) {
  return PcapngBlock(1, Bytes{std::byte{link_type}} + FromHex("00 0000 00000400"));
}

Bytes PcapngPacket(std::uint32_t microseconds, const Bytes& frame) {
  const Bytes size = LittleEndian32(static_cast<std::uint32_t>(frame.size()));
  const Bytes padding((4 - frame.size() % 4) % 4);
  return PcapngBlock(6, LittleEndian32(0) + LittleEndian32(0) + LittleEndian32(microseconds) + size + size +
                            frame + padding);
}

// The text of the Error that reading must end with.
std::string ReadError(const std::string& path, const CaptureOptions& options = {}) {
  try {
    ReadCapture(path, options);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

class CaptureFile : public ::testing::Test {
 protected:
  Bytes FrameOf(std::size_t size) { return DistinctFrames(1, size).front().bytes; }
  TempDir dir_;
};

TEST_F(CaptureFile, ReadsBytesTimesAndLengthsOfMicrosecondPcap) {
  const std::string path =
      WritePcap(dir_.Path("a.pcap"), {{FrameOf(60), 7, 123456, 1500}, {FrameOf(100), 8, 0}});
  const Capture capture = ReadCapture(path);
  ASSERT_EQ(capture.packets.size(), 2U);
  EXPECT_EQ(capture.packets[0].bytes, FrameOf(60));
  EXPECT_EQ(capture.packets[0].time_ns, 7'123'456'000U);
  EXPECT_EQ(capture.packets[0].wire_length, 1500U);
  EXPECT_EQ(capture.packets[1].bytes, FrameOf(100));
  EXPECT_EQ(capture.packets[1].wire_length, 100U);
  EXPECT_EQ(capture.total_bytes, 160U);
  EXPECT_EQ(capture.path, path);
  EXPECT_EQ(capture.notice, "");
}

TEST_F(CaptureFile, KeepsNanoseconds) {
  const std::string path = WritePcap(dir_.Path("a.pcap"), {{FrameOf(60), 7, 123456789}}, DLT_EN10MB, 65535,
                                     PCAP_TSTAMP_PRECISION_NANO);
  EXPECT_EQ(ReadCapture(path).packets.at(0).time_ns, 7'123'456'789U);
}

TEST_F(CaptureFile, TakesInvalidNanosecondsAsTheyAre) {
  const std::string path = WritePcap(dir_.Path("a.pcap"), {{FrameOf(60), 1, 4'000'000'000}}, DLT_EN10MB,
                                     65535, PCAP_TSTAMP_PRECISION_NANO);
  EXPECT_EQ(ReadCapture(path).packets.at(0).wire_length, 60U);
}

TEST_F(CaptureFile, ReadsPcapng) {
  const std::string path =
      dir_.Write("a.pcapng", PcapngSection() + PcapngInterface(DLT_EN10MB) + PcapngPacket(5, FrameOf(61)));
  const Capture capture = ReadCapture(path);
  ASSERT_EQ(capture.packets.size(), 1U);
  EXPECT_EQ(capture.packets[0].bytes, FrameOf(61));
  EXPECT_EQ(capture.packets[0].time_ns, 5000U);
}

TEST_F(CaptureFile, NamesThePacketWhereThePcapngLinkTypeChangesAndWhatToDo) {
  const Bytes packet = PcapngPacket(5, FrameOf(60));
  const std::string path = dir_.Write("a.pcapng", PcapngSection() + PcapngInterface(DLT_EN10MB) + packet +
                                                      packet + packet + PcapngInterface(DLT_NULL) + packet);
  EXPECT_THAT(ReadError(path), AllOf(HasSubstr(path), HasSubstr("packet 4: "), HasSubstr("type 0"),
                                     HasSubstr("limit of 3"), HasSubstr("editcap")));
  EXPECT_EQ(ReadCapture(path, {.limit = 3}).packets.size(), 3U);
}

TEST_F(CaptureFile, RefusesOtherLinkTypesByName) {
  const std::string path = WritePcap(dir_.Path("a.pcap"), {{FrameOf(60)}}, DLT_LINUX_SLL);
  EXPECT_THAT(ReadError(path), AllOf(HasSubstr(path), HasSubstr("LINUX_SLL"), HasSubstr("not Ethernet")));
}

TEST_F(CaptureFile, KeepsThePacketsBeforeACutTailAndSaysSo) {
  Bytes file = ReadFile(WritePcap(dir_.Path("a.pcap"), {{FrameOf(60)}, {FrameOf(70)}, {FrameOf(80)}}));
  file.resize(file.size() - 1);
  const Capture capture = ReadCapture(dir_.Write("cut.pcap", file));
  EXPECT_EQ(capture.packets.size(), 2U);
  EXPECT_THAT(capture.notice, HasSubstr("cut short after packet 2"));
}

TEST_F(CaptureFile, KeepsThePacketsBeforeACutPcapngBlock) {
  Bytes file = PcapngSection() + PcapngInterface(DLT_EN10MB) + PcapngPacket(1, FrameOf(60)) +
               PcapngPacket(2, FrameOf(60));
  file.resize(file.size() - 5);
  const Capture capture = ReadCapture(dir_.Write("cut.pcapng", file));
  EXPECT_EQ(capture.packets.size(), 1U);
  EXPECT_THAT(capture.notice, HasSubstr("cut short after packet 1"));
}

TEST_F(CaptureFile, RefusesACaptureWithoutPackets) {
  EXPECT_THAT(ReadError(WritePcap(dir_.Path("a.pcap"), {})), HasSubstr("holds no packets"));
  Bytes file = ReadFile(WritePcap(dir_.Path("b.pcap"), {{FrameOf(60)}}));
  file.resize(file.size() - 1);
  EXPECT_THAT(ReadError(dir_.Write("c.pcap", file)), HasSubstr("holds no packets"));
}

TEST_F(CaptureFile, NamesThePacketWithAnImpossibleLength) {
  Bytes file = ReadFile(WritePcap(dir_.Path("a.pcap"), {{FrameOf(60)}, {FrameOf(60)}}));
  const std::size_t second_header = 24 + 16 + 60;
  std::fill_n(file.begin() + second_header + 8, 4, std::byte{0xff});  // its captured length
  EXPECT_THAT(ReadError(dir_.Write("b.pcap", file)), HasSubstr("packet 2: "));
}

TEST_F(CaptureFile, PadsFramesShorterThanAnEthernetHeader) {
  const std::string path =
      WritePcap(dir_.Path("a.pcap"), {{FromHex("0102030405060708")}, {FrameOf(60)}, {Bytes{}}});
  const Capture capture = ReadCapture(path);
  ASSERT_EQ(capture.packets.size(), 3U);
  EXPECT_EQ(capture.padded, 2U);
  EXPECT_TRUE(capture.packets[0].padded);
  EXPECT_EQ(capture.packets[0].bytes, FromHex("0102030405060708 000000000000"));
  EXPECT_FALSE(capture.packets[1].padded);
  EXPECT_EQ(capture.packets[2].bytes.size(), 14U);
}

TEST_F(CaptureFile, ReadsFramesOf80Kilobytes) {
  const std::string path = WritePcap(dir_.Path("a.pcap"), {{Bytes(80094, std::byte{9})}});
  EXPECT_EQ(ReadCapture(path).packets.at(0).bytes.size(), 80094U);
}

TEST_F(CaptureFile, ReadsNoMoreThanTheLimit) {
  const std::string path = WritePcap(dir_.Path("a.pcap"), {{FrameOf(60)}, {FrameOf(70)}, {FrameOf(80)}});
  EXPECT_EQ(ReadCapture(path, {.limit = 2}).packets.size(), 2U);
  EXPECT_EQ(ReadCapture(path, {.limit = 9}).packets.size(), 3U);
}

TEST_F(CaptureFile, RefusesToHoldMoreThanMaxBytes) {
  const std::string path = WritePcap(dir_.Path("a.pcap"), {{FrameOf(60)}, {Bytes(5000)}});
  EXPECT_THAT(ReadError(path, {.max_bytes = 4096}), HasSubstr("packet 2: "));
  EXPECT_EQ(ReadCapture(path, {.max_bytes = 8192}).packets.size(), 2U);
}

TEST_F(CaptureFile, RefusesWhatIsNoCaptureFile) {
  EXPECT_THAT(ReadError(dir_.Path("none.pcap")), HasSubstr("No such file"));
  EXPECT_THAT(ReadError(dir_.Path("")), HasSubstr("directory"));
  EXPECT_THAT(ReadError("/dev/zero"), HasSubstr("not a regular file"));
  ASSERT_EQ(::mkfifo(dir_.Path("fifo").c_str(), 0600), 0);
  EXPECT_THAT(ReadError(dir_.Path("fifo")), HasSubstr("not a regular file"));
  EXPECT_THAT(ReadError(dir_.Write("empty", {})), HasSubstr("empty"));
  EXPECT_THAT(ReadError(dir_.Write("junk", Bytes(100, std::byte{'x'}))), HasSubstr("unknown file format"));
  EXPECT_THAT(ReadError(dir_.Write("gz", FromHex("1f8b0800 00000000"))), HasSubstr("gunzip"));
  EXPECT_THAT(ReadError(dir_.Write("header", FromHex("d4c3b2a1 0200"))), HasSubstr("truncated"));
}

TEST_F(CaptureFile, GivesTheSha256OfTheWholeFile) {
  EXPECT_EQ(Sha256Hex(FromHex("616263")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  const std::string path = WritePcap(dir_.Path("a.pcap"), {{Bytes(200'000)}, {Bytes(200'000)}});
  EXPECT_EQ(ReadCapture(path, {.limit = 1}).sha256, Sha256Hex(ReadFile(path)));
}

// libpcap would cut the packet at what the header claims.
TEST_F(CaptureFile, APacketLongerThanTheHeadersSnapshotLengthIsRead) {
  const TempDir directory;
  const std::string path = directory.Write(
      "short.pcap", FromHex("d4c3b2a1 0200 0400 00000000 00000000 01000000 01000000"
                            "01000000 00000000 10000000 10000000 000102030405060708090a0b0c0d0e0f"));
  EXPECT_EQ(ReadCapture(path).packets.at(0).bytes, FromHex("000102030405060708090a0b0c0d0e0f"));
}

}  // namespace
}  // namespace knetlab
