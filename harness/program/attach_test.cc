// SPDX-License-Identifier: Apache-2.0
#include "harness/program/attach.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>

#include "harness/program/run_stats.h"
#include "harness/program/test_support.h"

namespace knetlab {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// UDP from client to server over the veth.
class Wire : public testing::Test {
 protected:
  void SetUp() override {
    const auto udp = [] { return ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); };
    receiver_ = UniqueFd(topology_.ns("server").Run(udp));
    sender_ = UniqueFd(topology_.ns("client").Run(udp));
    address_.sin_family = AF_INET;
    address_.sin_port = htons(7777);
    ::inet_pton(AF_INET, "10.0.0.2", &address_.sin_addr);
    ASSERT_EQ(::bind(receiver_.get(), reinterpret_cast<sockaddr*>(&address_), sizeof(address_)), 0);
  }

  // A veth delivers within the sender's call, so what arrives is there when it returns.
  bool Arrives(std::size_t payload) {
    const std::string data(payload, 'x');
    EXPECT_EQ(::sendto(sender_.get(), data.data(), data.size(), 0, reinterpret_cast<sockaddr*>(&address_),
                       sizeof(address_)),
              static_cast<ssize_t>(data.size()));
    std::string buffer(2048, ' ');
    bool arrived = false;
    while (::recv(receiver_.get(), buffer.data(), buffer.size(), 0) >= 0) arrived = true;
    return arrived;
  }

  AttachPoint At(const std::string& ns, const std::string& mode = "auto") const {
    return {.ns = &topology_.ns(ns), .interface = "eth0", .socket_fd = -1, .mode = mode};
  }

  static std::unique_ptr<Attachment> Attach(const BpfObject& object, const std::string& program,
                                            std::string_view kind, const AttachPoint& point) {
    return AttacherFor(kind).attach(object.program(program), point);
  }

  Topology topology_ = TwoNamespaces();
  UniqueFd receiver_, sender_;
  sockaddr_in address_{};
};

const BpfObject& Kinds() {
  static const BpfObject object =
      BpfObject::Load(TestObject("test_kinds"), {.types = {{"act", BPF_PROG_TYPE_SCHED_CLS}}});
  return object;
}

const BpfObject& Sockets() {
  static const BpfObject object = BpfObject::Load(TestObject("test_sockets"), {});
  return object;
}

TEST_F(Wire, XdpDropsUntilItsAttachmentEndsNativeAndGeneric) {
  for (const std::string mode : {"native", "generic"}) {
    ASSERT_TRUE(Arrives(10));
    auto attachment = Attach(Kinds(), "with_frags", "xdp", At("server", mode));
    EXPECT_EQ(attachment->Mode(), "xdp " + mode);
    EXPECT_FALSE(Arrives(10));
    attachment.reset();
    EXPECT_TRUE(Arrives(10));
  }
  EXPECT_EQ(Attach(Kinds(), "with_frags", "xdp", At("server"))->Mode(), "xdp native");
}

TEST_F(Wire, TcDropsUntilItsAttachmentEndsOnEitherSideByEitherMechanism) {
  struct Case {
    std::string kind, mode, expected, ns;
  };
  for (const Case& test :
       {Case{"tc-ingress", "auto", "tcx ingress", "server"}, Case{"tc-egress", "tcx", "tcx egress", "client"},
        Case{"tc-ingress", "clsact", "clsact ingress", "server"},
        Case{"tc-egress", "clsact", "clsact egress", "client"}}) {
    ASSERT_TRUE(Arrives(10));
    auto attachment = Attach(Kinds(), "shoot", test.kind, At(test.ns, test.mode));
    EXPECT_EQ(attachment->Mode(), test.expected);
    const RunStats stats;
    EXPECT_FALSE(Arrives(10)) << test.expected;
    EXPECT_GT(RunStats::Read(Kinds().program("shoot")).runs, 0U);
    attachment.reset();
    EXPECT_TRUE(Arrives(10)) << test.expected;
  }
}

TEST_F(Wire, ASocketFilterDropsUntilItsAttachmentEnds) {
  // On a UDP socket the packet begins with its UDP header.
  auto attachment =
      Attach(Kinds(), "keep_64", "socket", {.ns = nullptr, .interface = "", .socket_fd = receiver_.get()});
  EXPECT_EQ(attachment->Mode(), "socket");
  EXPECT_FALSE(Arrives(55));
  EXPECT_TRUE(Arrives(56));
  attachment.reset();
  EXPECT_TRUE(Arrives(10));
}

// Nobody is bound to the port that is looked up: the program finds nobody either, or refuses.
TEST_F(Wire, SkLookupRefusesUntilItIsGone) {
  const AttachPoint server{.ns = &topology_.ns("server")};
  auto attachment = Attach(Sockets(), "refuse", "sk-lookup", server);
  EXPECT_EQ(attachment->Mode(), "sk_lookup");
  EXPECT_FALSE(Arrives(10));
  attachment.reset();
  EXPECT_TRUE(Arrives(10));
}

TEST_F(Wire, SkReuseportDropsUntilItsAttachmentEnds) {
  const UniqueFd shared = topology_.ns("server").Run([&] {
    UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const int yes = 1;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &yes, sizeof(yes));
    address_.sin_port = htons(1000);
    EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address_), sizeof(address_)), 0);
    return fd;
  });
  const auto arrives = [&] {
    ::sendto(sender_.get(), "x", 1, 0, reinterpret_cast<sockaddr*>(&address_), sizeof(address_));
    char byte = 0;
    return ::recv(shared.get(), &byte, 1, 0) == 1;
  };
  EXPECT_TRUE(arrives());
  auto attachment = Attach(Sockets(), "choose_none", "sk-reuseport", {.socket_fd = shared.get()});
  EXPECT_EQ(attachment->Mode(), "sk_reuseport");
  EXPECT_FALSE(arrives());
  attachment.reset();
  EXPECT_TRUE(arrives());
}

TEST_F(Wire, AProgramOfAnotherTypeIsToldTheType) {
  for (const std::string_view kind : {"sk-lookup", "sk-reuseport", "sk-skb", "sk-msg", "cgroup-ingress",
                                      "cgroup-egress", "cgroup-sock-addr", "cgroup-sock", "sock-ops"}) {
    const ErrorParts error = ErrorOf([&] { Attach(Kinds(), "shoot", kind, {}); });
    EXPECT_THAT(error.why, AllOf(HasSubstr("type sched_cls"), HasSubstr(std::string(kind)))) << kind;
  }
}

TEST(MapsOfSockets, TakeOneProgramAndOtherMapsNone) {
  const auto attach = [](const std::string& map) {
    return AttacherFor("sk-msg").attach(Sockets().program("any_message"),
                                        {.map_fd = Sockets().map(map).fd()});
  };
  auto attachment = attach("sockets");
  EXPECT_EQ(ErrorOf([&] { attach("sockets"); }).code, EBUSY);
  attachment.reset();
  EXPECT_EQ(attach("sockets")->Mode(), "sockmap");
  EXPECT_THAT(ErrorOf([&] { attach("numbers"); }).hint, HasSubstr("SOCKMAP"));
}

TEST_F(Wire, AnActionLoadedAsAClassifierCanBeAttached) {
  auto attachment = Attach(Kinds(), "act", "tc-ingress", At("server"));
  EXPECT_FALSE(Arrives(10));
}

TEST_F(Wire, AnActionSaysHowToLoadIt) {
  const BpfObject object = BpfObject::Load(TestObject("test_kinds"), {.programs = {"act"}});
  EXPECT_EQ(DefaultAttacher(object.program("act")).kind, "tc-ingress");
  EXPECT_THAT(ErrorOf([&] { Attach(object, "act", "tc-ingress", At("server")); }).hint,
              HasSubstr("sched_cls"));
}

TEST_F(Wire, ASecondXdpProgramIsRefusedWithAHint) {
  const auto attachment = Attach(Kinds(), "drop_odd", "xdp", At("server"));
  const ErrorParts error = ErrorOf([&] { Attach(Kinds(), "hook", "xdp", At("server")); });
  EXPECT_EQ(error.code, EBUSY);
  EXPECT_THAT(error.where, HasSubstr("hook at server:eth0"));
  EXPECT_THAT(error.hint, HasSubstr("detach"));
}

TEST_F(Wire, AnUnknownInterfaceKindOrModeIsNamed) {
  AttachPoint point = At("server");
  point.interface = "eth1";
  const ErrorParts error = ErrorOf([&] { Attach(Kinds(), "drop_odd", "xdp", point); });
  EXPECT_EQ(error.where, "server:eth1");
  EXPECT_THAT(error.hint, HasSubstr("eth0"));
  EXPECT_THAT(ErrorOf([] { AttacherFor("tc-ingres"); }).hint, HasSubstr("tc-ingress"));
  EXPECT_THAT(ErrorOf([&] { Attach(Kinds(), "drop_odd", "xdp", At("server", "nativ")); }).hint,
              HasSubstr("native"));
  EXPECT_EQ(ErrorOf([&] { Attach(Kinds(), "keep_64", "socket", {.ns = nullptr, .interface = ""}); }).code,
            EBADF);
}

TEST(LargeMtu, NeedsFragsForNativeXdpAndAutoTakesGeneric) {
  const Topology topology = TwoNamespaces(9000);
  AttachPoint point{.ns = &topology.ns("server"), .interface = "eth0", .socket_fd = -1, .mode = "native"};
  const Attacher& xdp = AttacherFor("xdp");
  const ErrorParts error = ErrorOf([&] { xdp.attach(Kinds().program("drop_odd"), point); });
  EXPECT_EQ(error.code, ERANGE);
  EXPECT_THAT(error.why, HasSubstr("MTU"));
  EXPECT_THAT(error.hint, HasSubstr("frags"));
  EXPECT_EQ(xdp.attach(Kinds().program("with_frags"), point)->Mode(), "xdp native");
  point.mode = "auto";
  EXPECT_EQ(xdp.attach(Kinds().program("drop_odd"), point)->Mode(), "xdp generic");
}

TEST(Attachments, MayOutliveTheirNamespaceAndObject) {
  std::vector<std::unique_ptr<Attachment>> attachments;
  {
    const Topology topology = TwoNamespaces();
    const BpfObject object = BpfObject::Load(TestObject("test_kinds"), {.programs = {"drop_odd", "shoot"}});
    AttachPoint point{.ns = &topology.ns("server"), .interface = "eth0"};
    attachments.push_back(AttacherFor("xdp").attach(object.program("drop_odd"), point));
    attachments.push_back(AttacherFor("tc-ingress").attach(object.program("shoot"), point));
    point.mode = "clsact";
    attachments.push_back(AttacherFor("tc-ingress").attach(object.program("shoot"), point));
  }
  attachments.clear();
}

TEST(DefaultAttachers, FollowTypeAndTheWordEgress) {
  const auto kind = [](const std::string& name) { return DefaultAttacher(Kinds().program(name)).kind; };
  EXPECT_EQ(kind("drop_odd"), "xdp");
  EXPECT_EQ(kind("shoot"), "tc-ingress");
  EXPECT_EQ(kind("lan"), "tc-egress");
  EXPECT_EQ(kind("keep_64"), "socket");
  EXPECT_THAT(ErrorOf([&] { kind("for_devmap"); }).hint, HasSubstr("type xdp"));
  EXPECT_EQ(DefaultAttacher(ProgramInfo{.name = "act", .section = "action", .type = BPF_PROG_TYPE_SCHED_ACT})
                .program_type,
            BPF_PROG_TYPE_SCHED_CLS);
  EXPECT_THROW(DefaultAttacher(ProgramInfo{.name = "k", .section = "kprobe/x", .type = BPF_PROG_TYPE_KPROBE}),
               Error);
}

}  // namespace
}  // namespace knetlab
