// SPDX-License-Identifier: Apache-2.0
#include "harness/cli/man_page.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <sstream>

namespace knetlab {
namespace {

// As text: a letter of roff's own becomes itself, and no line begins a request.
std::string Text(std::string_view text) {
  std::string safe;
  for (const char letter : text) {
    if (letter == '\\') {
      safe += "\\e";
    } else if (letter == '-') {
      safe += "\\-";
    } else if (letter == '"') {
      safe += "\\(dq";
    } else if (letter == '\'' || letter == '.') {
      safe += safe.empty() ? fmt::format("\\&{}", letter) : std::string(1, letter);
    } else {
      safe += letter == '\n' ? ' ' : letter;
    }
  }
  return safe;
}

std::string Bold(std::string_view text) {
  return fmt::format("\\fB{}\\fR", Text(text));
}
std::string Italic(std::string_view text) {
  return fmt::format("\\fI{}\\fR", Text(text));
}

// "-j, --jobs N"
std::string Heading(const OptionInfo& option) {
  std::vector<std::string> names;
  for (const std::string& name : option.names) names.push_back(Bold(name));
  std::string text = fmt::format("{}", fmt::join(names, ", "));
  return option.value.empty() ? text : text + " " + Italic(option.value);
}

std::string Entry(const std::string& heading, const OptionInfo& option) {
  return fmt::format(".TP\n{}\n{}\n", heading, Text(option.Meaning()));
}

std::string Synopsis(const VerbInfo& verb) {
  std::string text = Bold(verb.Name());
  for (const OptionInfo& argument : verb.arguments) {
    const std::string name = Italic(argument.value) + (argument.many ? "..." : "");
    text += " " + (argument.required ? name : "[" + name + "]");
  }
  if (!verb.verbs.empty()) text += " " + Italic("VERB");
  return text + " [" + Italic("OPTION") + "...]\n";
}

// Sentences and examples of a footer: its lines that begin with two spaces are examples.
std::pair<std::string, std::string> Notes(const std::string& footer) {
  std::string sentences, examples;
  std::istringstream source(footer);
  bool fresh = true;  // nothing before it, so that no paragraph has to begin
  for (std::string line; std::getline(source, line);) {
    if (line.starts_with("  ")) {
      examples += Text(line.substr(2)) + "\n";
    } else if (!line.empty()) {
      sentences += (fresh ? "" : ".PP\n") + Text(line) + "\n";
      fresh = false;
    }
  }
  return {sentences, examples};
}

std::string Upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::toupper(c); });
  return text;
}

std::string Section(const char* title, const std::string& content) {
  return content.empty() ? "" : fmt::format(".SH {}\n{}", title, content);
}

std::string Verbs(const VerbInfo& verb, const std::vector<VerbInfo>& all) {
  std::string text;
  for (const VerbInfo& one : all) {
    const bool below = one.path.size() == verb.path.size() + 1 &&
                       std::equal(verb.path.begin(), verb.path.end(), one.path.begin());
    if (below) text += fmt::format(".TP\n{}\n{}\n", Bold(ManPageName(one)) + "(1)", Text(one.summary));
  }
  return text;
}

}  // namespace

std::string ManPageName(const VerbInfo& verb) {
  return verb.Name("-");
}

std::string ManPage(const VerbInfo& verb, const std::vector<VerbInfo>& all, const std::string& date) {
  const std::string name = ManPageName(verb);
  std::string text =
      fmt::format(".TH {} 1 {} \"knetlab {}\" \"User Commands\"\n", Text(Upper(name)), date, KNETLAB_VERSION);
  text += Section("NAME", fmt::format("{} \\- {}\n", Text(name), Text(verb.summary)));
  text += Section("SYNOPSIS", Synopsis(verb));
  const auto [sentences, examples] = Notes(verb.footer);
  text += Section("DESCRIPTION", Text(verb.summary) + ".\n" + (sentences.empty() ? "" : ".PP\n" + sentences));
  std::string arguments, options;
  for (const OptionInfo& argument : verb.arguments) arguments += Entry(Italic(argument.value), argument);
  for (const OptionInfo& option : verb.options) options += Entry(Heading(option), option);
  text += Section("ARGUMENTS", arguments);
  text += Section("VERBS", Verbs(verb, all));
  text += Section("OPTIONS", options);
  text += Section("EXIT STATUS",
                  "0: done, and every check held. 1: a check failed. 2: usage or environment.\n"
                  "An interrupt cleans up, then ends the command by that signal.\n");
  if (!examples.empty()) text += Section("EXAMPLES", ".nf\n" + examples + ".fi\n");
  std::vector<std::string> others;
  if (!verb.path.empty()) others.push_back(Bold("knetlab") + "(1)");
  for (const VerbInfo& one : all) {
    if (one.path.size() == 1 && one.Name() != verb.Name()) others.push_back(Bold(ManPageName(one)) + "(1)");
  }
  return text + Section("SEE ALSO", fmt::format("{}\n", fmt::join(others, ",\n")));
}

}  // namespace knetlab
