// SPDX-License-Identifier: Apache-2.0
// Runs the built command, for tests.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "netns/fd.h"

namespace knetlab {

struct Finished {
  int status = -1;  // exit status
  int signal = 0;   // that ended it
  std::string out, err;
};

// Ended by SIGKILL when it goes, if it still runs.
class RunningCommand {
 public:
  // `knetlab WORD...`, or the words themselves where `whole`. stdout goes to `out_fd` where there is one.
  explicit RunningCommand(std::vector<std::string> words, bool whole = false, int out_fd = -1);
  ~RunningCommand();
  RunningCommand(const RunningCommand&) = delete;
  RunningCommand& operator=(const RunningCommand&) = delete;

  bool AwaitOutput(const std::string& text);  // false where it ends, or 20 s pass, without having printed it
  void Signal(int number) const;
  Finished Wait();

 private:
  bool ReadSome(int timeout_ms);

  pid_t pid_ = -1;
  UniqueFd out_, err_;
  Finished finished_;
};

Finished RunKnetlab(std::vector<std::string> words);

// A folder that is gone afterwards.
class TestFolder {
 public:
  TestFolder();
  ~TestFolder();
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;

  std::string Write(const std::string& name, const std::string& text) const;  // returns the path
  std::string Path(const std::string& name) const { return path_ / name; }
  std::size_t Files() const;

 private:
  std::filesystem::path path_;
};

std::string ReadWhole(const std::string& path);

}  // namespace knetlab
