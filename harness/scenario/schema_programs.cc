// SPDX-License-Identifier: Apache-2.0
// The schema of `sockets:`, `programs:` and of values.
#include "harness/program/attach.h"
#include "harness/scenario/reader_keys.h"
#include "harness/scenario/schema_parts.h"

namespace knetlab::schema {
namespace {

Json Socket() {
  Json socket = BareObject(
      "a socket", kSocketKeys,
      {{"udp", Scalar(),
        "address and port that it is bound to: `10.0.0.2:53`. Exactly one of `udp`, `tcp` and `packet`"},
       {"tcp", Scalar(), "address and port that it listens on: `\"[fd00::2]:80\"`"},
       {"packet", String(), "an interface of the namespace, all of whose packets it gets (AF_PACKET)"},
       {"in", Scalar(), "a namespace"},
       {"receive", Words({"read", "hold"}),
        "`read`: packets are taken as they come (where it is not given); `hold`: they stay in the receive "
        "buffer"},
       {"buffer", Integer(1, std::int64_t{1} << 30), "size of the receive buffer in bytes"},
       {"reuseport", Boolean(), "shares its address and port with other sockets that say so"}});
  socket["oneOf"] = ExactlyOne(kSocketKinds);
  return OrParameter(std::move(socket));
}

const char* TargetText(AttachTarget target) {
  switch (target) {
    case AttachTarget::kSocket:
      return "label of a socket";
    case AttachTarget::kNamespace:
      return "a namespace";
    case AttachTarget::kCgroup:
      return "a namespace: its sockets and commands are put into a cgroup";
    case AttachTarget::kMap:
      return "a map of sockets, `program.map`";
    default:
      return "endpoint, `namespace:interface`";
  }
}

// The hooks are those that something can be attached to.
Json Attachment() {
  Json attachment = {{"title", "an attachment"}, {"type", "object"}, {"additionalProperties", false}};
  std::vector<std::string_view> kinds;
  for (const Attacher& attacher : Attachers()) {
    kinds.push_back(attacher.kind);
    attachment["properties"][std::string(attacher.kind)] = {
        {"type", Json::array({"string", "number", "boolean"})}, {"description", TargetText(attacher.target)}};
  }
  attachment["properties"]["mode"] = Words({"auto", "native", "generic", "tcx", "clsact"});
  attachment["properties"]["mode"]["description"] =
      "xdp: `native`, `generic`; tc: `tcx`, `clsact`; else the lab chooses";
  attachment["properties"]["match"] = String();
  attachment["properties"]["match"]["description"] =
      "of a filter: the verdict on a match (`drop`; at a socket `pass`)";
  attachment["properties"]["otherwise"] = String();
  attachment["properties"]["otherwise"]["description"] =
      "of a filter: the verdict elsewhere (`pass`; at a socket `drop`)";
  attachment["oneOf"] = ExactlyOne(kinds);
  return OrParameter(std::move(attachment));
}

Json Value() {
  Json keyed = {
      {"type", "object"}, {"additionalProperties", false}, {"minProperties", 1}, {"maxProperties", 1}};
  for (const Key& key : kValueKeys) {
    const bool text =
        key.name == "hex" || key.name == "text" || key.name == "ifindex" || key.name == "socket";
    keyed["properties"][std::string(key.name)] =
        text ? Scalar() : Json{{"type", Json::array({"integer", "boolean", "string"})}};
  }
  return {
      {"title", "a value"},
      {"anyOf", Json::array({Json{{"type", Json::array({"integer", "boolean", "string"})}}, std::move(keyed),
                             Json{{"type", "array"}, {"items", Ref("value")}, {"minItems", 1}}})}};
}

}  // namespace

void AddPrograms(Json& definitions) {
  definitions["socket"] = Socket();
  definitions["program"] =
      Object("a program", kProgramKeys,
             {{"object", String(),
               "a BPF object file: beside the file that names it, else one of the lab's own; an absolute "
               "path is taken as it "
               "is; no `..`. Exactly one of `object` and `filter`"},
              {"filter", String(),
               "an expression in tcpdump's language, compiled for the hook that it is attached to; `xdp` "
               "where it is attached to none"},
              {"program", String(),
               "its name in the object; else the one named like the label, or the object's only one"},
              {"type", String(),
               "a program type as `bpftool` names it (`xdp`, `sched_cls`, `socket_filter`), where the "
               "section name does not tell"},
              {"attach", OneOrListOf(Ref("attachment")), "an attachment, or a list of them"},
              {"maps", MapOf(Ref("map-setup")), "name -> what it is set up with"},
              {"globals", MapOf(Ref("value")), "variable -> value, set before the program is loaded"}});
  definitions["program"]["oneOf"] = ExactlyOne(kProgramSources);
  definitions["attachment"] = Attachment();
  definitions["map-setup"] = Object(
      "a map of a program", kProgramMapKeys,
      {{"size", Integer(1, std::int64_t{1} << 26), "how many entries it has room for"},
       {"contents", ListOf(Ref("map-entry")), "a list of {key, value}, written before anything is attached"},
       {"share", String(),
        "`label.map`: use the map of a program that stands above, instead of one of its own"}});
  definitions["map-entry"] = Object("an entry of a map", kMapEntryKeys,
                                    {{"key", Ref("value"), "a value"}, {"value", Ref("value"), "a value"}});
  definitions["capture"] = Object(
      "a capture", kCaptureKeys,
      {{"file", String(),
        "the pcapng file, from the current folder on; of `knetlab run --capture FOLDER` it goes there, under "
        "the "
        "scenario's name"},
       {"programs", ListOf(Scalar()), "labels of programs; all that are attached where it is not given"},
       {"verdicts", ListOf(Scalar()),
        "such as `drop` or `XDP_DROP`, of the programs that have them; all where it is not given"},
       {"filter", String(), "a pcap-filter expression"},
       {"before", Boolean(), "each packet as it came to the program, too"},
       {"snaplen", Integer(1, 262'144), "the first bytes of each packet only"},
       {"sample", Integer(1, 1'000'000'000), "one in so many, for each verdict and CPU"},
       {"method", Words({"exits", "bypass", "wrapper", "static stubs"}),
        "how programs are made ready, for whom the first that fits is not right; which it was stands in the "
        "notes"}});
  definitions["value"] = Value();
}

}  // namespace knetlab::schema
