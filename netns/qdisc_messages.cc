// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <limits>

#include "netns/error.h"
#include "netns/messages.h"
#include "netns/nearest.h"
#include "netns/units.h"

namespace knetlab {
namespace {

// The options of one qdisc, each asked for at most once; what nobody asked for is an error.
class Options {
 public:
  Options(const QdiscSpec& qdisc, std::string where, std::vector<std::string> known)
      : qdisc_(qdisc), where_(std::move(where)) {
    for (const auto& [name, value] : qdisc.options) {
      if (std::find(known.begin(), known.end(), name) == known.end()) {
        Refuse(fmt::format("no option '{}'", name),
               known.empty() ? "it takes none" : NearestHint(name, known));
      }
    }
  }

  template <typename Parser>
  auto Get(const std::string& name, Parser parse, decltype(parse("")) otherwise) const
      -> decltype(parse("")) {
    const auto found = qdisc_.options.find(name);
    return found == qdisc_.options.end() ? otherwise : parse(found->second);
  }
  template <typename Parser>
  auto Need(const std::string& name, Parser parse) const -> decltype(parse("")) {
    if (!qdisc_.options.contains(name)) Refuse(fmt::format("'{}' is missing", name), "");
    return parse(qdisc_.options.at(name));
  }
  bool Has(const std::string& name) const { return qdisc_.options.contains(name); }

  [[noreturn]] void Refuse(std::string why, std::string hint) const {
    throw Error({.what = "add qdisc " + qdisc_.kind,
                 .where = where_,
                 .why = std::move(why),
                 .hint = std::move(hint),
                 .detail = "",
                 .code = EINVAL});
  }

 private:
  const QdiscSpec& qdisc_;
  std::string where_;
};

std::uint32_t Clamp32(std::uint64_t value) {
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(value, std::numeric_limits<std::uint32_t>::max()));
}

void PutFifo(NetlinkMessage& message, const Options& options, bool bytes) {
  if (!options.Has("limit")) return;
  const tc_fifo_qopt fifo = {
      .limit = Clamp32(bytes ? options.Need("limit", ParseBytes) : options.Need("limit", ParseCount))};
  message.PutNumber(TCA_OPTIONS, fifo);
}

void PutTbf(NetlinkMessage& message, const Options& options) {
  const std::uint64_t rate = options.Need("rate", ParseRate);
  const std::uint64_t burst = options.Need("burst", ParseBytes);
  if (rate == 0 || burst == 0) options.Refuse("rate and burst must not be 0", "");
  if (options.Has("limit") == options.Has("latency"))
    options.Refuse("needs one of limit and latency", "such as limit: 100k");
  const std::uint64_t limit =
      options.Has("limit")
          ? options.Need("limit", ParseBytes)
          : static_cast<std::uint64_t>(static_cast<double>(rate) *
                                       static_cast<double>(options.Need("latency", ParseNanoseconds)) / 1e9) +
                burst;
  tc_tbf_qopt tbf = {};
  tbf.rate.rate = Clamp32(rate);
  tbf.rate.linklayer = 1;  // Ethernet: the kernel then needs no rate table
  tbf.limit = Clamp32(limit);
  message.Nest(TCA_OPTIONS, [&](NetlinkMessage& nest) {
    nest.PutNumber(TCA_TBF_PARMS, tbf);
    nest.PutNumber<std::uint32_t>(TCA_TBF_BURST, Clamp32(burst));
    if (rate > std::numeric_limits<std::uint32_t>::max()) nest.PutNumber<std::uint64_t>(TCA_TBF_RATE64, rate);
  });
}

void PutNetem(NetlinkMessage& message, const Options& options) {
  const auto share = [](double part) {
    return static_cast<std::uint32_t>(part * std::numeric_limits<std::uint32_t>::max());
  };
  tc_netem_qopt netem = {};
  netem.limit = Clamp32(options.Get("limit", ParseCount, 1000));
  netem.loss = share(options.Get("loss", ParseShare, 0.0));
  netem.duplicate = share(options.Get("duplicate", ParseShare, 0.0));
  const auto delay = static_cast<std::int64_t>(options.Get("delay", ParseNanoseconds, 0));
  const auto jitter = static_cast<std::int64_t>(options.Get("jitter", ParseNanoseconds, 0));
  // The fixed structure comes first inside the attribute, then attributes of its own; times in the structure
  // are in ticks, the 64-bit attributes (4.15) in nanoseconds override them.
  message.Nest(TCA_OPTIONS, [&](NetlinkMessage& nest) {
    nest.Header(netem);
    if (delay > 0) nest.PutNumber(TCA_NETEM_LATENCY64, delay);
    if (jitter > 0) nest.PutNumber(TCA_NETEM_JITTER64, jitter);
    if (options.Has("corrupt")) {
      nest.PutNumber(
          TCA_NETEM_CORRUPT,
          tc_netem_corrupt{.probability = share(options.Need("corrupt", ParseShare)), .correlation = 0});
    }
    if (options.Has("rate")) {
      const std::uint64_t rate = options.Need("rate", ParseRate);
      tc_netem_rate fixed = {};
      fixed.rate = Clamp32(rate);
      nest.PutNumber(TCA_NETEM_RATE, fixed);
      if (rate > std::numeric_limits<std::uint32_t>::max())
        nest.PutNumber<std::uint64_t>(TCA_NETEM_RATE64, rate);
    }
  });
}

void PutFq(NetlinkMessage& message, const Options& options) {
  message.Nest(TCA_OPTIONS, [&](NetlinkMessage& nest) {
    const auto put = [&](int attribute, const char* name, auto parse) {
      if (options.Has(name)) nest.PutNumber<std::uint32_t>(attribute, Clamp32(options.Need(name, parse)));
    };
    put(TCA_FQ_PLIMIT, "limit", ParseCount);
    put(TCA_FQ_FLOW_PLIMIT, "flow_limit", ParseCount);
    put(TCA_FQ_QUANTUM, "quantum", ParseBytes);
    put(TCA_FQ_INITIAL_QUANTUM, "initial_quantum", ParseBytes);
    put(TCA_FQ_FLOW_MAX_RATE, "maxrate", ParseRate);
    if (options.Has("horizon")) {
      nest.PutNumber<std::uint32_t>(TCA_FQ_HORIZON,
                                    Clamp32(options.Need("horizon", ParseNanoseconds) / 1000));
    }
  });
}

void PutHtb(NetlinkMessage& message, const Options& options) {
  tc_htb_glob htb = {};
  htb.version = TC_HTB_PROTOVER;
  htb.rate2quantum = 10;
  htb.defcls = Clamp32(options.Get("default", ParseHexadecimal, 0));
  message.Nest(TCA_OPTIONS, [&](NetlinkMessage& nest) { nest.PutNumber(TCA_HTB_INIT, htb); });
}

struct Kind {
  const char* name;
  std::vector<std::string> options;
  void (*put)(NetlinkMessage&, const Options&);
};

const std::vector<Kind>& Kinds() {
  static const std::vector<Kind> kinds = {
      {"clsact", {}, nullptr},
      {"ingress", {}, nullptr},
      {"noqueue", {}, nullptr},
      {"pfifo_fast", {}, nullptr},
      {"fq_codel", {}, nullptr},
      {"pfifo",
       {"limit"},
       [](NetlinkMessage& message, const Options& options) { PutFifo(message, options, false); }},
      {"bfifo",
       {"limit"},
       [](NetlinkMessage& message, const Options& options) { PutFifo(message, options, true); }},
      {"tbf", {"rate", "burst", "limit", "latency"}, PutTbf},
      {"htb", {"default"}, PutHtb},
      {"netem", {"delay", "jitter", "loss", "duplicate", "corrupt", "rate", "limit"}, PutNetem},
      {"fq", {"limit", "flow_limit", "quantum", "initial_quantum", "maxrate", "horizon"}, PutFq}};
  return kinds;
}

}  // namespace

NetlinkMessage NewQdisc(int ifindex, const QdiscSpec& qdisc, const std::string& where) {
  const auto kind =
      std::find_if(Kinds().begin(), Kinds().end(), [&](const Kind& k) { return qdisc.kind == k.name; });
  if (kind == Kinds().end()) {
    std::vector<std::string> names;
    for (const Kind& k : Kinds()) names.emplace_back(k.name);
    Options(qdisc, where, names)
        .Refuse(fmt::format("no qdisc '{}'", qdisc.kind), NearestHint(qdisc.kind, names));
  }
  const Options options(qdisc, where, kind->options);
  tcmsg header = {};
  header.tcm_family = AF_UNSPEC;
  header.tcm_ifindex = ifindex;
  header.tcm_parent = TC_H_ROOT;
  if (qdisc.kind == "clsact" || qdisc.kind == "ingress") {
    header.tcm_parent = TC_H_CLSACT;  // of the same value as TC_H_INGRESS
    header.tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
  } else if (qdisc.kind == "htb") {
    header.tcm_handle = TC_H_MAKE(1U << 16, 0);
  }
  NetlinkMessage message(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL);
  message.Header(header);
  message.PutString(TCA_KIND, qdisc.kind);
  if (kind->put != nullptr) kind->put(message, options);
  return message;
}

std::string QdiscHint(const std::string& kind, int code) {
  if (code != ENOENT) return "";
  std::string option = kind == "clsact" ? "ingress" : kind == "pfifo" || kind == "bfifo" ? "fifo" : kind;
  std::string upper = option;
  for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return fmt::format("this kernel has no qdisc {}: it needs CONFIG_NET_SCH_{}, module sch_{}", kind, upper,
                     option);
}

}  // namespace knetlab
