// SPDX-License-Identifier: Apache-2.0
#include "harness/filter/caret.h"

#include <algorithm>
#include <string_view>
#include <vector>

namespace knetlab {
namespace {

constexpr std::size_t kMaxShown = 400;
// The scanner has an error of its own for what looks like an address and is none. Errors of the scanner come
// as soon as a word is read, and a syntax error after one does not replace it.
constexpr std::string_view kBogus = " 1:1:1:1:1:1:999.1.1.1";
constexpr std::string_view kBogusMessage = "bogus IPv6 address";

struct Word {
  std::size_t begin, end;
};

bool IsSpace(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// Letters, digits and what addresses and names have between them. A colon parts offset and size in brackets.
bool IsWordCharacter(char c, bool in_brackets) {
  const bool alphanumeric = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  return alphanumeric || c == '_' || c == '.' || c == '-' || c == '\\' || (c == ':' && !in_brackets);
}

bool IsDoubled(std::string_view two) {
  return two == "&&" || two == "||" || two == "<=" || two == ">=" || two == "!=" || two == "==" ||
         two == "<<" || two == ">>";
}

std::vector<Word> Words(const std::string& text) {
  std::vector<Word> words;
  bool in_brackets = false;
  for (std::size_t i = 0; i < text.size();) {
    if (IsSpace(text[i])) {
      ++i;
      continue;
    }
    const std::size_t begin = i;
    if (text[i] != '-' && IsWordCharacter(text[i], in_brackets)) {
      while (i < text.size() && IsWordCharacter(text[i], in_brackets)) ++i;
      while (text[i - 1] == '-' && i - 1 > begin) --i;  // ends no word
    } else {
      if (text[i] == '[') in_brackets = true;
      if (text[i] == ']') in_brackets = false;
      i += IsDoubled(std::string_view(text).substr(i, 2)) ? 2 : 1;
    }
    words.push_back({begin, i});
  }
  return words;
}

// Whether the parser takes this much of an expression, as a beginning.
bool IsBeginning(const std::string& expression, std::size_t end, const CompileAttempt& attempt) {
  const std::string message = attempt(expression.substr(0, end).append(kBogus));
  return message.find(kBogusMessage) != std::string::npos;
}

// What is a beginning stays one when words are taken off its end: the first bad word is found by halving, so
// that names in the expression are not looked up too often.
std::size_t FirstBadWord(const std::string& expression, const std::vector<Word>& words,
                         const CompileAttempt& attempt) {
  std::size_t good = 0, bad = words.size() + 1;  // how many words; one more than there are stands for the end
  while (bad - good > 1) {
    const std::size_t middle = good + (bad - good) / 2;
    if (IsBeginning(expression, words[middle - 1].end, attempt)) {
      good = middle;
    } else {
      bad = middle;
    }
  }
  return good < words.size() ? words[good].begin : expression.size();
}

// What a message names: in quotes, or a number behind what it is a number of.
std::vector<std::string> NamedWords(const std::string& message) {
  std::vector<std::string> named;
  for (const char quote : {'\'', '"'}) {
    const std::size_t begin = message.find(quote);
    const std::size_t end = begin == std::string::npos ? begin : message.find(quote, begin + 1);
    if (end != std::string::npos) named.push_back(message.substr(begin + 1, end - begin - 1));
  }
  for (const std::string_view of : {" number ", " tag ", " label "}) {
    const std::size_t begin = message.find(of);
    if (begin == std::string::npos) continue;
    const std::size_t number = begin + of.size();
    named.push_back(message.substr(number, message.find(' ', number) - number));
  }
  std::erase(named, "");
  return named;
}

// One word or several, whole ones.
std::optional<std::size_t> OnlyPlaceOf(const std::string& wanted, const std::string& expression,
                                       const std::vector<Word>& words) {
  std::optional<std::size_t> place;
  for (const Word& word : words) {
    const std::size_t begin = word.begin + (expression[word.begin] == '\\' ? 1 : 0);
    if (expression.compare(begin, wanted.size(), wanted) != 0) continue;
    const bool whole = std::any_of(words.begin(), words.end(),
                                   [&](const Word& last) { return last.end == begin + wanted.size(); });
    if (!whole) continue;
    if (place) return std::nullopt;
    place = begin;
  }
  return place;
}

bool AllPrintable(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

}  // namespace

std::optional<std::size_t> FindCaret(const std::string& expression, const std::string& message,
                                     const CompileAttempt& attempt) {
  const std::vector<Word> words = Words(expression);
  if (message.find("syntax error") != std::string::npos) {
    if (!IsBeginning("", 0, attempt)) return std::nullopt;  // a libpcap that words it otherwise
    return FirstBadWord(expression, words, attempt);
  }
  for (const std::string& named : NamedWords(message)) {
    if (const auto place = OnlyPlaceOf(named, expression, words)) return place;
  }
  return std::nullopt;
}

std::string ExpressionWithCaret(const std::string& expression, const std::string& message,
                                const CompileAttempt& attempt) {
  if (expression.size() > kMaxShown || !AllPrintable(expression)) return "";
  const auto place = FindCaret(expression, message, attempt);
  if (!place) return "";
  return expression + "\n" + std::string(*place, ' ') + "^";
}

}  // namespace knetlab
