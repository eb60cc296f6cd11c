// SPDX-License-Identifier: Apache-2.0
// Captures of cgroup_skb programs, in a cgroup that the test makes and removes.
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <sstream>

#include "harness/capture/capture_test_support.h"
#include "harness/capture/instrumented.h"
#include "harness/capture/read_back.h"
#include "harness/capture/session.h"
#include "netns/error.h"
#include "netns/topology.h"

namespace knetlab {
namespace {

using ::testing::ElementsAre;
using testing::KeepsEvenLengths;
using testing::ReadWithTshark;
using testing::TempDir;

std::string CgroupMount() {
  std::ifstream file("/proc/self/mountinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.find(" - cgroup2 ") == std::string::npos) continue;
    std::istringstream fields(line);
    std::string path;
    for (int i = 0; i < 5; ++i) fields >> path;
    return path;
  }
  return "";
}

class Cgroup {
 public:
  explicit Cgroup(const std::string& mount) : path_(fmt::format("{}/knetlab-test-{}", mount, ::getpid())) {
    if (::mkdir(path_.c_str(), 0700) != 0) throw ErrnoError("make", path_, errno);
    fd_.reset(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd_) throw ErrnoError("open", path_, errno);
  }
  ~Cgroup() { ::rmdir(path_.c_str()); }
  Cgroup(const Cgroup&) = delete;
  Cgroup& operator=(const Cgroup&) = delete;
  const std::string& path() const { return path_; }
  int fd() const { return fd_.get(); }

 private:
  std::string path_;
  UniqueFd fd_;
};

// In a process of the cgroup, in the namespace: a socket that sends itself datagrams of these lengths.
// Returns how many were allowed to leave, -1 where it could not be tried. Async-signal-safe: the test has
// threads.
int SendToOneself(const char* procs, int ns, const std::array<std::size_t, 4>& lengths) noexcept {
  const int join = ::open(procs, O_WRONLY | O_CLOEXEC);
  if (join < 0 || ::write(join, "0", 1) != 1 || ::setns(ns, CLONE_NEWNET) != 0) return -1;
  const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(53);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return -1;
  std::array<char, 256> data{};
  int sent = 0;
  for (const std::size_t length : lengths) {
    if (::sendto(socket, data.data(), length, 0, reinterpret_cast<const sockaddr*>(&address),
                 sizeof address) >= 0)
      ++sent;
  }
  return sent;
}

TEST(CgroupCapture, EgressAndIngressShowWholePacketsWithTheirVerdicts) {
  const std::string mount = CgroupMount();
  if (mount.empty()) GTEST_SKIP() << "needs cgroup2: it is not mounted";
  const Cgroup cgroup(mount);
  TopologySpec spec;
  spec.namespaces.resize(1);
  spec.namespaces[0].name = "lab";
  const Topology topology = Topology::Build(spec);
  const TempDir folder;
  for (const BufferKind kind : {BufferKind::kRing, BufferKind::kPerf}) {
    const std::string path = folder.Path("out.pcapng");
    const RawProgram egress = KeepsEvenLengths(BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_EGRESS);
    const RawProgram ingress = KeepsEvenLengths(BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_INGRESS);
    const UniqueFd at_egress(bpf_link_create(egress.fd(), cgroup.fd(), BPF_CGROUP_INET_EGRESS, nullptr));
    const UniqueFd at_ingress(bpf_link_create(ingress.fd(), cgroup.fd(), BPF_CGROUP_INET_INGRESS, nullptr));
    ASSERT_TRUE(at_egress && at_ingress) << errno;
    CaptureSession session(
        {.output = path, .filter = "udp dst port 53 and udp[4:2] != 12", .buffer_kind = kind});
    for (const CapturePoint& point : InstrumentedPoints("egress", egress.program(), {.entry = true}))
      session.Add(point);
    for (const CapturePoint& point : InstrumentedPoints("ingress", ingress.program(), {.verdicts = {"pass"}}))
      session.Add(point);
    session.Start();
    const std::string procs = cgroup.path() + "/cgroup.procs";
    const int ns = topology.ns("lab").fd();
    const pid_t child = ::fork();
    if (child == 0) ::_exit(SendToOneself(procs.c_str(), ns, {1, 2, 4, 201}) & 0xff);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(WEXITSTATUS(status), 2) << "of four lengths two are odd";
    const CaptureResult result = session.Stop();
    for (const PointCounts& point : result.points) EXPECT_EQ(point.matched, point.written + point.lost);
    // What leaves has no Ethernet header yet; on lo its addresses are 0, too. The packet of 4 bytes is
    // filtered out.
    const auto lines = ReadWithTshark(
        path, {"frame.interface_name", "frame.comment", "eth.type", "ip.dst", "udp.length", "frame.len"});
    EXPECT_THAT(lines, ElementsAre("egress before\tbefore\t0x0800\t127.0.0.1\t9\t43",
                                   "egress CGROUP_DROP\tCGROUP_DROP\t0x0800\t127.0.0.1\t9\t43",
                                   "egress before\tbefore\t0x0800\t127.0.0.1\t10\t44",
                                   "egress CGROUP_PASS\tCGROUP_PASS\t0x0800\t127.0.0.1\t10\t44",
                                   "ingress CGROUP_PASS\tCGROUP_PASS\t0x0800\t127.0.0.1\t10\t44",
                                   "egress before\tbefore\t0x0800\t127.0.0.1\t209\t243",
                                   "egress CGROUP_DROP\tCGROUP_DROP\t0x0800\t127.0.0.1\t209\t243"));
  }
}

}  // namespace
}  // namespace knetlab
