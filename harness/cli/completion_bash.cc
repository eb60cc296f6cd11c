// SPDX-License-Identifier: Apache-2.0
// For bash without the package bash-completion, whose functions it would otherwise use. Bash breaks words at
// "=" and ":", so that "--rig=wire" and "junit:FILE" are three words to it.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "harness/cli/completion.h"

namespace knetlab {
namespace {

std::string Key(const VerbInfo& verb) {
  return fmt::format("{}", fmt::join(verb.path, " "));
}

// What stands behind an option: words, files, or nothing that could be told.
std::string Values(const OptionInfo& option) {
  if (!option.choices.empty()) return fmt::format("_knetlab_words {}", fmt::join(option.choices, " "));
  if (option.TakesFile()) return "_knetlab_files";
  return ":";
}

std::string ValuesOf(const VerbInfo& verb) {
  std::string text;
  for (const OptionInfo& option : verb.options) {
    if (option.value.empty()) continue;
    std::vector<std::string> patterns;
    for (const std::string& name : option.names)
      patterns.push_back(fmt::format("\"{} {}\"", Key(verb), name));
    text += fmt::format("    {}) {}; return ;;\n", fmt::join(patterns, " | "), Values(option));
  }
  return text;
}

std::string WordsOf(const VerbInfo& verb) {
  std::vector<std::string> options;
  for (const OptionInfo& option : verb.options)
    options.insert(options.end(), option.names.begin(), option.names.end());
  std::vector<std::string> words = verb.verbs;
  bool files = false;
  for (const OptionInfo& argument : verb.arguments) {
    words.insert(words.end(), argument.choices.begin(), argument.choices.end());
    files = files || argument.TakesFile();
  }
  std::string others = words.empty() ? (files ? "_knetlab_files" : ":")
                                     : fmt::format("_knetlab_words {}", fmt::join(words, " "));
  return fmt::format("    \"{}\")\n      if [[ $current == -* ]]; then _knetlab_words {}; else {}; fi ;;\n",
                     Key(verb), fmt::join(options, " "), others);
}

}  // namespace

std::string BashCompletion(const std::vector<VerbInfo>& verbs) {
  std::string text =
      "# bash completion of knetlab, made by `knetlab completion bash`\n\n"
      "_knetlab_words() {\n"
      "  mapfile -t COMPREPLY < <(compgen -W \"$*\" -- \"$current\")\n"
      "}\n\n"
      "_knetlab_files() {\n"
      "  compopt -o filenames 2>/dev/null\n"
      "  mapfile -t COMPREPLY < <(compgen -f -- \"$current\")\n"
      "}\n\n"
      "_knetlab() {\n"
      "  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} verb='' i\n"
      "  COMPREPLY=()\n"
      "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
      "    case \"$verb ${COMP_WORDS[i]}\" in\n";
  for (const VerbInfo& verb : verbs) {
    if (verb.path.empty()) continue;
    std::vector<std::string> above(verb.path.begin(), verb.path.end() - 1);
    text +=
        fmt::format("      \"{} {}\") verb=\"{}\" ;;\n", fmt::join(above, " "), verb.path.back(), Key(verb));
  }
  text +=
      "    esac\n"
      "  done\n"
      "  if [[ $current == '=' ]]; then\n"
      "    current=''\n"
      "  elif [[ $previous == '=' ]]; then\n"
      "    previous=${COMP_WORDS[COMP_CWORD - 2]}\n"
      "  fi\n"
      "  if [[ $current == ':' || $previous == ':' ]]; then\n"
      "    current=${current#:}\n"
      "    _knetlab_files\n"
      "    return\n"
      "  fi\n"
      "  case \"$verb $previous\" in\n";
  for (const VerbInfo& verb : verbs) text += ValuesOf(verb);
  text += "  esac\n  case $verb in\n";
  for (const VerbInfo& verb : verbs) text += WordsOf(verb);
  return text + "  esac\n}\n\ncomplete -F _knetlab knetlab\n";
}

}  // namespace knetlab
