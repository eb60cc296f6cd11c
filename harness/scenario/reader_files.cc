// SPDX-License-Identifier: Apache-2.0
// Files that the reader looks for: scenarios, objects, captures.
#include <dlfcn.h>
#include <fmt/format.h>
#include <link.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>

#include "harness/scenario/reader_context.h"
#include "harness/scenario/reader_error.h"
#include "netns/error.h"
#include "netns/nearest.h"

namespace knetlab {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxPath = 1024;

bool IsRegular(const fs::path& path) {
  std::error_code ignored;  // what cannot be looked at is not there
  return fs::is_regular_file(path, ignored);
}

bool IsFolder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

std::string NearestFile(const std::string& name, const std::vector<fs::path>& folders) {
  std::vector<std::string> names;
  for (const fs::path& folder : folders) {
    std::error_code error;
    for (fs::directory_iterator file(folder, error), end; !error && file != end; file.increment(error)) {
      if (IsRegular(file->path())) names.push_back(file->path().filename().string());
    }
  }
  std::sort(names.begin(), names.end());
  return Printable(NearestName(name, names));
}

// The first that is a regular file of `path` itself, where it is absolute, or below the folders.
std::string FindFile(const Node& node, const fs::path& path, std::string_view what,
                     const std::vector<fs::path>& folders) {
  if (path.empty() || path.native().size() > kMaxPath) node.FailType(fmt::format("the path of {}", what));
  std::vector<fs::path> candidates;
  if (path.is_absolute()) candidates = {path};
  if (path.is_relative()) {
    for (const fs::path& folder : folders) candidates.push_back(folder / path);
  }
  for (const fs::path& candidate : candidates) {
    if (IsRegular(candidate)) return candidate.lexically_normal().string();
  }
  std::vector<std::string> where;
  std::vector<fs::path> searched;
  for (const fs::path& candidate : candidates) {
    std::error_code ignored;
    if (fs::exists(candidate, ignored))
      node.Fail(fmt::format("{} is not a regular file", Quoted(candidate.string())));
    searched.push_back(candidate.parent_path());
    const std::string folder = Printable(candidate.parent_path().lexically_normal().string());
    where.push_back(folder.empty() ? "." : folder);
  }
  const std::string nearest = NearestFile(path.filename().string(), searched);
  std::string hint = nearest.empty() ? fmt::format("looked in {}", fmt::join(where, ", "))
                                     : fmt::format("did you mean {}?", nearest);
  node.Fail(fmt::format("{} {} is not there", what.substr(what.find(' ') + 1), Quoted(path.string())),
            std::move(hint));
}

fs::path FolderOf(const Node& node) {
  return fs::path(node.mark().file).parent_path();
}

std::vector<fs::path> CaptureFolders(const Node& node) {
  const fs::path folder = FolderOf(node);
  return {folder, folder / ".." / "captures"};
}

// The file that this code is in: the command, or the Python module.
fs::path OwnBinary() {
  Dl_info info{};
  link_map* map = nullptr;
  std::error_code ignored;
  if (dladdr1(reinterpret_cast<const void*>(&DefaultObjectFolders), &info, reinterpret_cast<void**>(&map),
              RTLD_DL_LINKMAP) != 0 &&
      map != nullptr && map->l_name != nullptr && map->l_name[0] != '\0')
    return fs::canonical(map->l_name, ignored);
  return fs::read_symlink("/proc/self/exe", ignored);  // the main program has no name in the link map
}

bool IsScenarioName(const fs::path& path) {
  const std::string name = path.filename().string();
  return !name.starts_with('.') && (name.ends_with(".yaml") || name.ends_with(".yml")) &&
         !name.ends_with(".topology.yaml") && !name.ends_with(".topology.yml") &&
         !name.ends_with(".include.yaml") && !name.ends_with(".include.yml");
}

std::vector<std::string> ScenariosBelow(const fs::path& folder) {
  std::vector<std::string> files;
  std::error_code error;
  fs::recursive_directory_iterator entry(folder, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name.starts_with('.') && IsFolder(entry->path())) entry.disable_recursion_pending();
    if (IsScenarioName(entry->path()) && IsRegular(entry->path())) files.push_back(entry->path().string());
  }
  if (error) throw ErrnoError("find scenarios", folder.string(), error.value());
  return files;
}

}  // namespace

std::string FindObject(const Node& node, const ReadContext& context) {
  const fs::path path = node.String("the path of an object file");
  if (std::find(path.begin(), path.end(), "..") != path.end())
    node.Fail("the path of an object has no \"..\"",
              "put the object beside the scenario, or give an absolute path");
  std::vector<fs::path> folders{FolderOf(node)};
  folders.insert(folders.end(), context.options.object_folders.begin(), context.options.object_folders.end());
  return FindFile(node, path, "an object", folders);
}

std::string FindCapture(const Node& node) {
  const fs::path path = node.String("the path of a capture");
  return FindFile(node, path, "a capture", CaptureFolders(node));
}

std::string FindIncluded(const Node& node) {
  const fs::path path = node.String("the path of a file to include");
  if (path.native().find("${") != std::string::npos)
    node.Fail("files are included before there are parameters", "write the name of the file");
  return FindFile(node, path, "a file", {FolderOf(node)});
}

std::string FindGolden(const Node& node, bool& is_there) {
  const fs::path path = node.String("the path of a golden capture");
  std::error_code ignored;
  is_there = path.is_absolute() ? fs::exists(path, ignored) : false;
  for (const fs::path& folder : CaptureFolders(node))
    is_there = is_there || fs::exists(folder / path, ignored);
  if (is_there) return FindFile(node, path, "a golden capture", CaptureFolders(node));
  if (path.empty() || !path.has_filename() || path.native().size() > kMaxPath)
    node.FailType("the path of a golden capture");
  return (FolderOf(node) / path).lexically_normal().string();
}

std::vector<std::string> DefaultObjectFolders() {
  const fs::path binary = OwnBinary();
  std::vector<std::string> folders;
  for (const char* candidate : {"bpf", "../bpf", "../../bpf", "../lib/knetlab/bpf", "../../../knetlab/bpf"}) {
    const fs::path folder = (binary.parent_path() / candidate).lexically_normal();
    if (IsFolder(folder)) folders.push_back(folder.string());
  }
  return folders;
}

std::vector<std::string> FindScenarios(const std::vector<std::string>& paths) {
  std::set<std::string> found;
  for (const std::string& path : paths) {
    if (IsFolder(path)) {
      const std::vector<std::string> files = ScenariosBelow(path);
      if (files.empty())
        throw Error({.what = "find scenarios",
                     .where = path,
                     .why = "the folder has no scenario",
                     .hint = "scenarios are files *.yaml",
                     .detail = ""});
      found.insert(files.begin(), files.end());
    } else if (IsRegular(path)) {
      found.insert(path);
    } else {
      std::error_code error;
      const bool exists = fs::exists(path, error);
      throw Error({.what = "find scenarios",
                   .where = path,
                   .why = exists ? "not a regular file and not a folder" : "no such file or folder",
                   .hint = "",
                   .detail = ""});
    }
  }
  return {found.begin(), found.end()};
}

}  // namespace knetlab
