// SPDX-License-Identifier: Apache-2.0
// For zsh: a function a verb, with _arguments' specifications.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "harness/cli/completion.h"

namespace knetlab {
namespace {

// Inside single quotes, and inside a specification, where brackets and colons have a meaning.
std::string Quoted(const std::string& text) {
  std::string safe;
  for (const char letter : text) {
    if (letter == '\'') {
      safe += "'\\''";
    } else {
      if (letter == '[' || letter == ']' || letter == ':' || letter == '\\') safe += '\\';
      safe += letter;
    }
  }
  return safe;
}

std::string Action(const OptionInfo& option) {
  if (!option.choices.empty()) return fmt::format("({})", fmt::join(option.choices, " "));
  return option.TakesFile() ? "_files" : " ";
}

std::string OptionSpec(const OptionInfo& option) {
  std::string value;
  if (!option.value.empty()) value = fmt::format(":{}:{}", Quoted(option.value), Action(option));
  std::string specs;
  for (const std::string& name : option.names) {
    const std::string others = option.many ? "*" : fmt::format("({})", fmt::join(option.names, " "));
    const char* equals = !option.value.empty() && name.starts_with("--") ? "=" : "";
    specs += fmt::format(" \\\n    '{}{}{}[{}]{}'", others, name, equals, Quoted(option.text), value);
  }
  return specs;
}

std::string ArgumentSpec(const OptionInfo& argument, std::size_t position) {
  const std::string place = argument.many ? "*" : std::to_string(position);
  return fmt::format(" \\\n    '{}:{}:{}'", place, Quoted(argument.value), Action(argument));
}

std::string Function(const VerbInfo& verb, const std::vector<VerbInfo>& all) {
  std::string text = fmt::format("{}() {{\n", "_" + verb.Name("_"));
  if (!verb.verbs.empty()) text += "  local curcontext=$curcontext state\n";
  text += "  _arguments";
  if (!verb.verbs.empty()) text += " -C";
  for (const OptionInfo& option : verb.options) text += OptionSpec(option);
  if (verb.verbs.empty()) {
    std::size_t position = 0;
    for (const OptionInfo& argument : verb.arguments) text += ArgumentSpec(argument, ++position);
    return text + "\n}\n\n";
  }
  std::string verbs;
  for (const VerbInfo& one : all) {
    const bool below = one.path.size() == verb.path.size() + 1 &&
                       std::equal(verb.path.begin(), verb.path.end(), one.path.begin());
    if (below) verbs += fmt::format(" {}\\:\"{}\"", one.path.back(), Quoted(one.summary));
  }
  return text + fmt::format(
                    " \\\n    '1:verb:(({}))' \\\n    '*::argument:->argument'\n"
                    "  [[ $state == argument ]] && (( $+functions[{}_$words[1]] )) && {}_$words[1]\n}}\n\n",
                    verbs.substr(1), "_" + verb.Name("_"), "_" + verb.Name("_"));
}

}  // namespace

std::string ZshCompletion(const std::vector<VerbInfo>& verbs) {
  std::string text = "#compdef knetlab\n# zsh completion of knetlab, made by `knetlab completion zsh`\n\n";
  for (const VerbInfo& verb : verbs) text += Function(verb, verbs);
  // As compinit loads it the file is the function's body; sourced it says whose completion it is.
  return text +
         "if [[ $zsh_eval_context[-1] == loadautofunc ]]; then\n  _knetlab \"$@\"\nelse\n  compdef _knetlab "
         "knetlab\nfi\n";
}

}  // namespace knetlab
