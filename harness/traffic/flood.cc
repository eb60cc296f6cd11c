// SPDX-License-Identifier: Apache-2.0
#include "harness/traffic/flood.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <utility>

#include "harness/traffic/capture_file.h"
#include "harness/traffic/flood_templates.h"
#include "netns/error.h"
#include "netns/nearest.h"

namespace knetlab {
namespace {

constexpr std::string_view kMixed = "mixed", kHex = "hex:";
constexpr std::string_view kDefaultMix = "syn=4,udp=3,dns-query=2,icmp=1";
constexpr std::size_t kMostHex = 9014;
constexpr std::uint64_t kMostWeight = 1'000'000;

Error FloodError(std::string_view where, std::string why, std::string hint = "") {
  return Error({.what = "make flood",
                .where = std::string(where),
                .why = std::move(why),
                .hint = std::move(hint),
                .detail = "",
                .code = EINVAL});
}

FloodPacket::Bytes FromHexDigits(std::string_view text) {
  FloodPacket::Bytes bytes;
  std::string digits;
  for (const char letter : text) {
    if (letter == ' ' || letter == ':' || letter == '\n') continue;
    digits.push_back(letter);
  }
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    std::uint8_t byte = 0;
    const char* end = digits.data() + std::min(i + 2, digits.size());
    const auto [stop, error] = std::from_chars(digits.data() + i, end, byte, 16);
    if (error != std::errc{} || stop != end || end - (digits.data() + i) != 2)
      throw FloodError(kHex, fmt::format("byte {} is not two hexadecimal digits", i / 2 + 1));
    bytes.push_back(byte);
  }
  if (bytes.size() > kMostHex) throw FloodError(kHex, fmt::format("more than {} bytes", kMostHex));
  bytes.resize(std::max<std::size_t>(bytes.size(), 14));
  return bytes;
}

std::string TemplateHint(const std::string& name) {
  std::string hint = NearestHint(name, FloodTemplateNames());
  std::string names;
  for (const std::string& each : FloodTemplateNames()) names += (names.empty() ? "" : ", ") + each;
  if (!hint.empty()) hint += "; ";
  return hint + names + ", hex:BYTES, or a capture";
}

}  // namespace

struct FloodFeed::Part {
  const FloodTemplate* from = nullptr;  // null: packets
  std::vector<FloodPacket> packets;     // in turn
  std::vector<FloodSpec> specs;
  std::uint64_t weight = 1;
  bool ipv6 = false;

  FloodPacket Base(FloodRandom& random, std::uint64_t number) const {
    return from != nullptr ? from->make(ipv6, random) : packets[number % packets.size()];
  }
};

FloodFeed::FloodFeed(const FloodOptions& options) : options_(options), random_(options.seed) {
  for (const std::string& set : options.sets) sets_.push_back(FloodSpec::Parse(set));
  if (options.packets == 0) throw FloodError(options.flood, "no packets to make");
  AddParts();
  RequireFields();
}

FloodFeed::~FloodFeed() = default;

void FloodFeed::AddParts() {
  std::string_view text = options_.flood;
  if (text != kMixed && !text.starts_with("mixed:")) return AddPart(text, 1);
  text = text == kMixed ? kDefaultMix : text.substr(kMixed.size() + 1);
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find(','));
    const std::size_t equals = std::min(part.find('='), part.size());
    std::uint64_t weight = 1;
    if (equals < part.size()) {
      const std::string_view number = part.substr(equals + 1);
      const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), weight);
      if (error != std::errc{} || end != number.data() + number.size() || weight == 0 || weight > kMostWeight)
        throw FloodError(part, "its weight is not a number from 1 on", "mixed:syn=4,udp=3");
    }
    AddPart(part.substr(0, equals), weight);
    text.remove_prefix(std::min(text.size(), part.size() + 1));
  }
  if (parts_.empty()) throw FloodError(options_.flood, "a mix of nothing", "mixed:syn=4,udp=3");
}

void FloodFeed::AddPart(std::string_view text, std::uint64_t weight) {
  Part part;
  part.weight = weight;
  weights_ += weight;
  part.ipv6 = options_.ipv6 || std::any_of(sets_.begin(), sets_.end(),
                                           [](const FloodSpec& spec) { return spec.family() == AF_INET6; });
  std::vector<std::string> defaults;
  part.from = FindFloodTemplate(text);
  if (part.from != nullptr) {
    defaults = part.from->sets;
    defaults.insert(defaults.begin(), part.ipv6 ? "src=2001:2::/48" : "src=198.18.0.0/15");
    for (const FloodSpec& spec : sets_) {
      if (part.ipv6 && spec.family() == AF_INET)
        throw FloodError(text, "IPv4 and IPv6 addresses in one flood", "mix two floods of captures");
    }
  } else if (text.starts_with(kHex)) {
    part.packets.emplace_back(FromHexDigits(text.substr(kHex.size())));
  } else {
    const std::string path(text);
    if (::access(path.c_str(), F_OK) != 0)
      throw FloodError(text, "there is no such template", TemplateHint(path));
    for (const Packet& packet : ReadCapture(path, {.limit = options_.packets}).packets) {
      const auto* bytes = reinterpret_cast<const std::uint8_t*>(packet.bytes.data());
      part.packets.emplace_back(FloodPacket::Bytes(bytes, bytes + packet.bytes.size()));
    }
  }
  part.specs = SpecsFor(defaults);
  parts_.push_back(std::move(part));
}

// In the order of enum FloodField, which is that of the headers: a VLAN tag moves what is behind it, and the
// length comes last.
std::vector<FloodSpec> FloodFeed::SpecsFor(const std::vector<std::string>& defaults) const {
  std::vector<FloodSpec> specs = sets_;
  for (const std::string& set : defaults) {
    const FloodSpec spec = FloodSpec::Parse(set);
    if (std::none_of(specs.begin(), specs.end(),
                     [&](const FloodSpec& each) { return each.field() == spec.field(); }))
      specs.push_back(spec);
  }
  std::stable_sort(specs.begin(), specs.end(),
                   [](const FloodSpec& a, const FloodSpec& b) { return a.field() < b.field(); });
  return specs;
}

void FloodFeed::RequireFields() const {
  FloodRandom random(options_.seed);
  for (std::size_t i = 0; i < sets_.size(); i++) {
    const bool has = std::any_of(parts_.begin(), parts_.end(), [&](const Part& part) {
      const std::size_t packets = std::max<std::size_t>(part.packets.size(), 1);
      for (std::size_t n = 0; n < packets; n++) {
        if (part.Base(random, n).Has(sets_[i].field(), sets_[i].family())) return true;
      }
      return false;
    });
    if (!has)
      throw FloodError(options_.sets[i], fmt::format("packets of {} have no such field", options_.flood));
  }
}

void FloodFeed::Rewind() {
  random_ = FloodRandom(options_.seed);
  made_ = given_ = 0;
  ready_.clear();
}

void FloodFeed::Make() {
  std::uint64_t which = parts_.size() == 1 ? 0 : random_.Below(weights_);
  const Part* part = parts_.data();
  while (parts_.size() > 1 && which >= part->weight) which -= (part++)->weight;
  FloodPacket packet = part->Base(random_, made_);
  for (const FloodSpec& spec : part->specs) packet.Set(spec.field(), spec.Draw(random_, made_));
  packet.Finish();
  made_++;
  if (part->from == nullptr || part->from->fragment == 0) {
    ready_.push_back(std::move(packet));
    return;
  }
  const auto id = static_cast<std::uint32_t>(random_.Next());
  for (FloodPacket& fragment : packet.Fragments(part->from->fragment, id))
    ready_.push_back(std::move(fragment));
}

const Packet* FloodFeed::Next() {
  if (given_ == options_.packets) return nullptr;
  if (ready_.empty()) Make();
  const FloodPacket::Bytes& bytes = ready_.front().bytes();
  const auto* begin = reinterpret_cast<const std::byte*>(bytes.data());
  packet_.bytes.assign(begin, begin + bytes.size());
  packet_.wire_length = static_cast<std::uint32_t>(bytes.size());
  ready_.pop_front();
  given_++;
  return &packet_;
}

std::vector<std::string> FloodTemplateNames() {
  std::vector<std::string> names;
  for (const FloodTemplate& each : FloodTemplates()) names.emplace_back(each.name);
  names.emplace_back(kMixed);
  return names;
}

}  // namespace knetlab
