// SPDX-License-Identifier: Apache-2.0
// knetlab man: a verb's manual page, made of what --help is made of.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string_view>

#include "harness/cli/man_page.h"
#include "harness/cli/verbs.h"
#include "harness/scenario/whole_file.h"
#include "netns/error.h"
#include "netns/nearest.h"

namespace knetlab {
namespace {

struct ManArguments {
  std::vector<std::string> verb;
  std::string folder;
};

// Today, or what reproducible builds ask for (reproducible-builds.org/specs/source-date-epoch).
std::string Date() {
  std::time_t time = std::time(nullptr);
  if (const char* epoch = std::getenv("SOURCE_DATE_EPOCH")) {
    const std::string_view text = epoch;
    std::from_chars(text.data(), text.data() + text.size(), time);
  }
  std::tm utc{};
  gmtime_r(&time, &utc);
  std::array<char, 16> date{};
  return {date.data(), std::strftime(date.data(), date.size(), "%Y-%m-%d", &utc)};
}

const VerbInfo& Find(const std::vector<VerbInfo>& all, const std::vector<std::string>& path) {
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const VerbInfo& one) { return one.path == path; });
  if (found != all.end()) return *found;
  std::vector<std::string> names;
  names.reserve(all.size());
  for (const VerbInfo& one : all) names.push_back(one.Name());
  std::string wanted = "knetlab";
  for (const std::string& word : path) wanted += " " + word;
  throw Error({.what = "show page of",
               .where = wanted,
               .why = "there is no such verb",
               .hint = NearestHint(wanted, names),
               .detail = "",
               .code = ENOENT});
}

int Man(Session& session, const CLI::App& command, const ManArguments& arguments) {
  const std::vector<VerbInfo> all = DescribeCommand(command);
  const std::string date = Date();
  if (arguments.folder.empty()) {
    session.output.Write(ManPage(Find(all, arguments.verb), all, date));
    return kExitDone;
  }
  for (const VerbInfo& verb : all)
    WriteWholeFile(fmt::format("{}/{}.1", arguments.folder, ManPageName(verb)), ManPage(verb, all, date));
  return kExitDone;
}

}  // namespace

std::vector<Verb> AddMan(CLI::App& command, Options& options) {
  CLI::App* verb = command.add_subcommand("man", "Print a verb's manual page");
  const auto arguments = std::make_shared<ManArguments>();
  verb->add_option("VERB", arguments->verb, "the verb (the command itself)");
  verb->add_option("--folder", arguments->folder, "write the pages of all verbs to FOLDER")
      ->type_name("FOLDER");
  AddOptions(*verb, options, {Opt::kOutput});
  verb->footer("  knetlab man run | man -l -");
  return {{verb, [arguments, &command](Session& session) { return Man(session, command, *arguments); }}};
}

}  // namespace knetlab
