// SPDX-License-Identifier: Apache-2.0
#include "harness/scenario/source_revision.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <system_error>

namespace knetlab {
namespace {

namespace fs = std::filesystem;

constexpr std::streamsize kLongestLine = 4096;

// The first line, without its end; empty where there is none. Only of plain files: reading a pipe would wait.
std::string FirstLine(const fs::path& path) {
  std::error_code failure;
  if (!fs::is_regular_file(path, failure)) return "";
  std::ifstream file(path);
  std::string line(kLongestLine, '\0');
  file.read(line.data(), kLongestLine);
  line.resize(static_cast<std::size_t>(file.gcount()));
  return line.substr(0, line.find_first_of("\r\n"));
}

bool IsCommit(const std::string& text) {
  return (text.size() == 40 || text.size() == 64) &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isxdigit(c) != 0; });
}

std::string WithoutPrefix(const std::string& text, const std::string& prefix) {
  return text.starts_with(prefix) ? text.substr(prefix.size()) : "";
}

// "COMMIT refs/heads/main", a line each.
std::string PackedRef(const fs::path& folder, const std::string& name) {
  std::error_code failure;
  if (!fs::is_regular_file(folder / "packed-refs", failure)) return "";
  std::ifstream file(folder / "packed-refs");
  for (std::string line; std::getline(file, line);) {
    const std::size_t space = line.find(' ');
    if (space != std::string::npos && line.substr(space + 1) == name) return line.substr(0, space);
  }
  return "";
}

// The folder that .git is, or that it names (of a worktree or a submodule).
fs::path GitFolder(const fs::path& dot_git) {
  std::error_code failure;
  if (fs::is_directory(dot_git, failure)) return dot_git;
  const std::string named = WithoutPrefix(FirstLine(dot_git), "gitdir: ");
  return named.empty() ? fs::path() : dot_git.parent_path() / named;
}

std::string HeadOf(const fs::path& folder) {
  std::string head = FirstLine(folder / "HEAD");
  const std::string name = WithoutPrefix(head, "ref: ");
  if (name.empty()) return head;
  if (name.find("..") != std::string::npos) return "";
  const std::string common = FirstLine(folder / "commondir");  // where a worktree's branches are
  const fs::path shared = common.empty() ? folder : folder / common;
  for (const fs::path& place : {folder, shared}) {
    if (std::string commit = FirstLine(place / name); !commit.empty()) return commit;
  }
  return PackedRef(shared, name);
}

}  // namespace

std::string SourceRevision(const std::string& path) {
  std::error_code failure;
  fs::path folder = fs::weakly_canonical(path, failure);
  if (failure) return "";
  for (;; folder = folder.parent_path()) {
    if (fs::exists(folder / ".git", failure)) {
      const fs::path git = GitFolder(folder / ".git");
      const std::string commit = git.empty() ? "" : HeadOf(git);
      return IsCommit(commit) ? commit : "";
    }
    if (!folder.has_relative_path()) return "";
  }
}

}  // namespace knetlab
