// SPDX-License-Identifier: Apache-2.0
// knetlab topology: builds a topology to look around in.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cctype>
#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>

#include "harness/cli/shell.h"
#include "harness/cli/table.h"
#include "harness/cli/text.h"
#include "harness/cli/verbs.h"
#include "harness/scenario/reader.h"
#include "harness/scenario/requirements.h"
#include "netns/error.h"
#include "netns/kept.h"
#include "netns/nearest.h"
#include "netns/topology.h"

namespace knetlab {
namespace {

struct TopologyArguments {
  std::string file, name, ns;
};

// "scenarios/two.topology.yaml" -> "two"; other letters than a namespace's name may have become "-".
std::string NameFor(const TopologyArguments& arguments) {
  if (!arguments.name.empty()) return arguments.name;
  std::string stem = std::filesystem::path(arguments.file).stem().string();
  if (const std::size_t dot = stem.find(".topology"); dot != std::string::npos) stem.resize(dot);
  for (char& letter : stem) {
    const bool allowed = std::isalnum(static_cast<unsigned char>(letter)) != 0 || letter == '_' ||
                         letter == '-' || letter == '.';
    if (!allowed) letter = '-';
  }
  return stem;
}

// Names of namespaces that go when the command ends.
class KeptNames {
 public:
  explicit KeptNames(std::string name) : name_(std::move(name)) {}
  ~KeptNames() { RemoveKept(name_); }
  KeptNames(const KeptNames&) = delete;
  KeptNames& operator=(const KeptNames&) = delete;

 private:
  std::string name_;
};

std::string Endpoints(const Topology& topology, const std::string& prefix, bool colour) {
  Table table({{"namespace"}, {"interface"}, {"addresses"}, {"MAC"}, {"peer"}});
  for (const NamespaceSpec& ns : topology.spec().namespaces) {
    const std::string full_name = fmt::format("{}-{}", prefix, ns.name);
    bool first = true;
    for (const EndpointInfo& endpoint : topology.endpoints()) {
      if (endpoint.ns != ns.name) continue;
      std::vector<std::string> addresses;
      for (const IpPrefix& address : endpoint.addresses) addresses.push_back(address.ToString());
      const std::string peer =
          endpoint.peer_ns.empty() ? "" : fmt::format("{}:{}", endpoint.peer_ns, endpoint.peer_interface);
      table.Add({Cell(first ? full_name : "", Style::kStrong), endpoint.interface,
                 fmt::format("{}", fmt::join(addresses, " ")), endpoint.mac.ToString(), peer});
      first = false;
    }
    if (first) table.Add({Cell(full_name, Style::kStrong)});
  }
  return table.Render({.colour = colour});
}

void WaitFor(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::unique_lock lock(mutex);
  changed.wait(lock, stop, [] { return false; });
}

int Up(Session& session, const TopologyArguments& arguments) {
  RequireRoot("topology up");
  SweepKept(false);
  const bool keep = session.options.keep;
  const std::string name = NameFor(arguments);
  Topology topology = Topology::Build(ReadTopology(arguments.file));
  topology.Keep(name, keep);
  std::unique_ptr<KeptNames> names;
  if (!keep) names = std::make_unique<KeptNames>(name);

  std::string text = Endpoints(topology, name, session.output.colour());
  const std::vector<NamespaceSpec>& namespaces = topology.spec().namespaces;
  if (!namespaces.empty())
    text += fmt::format("\nenter:  ip netns exec {}-{} bash\n", name, namespaces.front().name);
  text += keep ? fmt::format("remove: knetlab topology down {}\n", name) : "remove: Ctrl-C\n";
  session.output.Write(text);
  if (!keep) WaitFor(session.interrupt.token());
  return kExitDone;
}

int Shell(Session& session, const TopologyArguments& arguments) {
  RequireRoot("topology shell");
  SweepKept(false);
  const Topology topology = Topology::Build(ReadTopology(arguments.file));
  const std::vector<NamespaceSpec>& namespaces = topology.spec().namespaces;
  if (arguments.ns.empty() && namespaces.empty()) {
    throw Error({.what = "open shell",
                 .where = arguments.file,
                 .why = "the topology has no namespace",
                 .hint = "",
                 .detail = ""});
  }
  const std::string name = arguments.ns.empty() ? namespaces.front().name : arguments.ns;
  return RunInNamespace(topology.ns(name), session.after_dashes, session.interrupt);
}

int Down(Session& session, const std::string& name) {
  RequireRoot("topology down");
  const int removed = RemoveKept(name);
  if (removed == 0) {
    std::vector<std::string> names;
    for (const KeptNamespace& kept : ListKept()) {
      if (names.empty() || names.back() != kept.topology) names.push_back(kept.topology);
    }
    throw Error({.what = "remove topology",
                 .where = name,
                 .why = "none of that name is up",
                 .hint = names.empty() ? "" : NearestHint(name, names),
                 .detail = ""});
  }
  session.output.Write(
      fmt::format("removed {}\n", FormatPlural(static_cast<std::uint64_t>(removed), "namespace")));
  return kExitDone;
}

}  // namespace

std::vector<Verb> AddTopology(CLI::App& command, Options& options) {
  CLI::App* verb = command.add_subcommand("topology", "Build a topology to look around in");
  verb->require_subcommand(1);
  const auto arguments = std::make_shared<TopologyArguments>();

  CLI::App* up = verb->add_subcommand("up", "Build it and give its namespaces names for `ip netns`");
  up->add_option("FILE", arguments->file, "a topology, or a scenario with one")->required();
  up->add_option("--name", arguments->name, "the first part of the namespaces' names (the file's name)")
      ->type_name("NAME");
  AddOptions(*up, options, {Opt::kKeep});
  up->footer("Without --keep it stays until Ctrl-C.");

  CLI::App* shell = verb->add_subcommand("shell", "Build it and run a shell or a command in one namespace");
  shell->add_option("FILE", arguments->file, "a topology, or a scenario with one")->required();
  shell->add_option("NAMESPACE", arguments->ns, "where (the first)");
  shell->footer(
      "Ends with the exit status of the shell or command.\n\n"
      "  sudo knetlab topology shell FILE server -- ip -brief address");

  CLI::App* down = verb->add_subcommand("down", "Remove one that was kept");
  down->add_option("NAME", arguments->name, "as `topology up --keep` showed it")->required();

  return {{up, [arguments](Session& session) { return Up(session, *arguments); }},
          {shell, [arguments](Session& session) { return Shell(session, *arguments); }},
          {down, [arguments](Session& session) { return Down(session, arguments->name); }}};
}

}  // namespace knetlab
