// SPDX-License-Identifier: Apache-2.0
// The command's verbs and options as data, read from what parses them: shell completion, man pages and the
// documents' table of options are made of it, so that none can differ from --help.
#pragma once

#include <CLI/App.hpp>
#include <string>
#include <vector>

namespace knetlab {

struct OptionInfo {
  std::vector<std::string> names;    // "-j", "--jobs"; of an argument its one name: "PATH"
  std::string value;                 // "N"; empty for a flag
  std::vector<std::string> choices;  // of the value; empty: anything
  std::string text;
  bool required = false;
  bool many = false;  // may be given several times

  // Whether the value is a file or begins with one.
  bool TakesFile() const;
  // The text, with the choices where it does not tell them.
  std::string Meaning() const;
};

struct VerbInfo {
  std::vector<std::string> path;  // "topology", "up"; of the command itself: none
  std::string summary;
  std::string footer;                 // sentences, then examples: lines that begin with two spaces
  std::vector<OptionInfo> arguments;  // by position
  std::vector<OptionInfo> options;
  std::vector<std::string> verbs;  // below it

  std::string Name(const std::string& between = " ") const;  // "knetlab topology up"
};

// The command itself first, then its verbs, each followed by those below it.
std::vector<VerbInfo> DescribeCommand(const CLI::App& command);

// Markdown: "| option | of | meaning |", a row for each option of any verb, --help and --version apart.
std::string OptionTable(const std::vector<VerbInfo>& verbs);

}  // namespace knetlab
