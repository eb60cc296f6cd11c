// SPDX-License-Identifier: Apache-2.0
#include "harness/cli/options.h"

#include <CLI/CLI.hpp>
#include <limits>
#include <string>
#include <vector>

namespace knetlab {
namespace {

struct Declaration {
  Opt opt;
  const char* names;
  const char* text;
  void (*add)(CLI::App& verb, Options& values, const Declaration& self);
};

// A checked number: CLI11's own messages show a range of doubles badly.
template <typename Number>
CLI::Validator AtLeast(Number least) {
  return CLI::Validator(
      [least](std::string& text) -> std::string {
        Number value{};
        if (CLI::detail::lexical_cast(text, value) && value >= least) return "";
        return "\"" + text + "\" is not a number from " + CLI::detail::to_string(least) + " on";
      },
      "");
}

template <auto member>
void AddFlag(CLI::App& verb, Options& values, const Declaration& self) {
  verb.add_flag(self.names, values.*member, self.text);
}

template <auto member>
CLI::Option* AddValue(CLI::App& verb, Options& values, const Declaration& self, const char* type) {
  return verb.add_option(self.names, values.*member, self.text)->type_name(type);
}

// May be given several times, with one value each.
template <auto member>
void AddList(CLI::App& verb, Options& values, const Declaration& self, const char* type) {
  verb.add_option(self.names, values.*member, self.text)->type_name(type)->expected(1)->take_all();
}

const Declaration kDeclarations[] = {
    {Opt::kJson, "--json", "one JSON document on stdout", AddFlag<&Options::json>},
    {Opt::kOutput, "-o,--output", "write the result to FILE, which is replaced only by a whole one",
     [](CLI::App& verb, Options& values, const Declaration& self) {
       AddValue<&Options::output>(verb, values, self, "FILE");
     }},
    {Opt::kJobs, "-j,--jobs", "how many at once (1)",
     [](CLI::App& verb, Options& values, const Declaration& self) {
       AddValue<&Options::jobs>(verb, values, self, "N")->check(AtLeast(1));
     }},
    {Opt::kRepeat, "--repeat", "run each so many times, instead of as often as it says itself",
     [](CLI::App& verb, Options& values, const Declaration& self) {
       AddValue<&Options::repeat>(verb, values, self, "N")->check(AtLeast(1));
     }},
    {Opt::kSeed, "--seed", "what everything random depends on (1)",
     [](CLI::App& verb, Options& values, const Declaration& self) {
       AddValue<&Options::seed>(verb, values, self, "N");
     }},
    {Opt::kTimeout, "--timeout", "give each so many seconds, instead of its own limit",
     [](CLI::App& verb, Options& values, const Declaration& self) {
       AddValue<&Options::timeout_s>(verb, values, self, "SECONDS")->check(AtLeast(0.001));
     }},
    {Opt::kRig, "--rig", "where to run: unit (BPF_PROG_TEST_RUN) or wire (veth pairs)",
     [](CLI::App& verb, Options& values, const Declaration& self) {
       AddValue<&Options::rig>(verb, values, self, "RIG")->check(CLI::IsMember({"unit", "wire"}));
     }},
    {Opt::kFilter, "--filter",
     "only scenarios whose name contains TEXT; tag:TAG for those with a tag, ! before a word for those "
     "without; "
     "words in one TEXT must all hold; given several times, any of them",
     [](CLI::App& verb, Options& values, const Declaration& self) {
       AddList<&Options::filters>(verb, values, self, "TEXT");
     }},
    {Opt::kFailFast, "-x,--fail-fast", "start no other scenario after the first that failed",
     AddFlag<&Options::fail_fast>},
    {Opt::kReport, "--report",
     "write a report, too: junit:FILE, ktap:FILE, markdown:FILE or benchmark:FILE; may be given several "
     "times",
     [](CLI::App& verb, Options& values, const Declaration& self) {
       AddList<&Options::reports>(verb, values, self, "FORMAT:FILE");
     }},
    {Opt::kLimit, "--limit", "only the first N packets",
     [](CLI::App& verb, Options& values, const Declaration& self) {
       AddValue<&Options::limit>(verb, values, self, "N")->check(AtLeast(1));
     }},
    {Opt::kHook, "--hook", "where to attach: auto, xdp, tc-ingress, tc-egress, socket (auto)",
     [](CLI::App& verb, Options& values, const Declaration& self) {
       AddValue<&Options::hook>(verb, values, self, "HOOK")
           ->check(CLI::IsMember({"auto", "xdp", "tc-ingress", "tc-egress", "socket"}));
     }},
    {Opt::kKeep, "--keep",
     "leave it there, of a run the labs that failed, until `knetlab topology down` or `knetlab clean`",
     AddFlag<&Options::keep>},
    {Opt::kCapture, "--capture",
     "every packet with its verdict, as pcapng: of try a file, of run a folder with a file for each scenario",
     [](CLI::App& verb, Options& values, const Declaration& self) {
       AddValue<&Options::capture>(verb, values, self, "PATH");
     }},
    {Opt::kCount, "--count", "end after N packets",
     [](CLI::App& verb, Options& values, const Declaration& self) {
       AddValue<&Options::count>(verb, values, self, "N")->check(AtLeast(1));
     }},
    {Opt::kDuration, "--duration", "end after so many seconds",
     [](CLI::App& verb, Options& values, const Declaration& self) {
       AddValue<&Options::duration_s>(verb, values, self, "SECONDS")->check(AtLeast(0.001));
     }},
    {Opt::kUpdateGolden, "--update-golden", "write the golden captures that differ from what was seen",
     AddFlag<&Options::update_golden>},
    {Opt::kStore, "--store", "the file that records go to and come from (knetlab.db)",
     [](CLI::App& verb, Options& values, const Declaration& self) {
       AddValue<&Options::store>(verb, values, self, "FILE");
     }},
};

}  // namespace

void AddOptions(CLI::App& verb, Options& values, std::initializer_list<Opt> wanted) {
  for (const Opt opt : wanted) {
    for (const Declaration& declaration : kDeclarations) {
      if (declaration.opt == opt) declaration.add(verb, values, declaration);
    }
  }
}

}  // namespace knetlab
