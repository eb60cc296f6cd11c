// SPDX-License-Identifier: Apache-2.0
// `sockets:` and `programs:`.
#include <fmt/format.h>

#include <algorithm>

#include "harness/program/attach.h"
#include "harness/program/verdict.h"
#include "harness/scenario/filter_program.h"
#include "harness/scenario/reader_context.h"
#include "harness/scenario/reader_error.h"
#include "harness/scenario/reader_keys.h"

namespace knetlab {
namespace {

constexpr std::int64_t kMostBuffer = std::int64_t{1} << 30;
constexpr std::int64_t kMostMapEntries = std::int64_t{1} << 26;

// "10.0.0.2:53", "[fd00::2]:53"
void ReadSocketAddress(const Node& node, SocketSpec& socket) {
  const std::string& text = node.Text("an address and a port");
  const std::size_t colon = text.rfind(':');
  std::string host = text.substr(0, colon);
  const bool brackets = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (brackets) host = host.substr(1, host.size() - 2);
  const std::uint64_t port =
      colon == std::string::npos ? 0 : ParseUnsigned(text.substr(colon + 1)).value_or(0);
  const bool is_v6 = host.find(':') != std::string::npos;
  if (port == 0 || port > UINT16_MAX || is_v6 != brackets)
    node.FailType("an address and a port", "such as 10.0.0.2:53 or \"[fd00::2]:53\"");
  socket.address = node.Parsed(IpAddress::Parse, host);
  socket.port = static_cast<std::uint16_t>(port);
}

SocketSpec ReadSocket(const Entry& entry, const ReadContext& context) {
  const Fields fields = entry.value.RequireMap("a socket", kSocketKeys);
  SocketSpec socket;
  socket.label = ReadLabel(entry.key, "a socket");
  socket.mark = entry.key.mark();
  socket.ns = context.namespaces.Require(fields.At("in"));
  const Entry& kind = fields.OneOf(kSocketKinds);
  if (kind.name() == "packet") {
    socket.kind = SocketSpec::Kind::kPacket;
    socket.interface = kind.value.String("the name of an interface");
    if (socket.interface != "lo") context.endpoints.Require(kind.value, socket.ns + ":" + socket.interface);
  } else {
    socket.kind = kind.name() == "udp" ? SocketSpec::Kind::kUdp : SocketSpec::Kind::kTcpListen;
    ReadSocketAddress(kind.value, socket);
  }
  if (const auto receive = fields.Find("receive")) {
    const std::string& word = receive->Text("read or hold");
    if (word != "read" && word != "hold") receive->FailType("read or hold");
    socket.receive = word == "read" ? SocketSpec::Receive::kRead : SocketSpec::Receive::kHold;
  }
  if (const auto reuseport = fields.Find("reuseport")) socket.reuseport = reuseport->Boolean();
  if (const auto buffer = fields.Find("buffer"))
    socket.buffer_bytes = static_cast<std::uint32_t>(buffer->Integer(1, kMostBuffer));
  return socket;
}

// The modes of a kind of hook (AttachPoint::mode).
std::vector<std::string_view> ModesOf(std::string_view kind) {
  if (kind == "xdp") return {"auto", "native", "generic"};
  if (kind == "tc-ingress" || kind == "tc-egress") return {"auto", "tcx", "clsact"};
  return {"auto"};
}

const DeclaredNames& TargetsOf(const Attacher& attacher, const ReadContext& context) {
  switch (attacher.target) {
    case AttachTarget::kSocket:
      return context.sockets;
    case AttachTarget::kNamespace:
    case AttachTarget::kCgroup:
      return context.namespaces;
    default:
      return context.endpoints;
  }
}

// `own`: the label of the program, whose maps it may name.
AttachSpec ReadAttachment(const Node& node, const std::string& own, const ReadContext& context) {
  std::vector<std::string_view> kinds;
  for (const Attacher& attacher : Attachers()) kinds.push_back(attacher.kind);
  std::vector<Key> keys{{"mode"}, {"match"}, {"otherwise"}};
  for (const Attacher& attacher : Attachers()) keys.push_back({attacher.kind});
  const Fields fields = node.RequireMap("an attachment", keys);
  const Entry& hook = fields.OneOf(kinds);
  AttachSpec attach;
  attach.kind = hook.name();
  attach.mark = hook.key.mark();
  const Attacher& attacher = AttacherFor(attach.kind);
  if (attacher.target == AttachTarget::kMap) {
    attach.target = hook.value.String("program.map");
    const std::size_t dot = attach.target.find('.');
    if (dot == 0 || dot >= attach.target.size() - 1)
      hook.value.FailType("program.map", "the label of a program, a dot, the name of its map");
    if (const std::string label = attach.target.substr(0, dot); label != own)
      context.programs.Require(hook.value, label);
  } else {
    attach.target = TargetsOf(attacher, context).Require(hook.value);
  }
  if (const auto match = fields.Find("match")) attach.match = match->Text("a verdict");
  if (const auto otherwise = fields.Find("otherwise")) attach.otherwise = otherwise->Text("a verdict");
  if (const auto mode = fields.Find("mode")) {
    const std::vector<std::string_view> modes = ModesOf(attach.kind);
    attach.mode = mode->Text("the mode of an attachment");
    if (std::find(modes.begin(), modes.end(), attach.mode) == modes.end())
      mode->Fail(fmt::format("{} is no mode of {}", Quoted(attach.mode), attach.kind),
                 HintAmong(attach.mode, {modes.begin(), modes.end()}));
  }
  return attach;
}

std::vector<AttachSpec> ReadAttach(const Node& node, const std::string& own, const ReadContext& context) {
  if (!node.is_sequence()) return {ReadAttachment(node, own, context)};
  std::vector<AttachSpec> attachments;
  for (const Node& item : node.Items("a list of attachments"))
    attachments.push_back(ReadAttachment(item, own, context));
  return attachments;
}

// "label.map": the map of a program that is declared before.
void ReadShare(const Node& node, const ReadContext& context, MapSetup& map) {
  const std::string& text = node.String("program.map");
  const std::size_t dot = text.find('.');
  if (dot == std::string::npos || dot + 1 == text.size())
    node.FailType("program.map", "the label of a program above, a dot, the name of its map");
  map.share_program = context.programs.Require(node, text.substr(0, dot));
  map.share_map = text.substr(dot + 1);
}

MapSetup ReadMapSetup(const Entry& entry, const ReadContext& context) {
  const Fields fields = entry.value.RequireMap("a map of a program", kProgramMapKeys);
  MapSetup map;
  map.name = ReadSymbol(entry.key, "a map");
  map.mark = entry.key.mark();
  if (const auto size = fields.Find("size"))
    map.size = static_cast<std::uint32_t>(size->Integer(1, kMostMapEntries));
  if (const auto contents = fields.Find("contents")) map.contents = ReadMapEntries(*contents, context);
  if (const auto share = fields.Find("share")) {
    if (map.size) share->Fail("\"share\" excludes \"size\"", "the size is that of the shared map");
    ReadShare(*share, context, map);
  }
  return map;
}

std::string ReadProgramType(const Node& node) {
  const std::string& type = node.Text("a program type");
  std::vector<std::string> types;
  // Past the last type that is known the name is a number.
  for (int value = BPF_PROG_TYPE_UNSPEC + 1;; ++value) {
    std::string name = ProgramTypeName(static_cast<bpf_prog_type>(value));
    if (name.empty() || (name[0] >= '0' && name[0] <= '9')) break;
    types.push_back(std::move(name));
  }
  if (std::find(types.begin(), types.end(), type) == types.end())
    node.Fail(fmt::format("{} is no program type", Quoted(type)), HintAmong(type, types));
  return type;
}

// An expression is compiled here already, so that mistakes are told with their place.
void ReadFilter(const Node& expression, const Fields& fields, ProgramSpec& program) {
  for (const std::string_view key : kObjectKeys) {
    if (const auto other = fields.Find(key))
      other->Fail(fmt::format("{} belongs to an object, and this is a filter", Quoted(key)));
  }
  program.filter = expression.Text("a pcap-filter expression");
  for (const AttachSpec& attach : program.attach) {
    const AttachSpec& first = program.attach.front();
    if (!AttacherFor(attach.kind).has_verdicts)
      FailAt(attach.mark, fmt::format("a filter decides about packets, {} about sockets", attach.kind),
             "attach it to xdp, tc-ingress, tc-egress or a packet socket");
    const bool same = FilterHookOf(attach) == FilterHookOf(first) && attach.match == first.match &&
                      attach.otherwise == first.otherwise;
    if (!same)
      FailAt(attach.mark, "a filter has one kind of hook and one pair of verdicts",
             "declare another program");
  }
  try {
    CheckFilterProgram(program);
  } catch (const Error& error) {
    expression.Fail(error.parts().why, error.parts().hint);
  }
}

ProgramSpec ReadProgram(const Entry& entry, const ReadContext& context) {
  const Fields fields = entry.value.RequireMap("a program", kProgramKeys);
  ProgramSpec program;
  program.label = ReadLabel(entry.key, "a program");
  if (program.label.find('.') != std::string::npos) entry.key.Fail("the label of a program has no dot");
  program.mark = entry.key.mark();
  const Entry& source = fields.OneOf(kProgramSources);
  const bool is_filter = source.name() == "filter";
  if (!is_filter) program.object = FindObject(source.value, context);
  if (const auto name = fields.Find("program")) program.program = ReadSymbol(*name, "a program");
  if (const auto type = fields.Find("type")) program.type = ReadProgramType(*type);
  if (const auto attach = fields.Find("attach")) program.attach = ReadAttach(*attach, program.label, context);
  if (is_filter) {
    ReadFilter(source.value, fields, program);
    return program;
  }
  for (const AttachSpec& attach : program.attach) {
    if (!attach.match.empty() || !attach.otherwise.empty())
      FailAt(attach.mark,
             "\"match\" and \"otherwise\" belong to a filter; an object has verdicts of its own");
  }
  if (const auto maps = fields.Find("maps")) {
    for (const Entry& map : maps->Entries("maps (a map of name to set-up)"))
      program.maps.push_back(ReadMapSetup(map, context));
  }
  if (const auto globals = fields.Find("globals")) {
    for (const Entry& global : globals->Entries("globals (a map of name to value)"))
      program.globals[ReadSymbol(global.key, "a global variable")] = ReadValue(global.value, context);
  }
  return program;
}

}  // namespace

std::vector<SocketSpec> ReadSocketsSection(const Node& node, ReadContext& context) {
  std::vector<SocketSpec> sockets;
  for (const Entry& entry : node.Entries("sockets (a map of label to socket)")) {
    const bool good = context.mistakes.Try([&] {
      sockets.push_back(ReadSocket(entry, context));
      context.sockets.Add(entry.key, entry.name());
    });
    if (!good) context.sockets.MarkIncomplete();
  }
  return sockets;
}

std::vector<ProgramSpec> ReadProgramsSection(const Node& node, ReadContext& context) {
  std::vector<ProgramSpec> programs;
  for (const Entry& entry : node.Entries("programs (a map of label to program)")) {
    const bool good = context.mistakes.Try([&] {
      programs.push_back(ReadProgram(entry, context));
      context.programs.Add(entry.key, entry.name());
    });
    if (!good) context.programs.MarkIncomplete();
  }
  return programs;
}

}  // namespace knetlab
