// SPDX-License-Identifier: Apache-2.0
#include "harness/cli/command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "harness/cli/failure.h"
#include "harness/cli/text.h"
#include "harness/cli/verbs.h"
#include "harness/scenario/documents.h"
#include "netns/error.h"
#include "netns/nearest.h"

namespace knetlab {
namespace {

constexpr auto kVerbs = {AddDoctor,   AddTry,      AddFilter, AddCapture,    AddList,
                         AddValidate, AddSchema,   AddRun,    AddReplay,     AddFlood,
                         AddResults,  AddTopology, AddClean,  AddCompletion, AddMan};

// The verb that is being read, as deep as it got: "topology up".
CLI::App* Innermost(CLI::App* app) {
  while (!app->get_subcommands().empty()) app = app->get_subcommands().front();
  return app;
}

// Of none: "".
std::string FullName(const CLI::App* app) {
  std::string name;
  for (; app != nullptr; app = app->get_parent()) name.insert(0, app->get_name() + (name.empty() ? "" : " "));
  return name;
}

std::vector<std::string> NamesOfOptions(const CLI::App* app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app->get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

std::vector<std::string> NamesOfVerbs(const CLI::App* app) {
  std::vector<std::string> names;
  for (const CLI::App* verb : app->get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(verb->get_name());
  return names;
}

Error UsageError(CLI::App& app, const CLI::ParseError& failure) {
  CLI::App* verb = Innermost(&app);
  const std::vector<std::string> unknown = app.remaining(true);
  std::string why = failure.what(), hint;
  if (!unknown.empty()) {
    const std::string& word = unknown.front();
    const bool is_option = word.rfind('-', 0) == 0;
    const std::vector<std::string> verbs = NamesOfVerbs(verb);
    if (is_option || verbs.empty()) {
      why = fmt::format("{} {}", is_option ? "unknown option" : "one argument too many:", word);
      hint = is_option ? NearestName(word.substr(0, word.find('=')), NamesOfOptions(verb)) : "";
    } else {
      why = fmt::format("unknown verb {}", word);
      hint = NearestName(word, verbs);
    }
    if (!hint.empty()) hint = fmt::format("did you mean {}?", hint);
  }
  if (hint.empty()) hint = FullName(verb) + " --help";
  return Error(
      {.what = "usage of", .where = FullName(verb), .why = why, .hint = hint, .detail = "", .code = EINVAL});
}

// Before "--", where words are taken as they are.
bool WantsJson(const std::vector<std::string>& words) {
  const auto end = std::find(words.begin(), words.end(), "--");
  return std::find(words.begin(), end, "--json") != end;
}

// `topology shell FILE -- COMMAND...`: CLI11 would take the command's first word for the namespace.
std::vector<std::string> SplitCommand(std::vector<std::string>& words) {
  const auto dashes = std::find(words.begin(), words.end(), "--");
  const bool shell = words.size() >= 2 && words[0] == "topology" && words[1] == "shell";
  if (!shell || dashes == words.end()) return {};
  std::vector<std::string> command(std::next(dashes), words.end());
  words.erase(dashes, words.end());
  return command;
}

int Report(const Error& error, bool json) {
  if (!json) {
    fmt::print(stderr, "{}", FailureText(error));
    return kExitRefused;
  }
  try {
    Output("").Write(DumpDocument(ErrorDocument(error)));
  } catch (const Error& unwritable) {
    fmt::print(stderr, "{}{}", FailureText(error), FailureText(unwritable));
  }
  return kExitRefused;
}

// "--store=" as "--store" and "": CLI11 takes an empty value after '=' for none, and the next word for it.
std::vector<std::string> WithEmptyValues(const std::vector<std::string>& words) {
  std::vector<std::string> out;
  for (const std::string& word : words) {
    if (word.starts_with("--") && word.size() > 3 && word.find('=') == word.size() - 1) {
      out.push_back(word.substr(0, word.size() - 1));
      out.emplace_back();
    } else {
      out.push_back(word);
    }
  }
  return out;
}

class CommandLine {
 public:
  CommandLine() { verbs_ = BuildCommand(app_, options_); }

  // Throws Error. Help and version are printed here.
  int Run(std::vector<std::string> words, Interrupt& interrupt) {
    std::vector<std::string> after_dashes = SplitCommand(words);
    if (words.empty()) {
      fmt::print(stderr, "{}", app_.help());
      return kExitRefused;
    }
    words = WithEmptyValues(words);
    std::reverse(words.begin(), words.end());  // as CLI11 takes them
    try {
      app_.parse(words);
    } catch (const CLI::CallForVersion&) {
      Output("").Write(app_.version() + "\n");
      return kExitDone;
    } catch (const CLI::Success&) {
      Output("").Write(Innermost(&app_)->help(FullName(Innermost(&app_)->get_parent())));
      return kExitDone;
    } catch (const CLI::ParseError& failure) {
      throw UsageError(app_, failure);
    }
    const CLI::App* chosen = Innermost(&app_);
    const auto verb =
        std::find_if(verbs_.begin(), verbs_.end(), [&](const Verb& one) { return one.app == chosen; });
    Output output(options_.output);
    Session session{options_, interrupt, output, std::move(after_dashes)};
    const int status = verb->run(session);
    output.Commit();
    return status;
  }

 private:
  CLI::App app_;
  Options options_;
  std::vector<Verb> verbs_;
};

}  // namespace

std::vector<Verb> BuildCommand(CLI::App& command, Options& options) {
  command.name("knetlab");
  command.description("A lab for kernel networking and BPF programs");
  command.set_version_flag("--version", "knetlab " KNETLAB_VERSION, "show the version");
  command.get_help_ptr()->description("show the options");
  command.require_subcommand(1);
  std::vector<Verb> verbs;
  for (const auto add : kVerbs) {
    for (Verb& verb : add(command, options)) verbs.push_back(std::move(verb));
  }
  // Last: verbs would inherit it.
  command.footer(
      "Exit status: 0 done and every check held; 1 a check failed; 2 usage or environment, nothing was run.\n"
      "\"knetlab VERB --help\" tells about a verb.");
  return verbs;
}

int RunCommandLine(int argc, char** argv) {
  const std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
  const bool json = WantsJson(words);
  try {
    Interrupt interrupt;
    int status = kExitRefused;
    try {
      status = CommandLine().Run(words, interrupt);
    } catch (const std::exception& failure) {
      status = Report(AsError(failure), json);
    }
    interrupt.DieIfInterrupted();
    return status;
  } catch (const std::exception& failure) {
    return Report(AsError(failure), json);
  }
}

}  // namespace knetlab
