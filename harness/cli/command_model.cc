// SPDX-License-Identifier: Apache-2.0
#include "harness/cli/command_model.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <sstream>

namespace knetlab {
namespace {

std::vector<std::string> Split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream source(text);
  for (std::string part; std::getline(source, part, separator);) parts.push_back(part);
  return parts;
}

OptionInfo InfoOf(const CLI::Option& option) {
  OptionInfo info;
  for (const std::string& name : option.get_snames()) info.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) info.names.push_back("--" + name);
  info.text = option.get_description();
  info.required = option.get_required();
  const bool argument = info.names.empty();
  if (argument) info.names.push_back(option.get_name(true));
  if (option.get_type_size() == 0) return info;
  // CLI11 appends the choices to the type: "RIG:{unit,wire}".
  info.value = option.get_type_name();
  const std::size_t choices = info.value.find(":{");
  if (choices != std::string::npos && info.value.ends_with('}')) {
    info.choices = Split(info.value.substr(choices + 2, info.value.size() - choices - 3), ',');
    info.value.resize(choices);
  }
  // And the range of a number: "PERCENT:FLOAT in [0 - 100]".
  if (const std::size_t range = info.value.find(" in ["); range != std::string::npos)
    info.value.resize(info.value.rfind(':', range));
  if (argument && info.value == "TEXT") info.value = info.names.front();
  info.many =
      option.get_expected_max() > 1 || option.get_multi_option_policy() == CLI::MultiOptionPolicy::TakeAll;
  return info;
}

void Describe(const CLI::App& app, const std::vector<std::string>& path, std::vector<VerbInfo>& verbs) {
  VerbInfo info;
  info.path = path;
  info.summary = app.get_description();
  info.footer = app.get_footer();
  for (const CLI::Option* option : app.get_options())
    (option->get_positional() ? info.arguments : info.options).push_back(InfoOf(*option));
  const auto below = app.get_subcommands([](const CLI::App*) { return true; });
  for (const CLI::App* verb : below) info.verbs.push_back(verb->get_name());
  verbs.push_back(std::move(info));
  for (const CLI::App* verb : below) {
    std::vector<std::string> deeper = path;
    deeper.push_back(verb->get_name());
    Describe(*verb, deeper, verbs);
  }
}

std::string InTable(std::string text) {
  for (std::size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2) text.insert(at, "\\");
  return text;
}

}  // namespace

bool OptionInfo::TakesFile() const {
  return value.find("FILE") != std::string::npos || value.find("PATH") != std::string::npos ||
         value.find("OBJECT") != std::string::npos || value.find("FOLDER") != std::string::npos;
}

std::string OptionInfo::Meaning() const {
  std::string meaning = text.empty() ? value : text;
  if (!choices.empty() && meaning.find(choices.front()) == std::string::npos)
    meaning += fmt::format(": {}", fmt::join(choices, ", "));
  return meaning;
}

std::string VerbInfo::Name(const std::string& between) const {
  std::string name = "knetlab";
  for (const std::string& part : path) name += between + part;
  return name;
}

std::vector<VerbInfo> DescribeCommand(const CLI::App& command) {
  std::vector<VerbInfo> verbs;
  Describe(command, {}, verbs);
  return verbs;
}

std::string OptionTable(const std::vector<VerbInfo>& verbs) {
  struct Row {
    std::string option, text;
    std::vector<std::string> of;
  };
  std::vector<Row> rows;
  for (const VerbInfo& verb : verbs) {
    for (const OptionInfo& option : verb.options) {
      if (verb.path.empty() || option.names.back() == "--help") continue;
      std::vector<std::string> names = option.names;
      if (!option.value.empty()) names.back() += " " + option.value;
      Row row{.option = fmt::format("`{}`", fmt::join(names, "`, `")), .text = option.Meaning(), .of = {}};
      auto known = std::find_if(rows.begin(), rows.end(), [&](const Row& one) {
        return one.option == row.option && one.text == row.text;
      });
      if (known == rows.end()) known = rows.insert(rows.end(), row);
      known->of.push_back(verb.Name().substr(std::string_view("knetlab ").size()));
    }
  }
  std::string table = "| option | of | meaning |\n| --- | --- | --- |\n";
  for (const Row& row : rows)
    table +=
        fmt::format("| {} | {} | {} |\n", InTable(row.option), fmt::join(row.of, ", "), InTable(row.text));
  return table;
}

}  // namespace knetlab
